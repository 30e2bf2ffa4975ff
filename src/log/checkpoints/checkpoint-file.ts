import { readFile } from 'node:fs/promises'
import { replaceFile } from './replace-file.js'

/** The newest checkpoint, in a file outside of the database: a C2SP signed note. */
export class CheckpointFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** @returns what it holds; `undefined` when there is none */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8')
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw problem
    }
  }

  /** Replaces it: whenever power fails, it is the old one or the new one. Called one at a time. */
  async write(checkpoint: string): Promise<void> {
    await replaceFile(this.path, checkpoint)
  }
}
