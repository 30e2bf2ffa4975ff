import { MAX_NOTE_BYTES } from '../../checkpoint/index.js'
import { readRegularFile } from '../../files/regular-file.js'
import { replaceFile } from './replace-file.js'

/** The newest checkpoint, in a file outside of the database: a C2SP signed note. */
export class CheckpointFile {
  readonly path: string
  readonly #requirePlace: () => void

  /** @param requirePlace - throws where the path leads to something else than it did */
  constructor(path: string, requirePlace = () => {}) {
    this.path = path
    this.#requirePlace = requirePlace
  }

  /**
   * @returns what it holds; `undefined` when there is none
   * @throws AuditLogError `AUDIT_FILE_REFUSED`, also for a file that is longer than any note; what the file system throws
   */
  async read(): Promise<string | undefined> {
    const bytes = await readRegularFile(this.path, MAX_NOTE_BYTES).catch((problem: NodeJS.ErrnoException) => {
      if (problem.code === 'ENOENT') return undefined
      throw problem
    })
    return bytes?.toString()
  }

  /** Replaces it: whenever power fails, it is the old one or the new one. Called one at a time. */
  async write(checkpoint: string): Promise<void> {
    this.#requirePlace()
    await replaceFile(this.path, checkpoint)
  }
}
