import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from '../../store/directory.js'

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
    const next = `${this.path}.next`
    const file = await open(next, 'w', 0o600)
    try {
      await file.writeFile(checkpoint)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, this.path)
    await syncDirectory(dirname(this.path))
  }
}
