import { open } from 'node:fs/promises'
import { MAX_NOTE_BYTES } from '../../checkpoint/index.js'
import { replaceFile } from './replace-file.js'

/** The newest checkpoint, in a file outside of the database: a C2SP signed note. */
export class CheckpointFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** @returns what it holds, no more of it than shows that it is longer than any note; `undefined` when there is none */
  async read(): Promise<string | undefined> {
    const file = await open(this.path, 'r').catch((problem: NodeJS.ErrnoException) => {
      if (problem.code === 'ENOENT') return undefined
      throw problem
    })
    if (!file) return undefined
    try {
      const bytes = Buffer.alloc(MAX_NOTE_BYTES + 1)
      let length = 0
      for (let read = -1; read !== 0 && length < bytes.length; length += read) {
        read = (await file.read(bytes, length, bytes.length - length, null)).bytesRead
      }
      return bytes.toString('utf8', 0, length)
    } finally {
      await file.close()
    }
  }

  /** Replaces it: whenever power fails, it is the old one or the new one. Called one at a time. */
  async write(checkpoint: string): Promise<void> {
    await replaceFile(this.path, checkpoint)
  }
}
