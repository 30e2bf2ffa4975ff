import type { Readers } from '../../files/readers.js'
import type { CommitMarks, SealedEntry } from '../contract.js'
import { directoryId, openDatabase, requireRoom } from './database.js'
import { BlockCache } from './entries/block-cache.js'
import { type Head, NEW_HEAD, readHead } from './entries/head.js'
import { EntryReads } from './entries/reads.js'
import { assertRecovered } from './entries/recovered-blocks.js'
import { writeGroup } from './entries/write-group.js'
import { corrupt, openError } from './errors.js'
import { type FollowedLog, followedLog } from './followed-log.js'
import { NameHashes } from './hash-key.js'

import type { Database } from './load-level.js'

/** The database of a log's entries, and the head that the next group builds on. A failed write has it opened anew. */
export class EntryDatabase {
  readonly #location: string
  readonly #readers: Readers
  #db: Database | undefined
  #head: Head = NEW_HEAD
  #hashes = new NameHashes(new Uint8Array())
  #cache = new BlockCache()
  #closeDatabase: () => Promise<void> = async () => {}
  /** Of the directory that was opened: another one in its place is not this log. */
  #directoryId: string | undefined
  #isDistrusted = false

  /** @param readers - who may read the log besides those who may already */
  constructor(location: string, readers: Readers) {
    this.#location = location
    this.#readers = readers
  }

  /** `undefined` unless it is open. */
  get db(): Database | undefined {
    return this.#db
  }

  get head(): Head {
    return this.#head
  }

  get hashes(): NameHashes {
    return this.#hashes
  }

  /** See `AuditStore.isInPlace`. */
  get isInPlace(): boolean {
    try {
      return directoryId(this.#location) === this.#directoryId
    } catch {
      // It cannot be seen for a moment.
      return true
    }
  }

  /** @throws AuditLogError see `AuditStore.open` */
  async open(): Promise<void> {
    await this.#open(0)
    this.#directoryId = directoryId(this.#location)
  }

  async close(): Promise<void> {
    await this.#closeDatabase()
    this.#db = undefined
  }

  /** A write may not have been kept whole: the database is opened anew before the next one. */
  distrust(): void {
    this.#isDistrusted = true
  }

  get isDistrusted(): boolean {
    return this.#isDistrusted
  }

  /**
   * Opens the database anew. LevelDB goes on writing behind a record that it could not write in full, and may lose all of it at
   * the next recovery: opening cuts the torn record off. The entries that a failed sync left on disk after all stay.
   *
   * @throws what the file system throws; AuditLogError
   */
  async reopen(): Promise<void> {
    this.#assertInPlace()
    await requireRoom(this.#location)
    await this.#closeDatabase()
    await this.#open(this.#head.tree.size)
  }

  /** Writes a group atomically and durably. @throws what the file system throws: it may have been kept all the same */
  async write(entries: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<void> {
    const head = await writeGroup(this.#db as Database, this.#head, entries, marks)
    // LevelDB goes on writing to files that somebody has removed.
    this.#assertInPlace()
    this.#head = head
  }

  /** Returns reads of the entries as of now. @param database - gives the open database to each read, or throws */
  reads(database: () => Database): EntryReads {
    const { openBlocks, openPages, removedEntries, tree } = this.#head
    const state = { size: tree.size, removedEntries, openBlocks, openPages }
    return new EntryReads({ database, cache: this.#cache, location: this.#location }, state)
  }

  /** Returns the log as its index sees it. */
  followed(): FollowedLog {
    return followedLog({
      db: this.#db as Database,
      head: this.#head,
      hashes: this.#hashes,
      cache: this.#cache,
      location: this.#location,
    })
  }

  /** @param known - how many entries there are at least */
  async #open(known: number): Promise<void> {
    const location = this.#location
    const { db, doubtfulBytes, close } = await openDatabase(location, this.#readers)
    try {
      const head = await readHead(db, location)
      const { size } = head.tree
      await assertRecovered(db, size, doubtfulBytes, location)
      if (size < known) throw corrupt(location, `of ${known} entries it has ${size}`)
      this.#head = head
    } catch (error) {
      await close()
      throw openError(error, location)
    }
    this.#db = db
    this.#hashes = new NameHashes(this.#head.hashKey)
    this.#cache = new BlockCache()
    this.#closeDatabase = close
    this.#isDistrusted = false
  }

  #assertInPlace(): void {
    if (directoryId(this.#location) === this.#directoryId) return
    throw new Error(`its directory ${this.#location} was removed or replaced`)
  }
}
