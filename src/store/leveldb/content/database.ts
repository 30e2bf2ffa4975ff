import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AuditLogError } from '../../../events/errors.js'
import { requireRegularContent } from '../../../files/log-directory.js'
import { readersOfLog } from '../../../files/readers.js'
import type { SealedContent, SealedEntry } from '../../contract.js'
import { createDirectory } from '../../directory.js'
import { codeOf, isDamage, isLocked, messageOf, openError } from '../errors.js'
import { type KeptModes, keepModes } from '../file-modes.js'
import type { Database } from '../load-level.js'
import { isNewDatabase, openSecured } from '../open-secured.js'
import { requireSafeToWrite } from '../safe-to-write.js'
import { afterKey, contentOf, itemKey } from './keys.js'
import { finishRepair, repairContent } from './repair.js'

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
 *
 * It is never a reason to refuse a log. What is damaged, or is no database, gives way to what can be read of it; what cannot be opened
 * for another reason is tried again with the next items.
 */
export class ContentDatabase {
  readonly #location: string
  #db: Database | undefined
  #modes: KeptModes | undefined
  /** The end of the log when a write failed: what is there from that position on may lack its entries, or be of others. */
  #distrustedFrom: number | undefined
  #isDistrusted = false
  #problems: Error[] = []

  /** @param location - directory of the log */
  constructor(location: string) {
    this.#location = location
  }

  /** Opens what is there, and removes items past the end. @param size - of the log. @throws AuditLogError `AUDIT_LOG_LOCKED` */
  async open(size: number): Promise<void> {
    try {
      await finishRepair(contentPath(this.#location))
      if (await isThere(contentPath(this.#location))) await this.#openRepaired(size)
    } catch (problem) {
      if (isLocked(problem)) throw problem
      // With the next items it is tried again.
      this.distrust()
      this.#problems.push(unavailable(this.#location, problem))
    }
  }

  /** Removes items past the end before the next ones are written: a group with other entries may come. */
  distrust(): void {
    this.#isDistrusted = true
  }

  /** Returns what was wrong with it since the last call. */
  takeProblems(): readonly Error[] {
    const problems = this.#problems
    this.#problems = []
    return problems
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
      this.#distrustedFrom ??= size
      // Entries without content do not wait for it. What is left there is bound to others, and fits none of them.
      await this.#openAgain(this.#distrustedFrom).catch((problem: unknown) => {
        if (hasContent) throw problem
      })
    }
    if (!hasContent) return
    try {
      if (!this.#db) await this.#openRepaired(size)
      await this.#write(this.#db as Database, entries, size)
    } catch (problem) {
      this.#isDistrusted = true
      throw problem
    }
  }

  /** Reads the items of entries. @throws what LevelDB throws; AuditLogError where it could not be opened */
  async read(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    const db = this.#db
    if (!db && this.#isDistrusted) throw unavailable(this.#location, undefined)
    return db ? await contentOf(db, seqs) : seqs.map(() => [])
  }

  async close(): Promise<void> {
    const db = this.#db
    this.#db = undefined
    this.#modes?.close()
    this.#modes = undefined
    await db?.close()
  }

  async #write(db: Database, entries: readonly SealedEntry[], size: number): Promise<void> {
    const batch = db.batch()
    try {
      for (const [at, { content }] of entries.entries()) {
        for (const { field, bytes } of content ?? []) batch.put(itemKey(size + at, field), bytes)
      }
      await batch.write({ sync: true })
    } finally {
      await batch.close()
    }
  }

  /** LevelDB goes on writing behind a record that it could not write in full, and may lose all of it later. */
  async #openAgain(size: number): Promise<void> {
    await this.close()
    await finishRepair(contentPath(this.#location))
    if (await isThere(contentPath(this.#location))) await this.#openRepaired(size)
    this.#isDistrusted = false
    this.#distrustedFrom = undefined
  }

  /** Opens the database, or what can be read of it where it is damaged. */
  async #openRepaired(size: number): Promise<void> {
    try {
      await this.#open(size)
    } catch (problem) {
      if (!isReplaceable(problem, this.#location)) throw problem
      const aside = await repairContent(contentPath(this.#location))
      await this.#open(size)
      this.#problems.push(damaged(this.#location, aside, problem))
    }
  }

  async #open(size: number): Promise<void> {
    const [path, location] = [contentPath(this.#location), this.#location]
    await createDirectory(path, readersOfLog(location))
    await requireRegularContent(location)
    const createIfMissing = await isNewDatabase(path, location)
    await requireSafeToWrite(path, location)
    const { db } = await openSecured(path, { createIfMissing, ...TUNING })
    try {
      await db.clear({ gte: afterKey(size) })
      this.#modes = await keepModes(path)
    } catch (problem) {
      await db.close()
      throw problem
    }
    this.#db = db
  }
}

/** Something stands in place of the content: a directory that is empty is as good as none. */
async function isThere(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length > 0
  } catch (problem) {
    return codeOf(problem) !== 'ENOENT' || (await lstat(path).catch(() => undefined)) !== undefined
  }
}

/** File system errors of something that is not the directory of a database of this user. */
const FOREIGN: ReadonlySet<string | undefined> = new Set([
  'ENOTDIR',
  'EEXIST',
  'ELOOP',
  'EISDIR',
  'EACCES',
  'EPERM',
  'ENOENT',
])

/** Tells damage from what passes: a full disk, a lack of descriptors, a lock. */
function isReplaceable(problem: unknown, location: string): boolean {
  if (isLocked(problem)) return false
  return FOREIGN.has(codeOf(problem)) || isDamage(openError(problem, location))
}

function damaged(location: string, aside: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    'AUDIT_CONTENT_DAMAGED',
    `The content of the audit log ${location} was damaged (${messageOf(cause)}). Entries are not concerned. What could be read of it is there again; the damaged files are kept in ${aside}. 'spanledger verify' names the entries that lack content: restore a copy of it if you have one`,
    { cause },
  )
}

function unavailable(location: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    'AUDIT_READ_FAILED',
    `The content of the audit log ${location} cannot be opened${cause === undefined ? '' : ` (${messageOf(cause)})`}. Entries are not concerned; with the next content it is tried again`,
    { cause },
  )
}
