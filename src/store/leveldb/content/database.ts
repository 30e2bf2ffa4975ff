import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readersOfLog } from '../../../files/readers.js'
import type { SealedContent, SealedEntry } from '../../contract.js'
import { createDirectory } from '../../directory.js'
import { type KeptModes, keepModes } from '../file-modes.js'
import { type Database, newDatabase } from '../load-level.js'
import { requireSafeToWrite } from '../safe-to-write.js'
import { afterKey, contentOf, itemKey } from './keys.js'

/** Items are written once, mostly in the order of their keys, and seldom read. */
const TUNING = { writeBufferSize: 4 * 2 ** 20, maxFileSize: 4 * 2 ** 20, blockSize: 8 * 2 ** 10, compression: false }

/** Name of the database in the directory of a log. */
export const CONTENT = 'content'

/** Path of the database in the directory of a log. */
export function contentPath(directory: string): string {
  return join(directory, CONTENT)
}

/**
 * The database `content` of a log that is written: content items, by the position of their entry and by their field. It is made
 * with the first item. Items are durable before their entries are, so that what is there past the end of the log is what
 * a crash has left between the two, and goes.
 */
export class ContentDatabase {
  readonly #location: string
  #db: Database | undefined
  #modes: KeptModes | undefined
  /** It may lack what was written to it, or hold what has no entry. */
  #isDistrusted = false

  /** @param location - directory of the log */
  constructor(location: string) {
    this.#location = location
  }

  /** Opens what is there, and removes items past the end. @param size - of the log. @throws what LevelDB or the file system throws */
  async open(size: number): Promise<void> {
    if (await isThere(contentPath(this.#location))) await this.#open(size)
  }

  /** Removes items past the end before the next ones are written: a group with other entries may come. */
  distrust(): void {
    this.#isDistrusted = true
  }

  /**
   * Writes the items of entries that are about to be stored, durably.
   *
   * @param size - of the log: the position of the first of them
   * @throws what LevelDB or the file system throws
   */
  async write(entries: readonly SealedEntry[], size: number): Promise<void> {
    const hasContent = entries.some(({ content }) => content !== undefined && content.length > 0)
    if (this.#isDistrusted) {
      // Entries without content do not wait for it. What is left there is bound to others, and fits none of them.
      await this.#openAgain(size).catch((problem: unknown) => {
        if (hasContent) throw problem
      })
    }
    if (!hasContent) return
    if (!this.#db) await this.#open(size)
    const batch = (this.#db as Database).batch()
    try {
      for (const [at, { content }] of entries.entries()) {
        for (const { field, bytes } of content ?? []) batch.put(itemKey(size + at, field), bytes)
      }
      await batch.write({ sync: true })
    } catch (problem) {
      this.#isDistrusted = true
      throw problem
    } finally {
      await batch.close()
    }
  }

  /** Reads the items of entries. @throws what LevelDB throws */
  async read(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    const db = this.#db
    return db ? await contentOf(db, seqs) : seqs.map(() => [])
  }

  async close(): Promise<void> {
    const db = this.#db
    this.#db = undefined
    this.#modes?.close()
    await db?.close()
  }

  /** LevelDB goes on writing behind a record that it could not write in full, and may lose all of it later. */
  async #openAgain(size: number): Promise<void> {
    await this.close()
    await this.open(size)
    this.#isDistrusted = false
  }

  async #open(size: number): Promise<void> {
    const path = contentPath(this.#location)
    await createDirectory(path, readersOfLog(this.#location))
    await requireSafeToWrite(path, this.#location)
    const db = newDatabase(path, { createIfMissing: true, ...TUNING })
    try {
      await db.open()
      await db.clear({ gte: afterKey(size) })
    } catch (problem) {
      await db.close()
      throw problem
    }
    this.#db = db
    this.#modes = await keepModes(path)
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).includes('CURRENT')
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw problem
  }
}
