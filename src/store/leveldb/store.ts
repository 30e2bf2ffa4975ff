import { resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { NOBODY, type Readers } from '../../files/readers.js'
import type { Tile } from '../../tree/index.js'
import type {
  AuditStore,
  CallerId,
  CommitMarks,
  CommitReceipt,
  IndexName,
  IndexState,
  JournalPosition,
  SealedEntry,
  SeqCursor,
  SeqRange,
  StoredEntry,
  Walk,
} from '../contract.js'
import { assertPlacedAt, callerIdsOf, type Placement, placeGroup, storedIds } from '../placement.js'
import type { RunKey, RunRow } from '../runs/run-row.js'
import { storeClosed } from '../store-closed.js'
import type { TimeBlock } from '../time-blocks.js'
import { directoryId, openDatabase, requireRoom } from './database.js'
import { BlockCache } from './entries/block-cache.js'
import { findIds } from './entries/find-ids.js'
import { type Head, NEW_HEAD, readHead } from './entries/head.js'
import { EntryReads } from './entries/reads.js'
import { checkRecovered } from './entries/recovered-blocks.js'
import { StoredTiles } from './entries/stored-tiles.js'
import { writeGroup } from './entries/write-group.js'
import { corrupt, openError, readError } from './errors.js'
import { followedLog } from './followed-log.js'
import { NameHashes } from './hash-key.js'
import { indexPath } from './indexes/database.js'
import { type FollowedLog, LogIndex } from './indexes/log-index.js'
import { IndexReads } from './indexes/reads.js'
import { type Database, loadLevelAhead } from './load-level.js'
import { UncertainGroup } from './uncertain-group.js'

/**
 * Keeps a log in LevelDB, in `<directory>/entries`, and what follows from its entries in `<directory>/index`. LevelDB takes an
 * exclusive lock: a directory has one writer at a time.
 *
 * @param directory - created if it is missing; a relative path is resolved at once
 * @param readers - who may read it besides those who may already. @defaultValue nobody
 */
export function levelStore(directory: string, readers: Readers = NOBODY): AuditStore {
  if (typeof directory !== 'string' || directory === '') throw new TypeError('levelStore: a directory is required')
  loadLevelAhead()
  return new LevelStore(resolve(directory), readers)
}

class LevelStore implements AuditStore {
  readonly location: string
  readonly #readers: Readers
  #db: Database | undefined
  #index: LogIndex | undefined
  #hashes = new NameHashes(new Uint8Array())
  #cache = new BlockCache()
  #closeDatabase: () => Promise<void> = async () => {}
  #isOpen = false
  #head: Head = NEW_HEAD
  #reads: { readonly head: Head; readonly indexes: IndexReads } | undefined
  /** Of the directory that was opened: another one in its place is not this log. */
  #directoryId: string | undefined
  #committing: Promise<CommitReceipt> | undefined
  /** A write failed: see {@link #reopen}. */
  #torn = false
  #uncertain: UncertainGroup | undefined
  /** Opening and closing, one after the other. */
  #lifecycle: Promise<void> = Promise.resolve()

  constructor(location: string, readers: Readers) {
    this.location = location
    this.#readers = readers
  }

  get id(): string {
    return this.#head.id
  }

  get size(): number {
    return this.#head.tree.size
  }

  get root(): Uint8Array {
    return this.#head.tree.root
  }

  get checkpoint(): string | undefined {
    return this.#head.checkpoint
  }

  get removedEntries(): number {
    return this.#head.removedEntries
  }

  get journalPosition(): JournalPosition | undefined {
    return this.#head.writer.journal
  }

  get closedInOrder(): boolean {
    return this.#head.writer.closed
  }

  get isInPlace(): boolean {
    try {
      return directoryId(this.location) === this.#directoryId
    } catch {
      // It cannot be seen for a moment.
      return true
    }
  }

  get indexState(): IndexState {
    return this.#index?.state ?? 'ok'
  }

  async indexReady(): Promise<void> {
    try {
      this.#database()
      await this.#index?.view()
    } catch (error) {
      throw readError(error, this.location)
    }
  }

  open(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isOpen) return
      this.#uncertain = undefined
      await this.#openDatabase(0)
      try {
        this.#index = new LogIndex(indexPath(this.location), () => this.#followed())
        await this.#index.open()
      } catch (error) {
        await this.#closeDatabase()
        throw openError(error, this.location)
      }
      this.#directoryId = directoryId(this.location)
      this.#isOpen = true
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#isOpen = false
      await this.#committing?.catch(() => undefined)
      await this.#index?.close()
      this.#index = undefined
      await this.#closeDatabase()
      this.#db = undefined
    })
  }

  async commit(group: readonly SealedEntry[], marks?: CommitMarks): Promise<CommitReceipt> {
    const db = this.#database()
    if (this.#committing) throw new TypeError('AuditStore.commit() was called before the commit before it settled')
    this.#committing = this.#commit(db, group, marks)
    try {
      return await this.#committing
    } finally {
      this.#committing = undefined
    }
  }

  async positionsOf(ids: readonly CallerId[]): Promise<readonly (number | undefined)[]> {
    const { size } = this
    try {
      return await this.#indexReads().positionsOf(ids)
    } catch (problem) {
      if (!(problem instanceof AuditLogError && problem.code === 'AUDIT_READ_FAILED')) throw problem
      // What is to be committed does not wait for an index that cannot be read.
      const blocks = this.#entryReads().blocks({ from: 0, to: size, reverse: false })
      return await findIds(ids, blocks, this.#hashes)
    }
  }

  async openRuns(): Promise<readonly number[]> {
    return await this.#indexReads().openRuns()
  }

  entries(walk: Walk): AsyncIterable<readonly StoredEntry[]> {
    return this.#entryReads().entries(walk)
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#entryReads().read(seqs)
  }

  async removedUnder(seqs: readonly number[]): Promise<readonly (number | undefined)[]> {
    return await this.#entryReads().removedUnder(seqs)
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    return this.#indexReads().postings(index, value, walk)
  }

  countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit?: number): Promise<number> {
    return this.#indexReads().countPostings(index, value, range, limit)
  }

  firstOfEach(index: IndexName): AsyncIterable<number> {
    return this.#indexReads().firstOfEach(index)
  }

  timeBlocks(level: number, walk: Walk): AsyncIterable<readonly TimeBlock[]> {
    return this.#indexReads().timeBlocks(level, walk)
  }

  async runRows(keys: readonly RunKey[], size: number): Promise<readonly (RunRow | undefined)[]> {
    return await this.#indexReads().runRows(keys, size)
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    try {
      return await new StoredTiles(this.#database()).readTiles(tiles)
    } catch (error) {
      throw readError(error, this.location)
    }
  }

  async #commit(open: Database, group: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<CommitReceipt> {
    const db = this.#torn ? await this.#reopen() : open
    const ids = callerIdsOf(group)
    const placement = placeGroup(group, {
      size: this.size,
      callerIds: storedIds(ids, ids.length === 0 ? [] : await this.positionsOf(ids)),
      kept: this.#uncertain?.positionsOf(group, this.size),
    })
    assertPlacedAt(placement, marks, this.location)
    if (placement.fresh.length > 0 || marks) await this.#write(db, placement, marks)
    await this.#index?.settled()
    this.#uncertain = undefined
    const { seqs, firstNew } = placement
    return { seqs, size: this.size, firstNew }
  }

  async #write(db: Database, placement: Placement, marks: CommitMarks | undefined): Promise<void> {
    try {
      const { fresh } = placement
      const head = await writeGroup(db, this.#head, fresh, marks)
      // LevelDB goes on writing to files that somebody has removed.
      this.#assertInPlace()
      this.#head = head
      this.#index?.add(fresh, head.tree.root)
    } catch (cause) {
      this.#torn = true
      this.#uncertain = UncertainGroup.after(this.#uncertain, this.size, placement.fresh)
      throw writeFailed(this.location, cause)
    }
  }

  /**
   * LevelDB goes on writing behind a record that it could not write in full, and may lose all of it at the next
   * recovery. Opening it anew cuts the torn record off. What a failed sync left on disk after all stays.
   */
  async #reopen(): Promise<Database> {
    try {
      this.#assertInPlace()
      await requireRoom(this.location)
      await this.#closeDatabase()
      const known = this.size
      const db = await this.#openDatabase(known)
      if (this.size > known) await this.#index?.followAgain()
      return db
    } catch (cause) {
      throw writeFailed(this.location, cause)
    }
  }

  #assertInPlace(): void {
    if (directoryId(this.location) === this.#directoryId) return
    throw new Error(`its directory ${this.location} was removed or replaced`)
  }

  /** @param known - how many entries there are at least */
  async #openDatabase(known: number): Promise<Database> {
    const { db, doubtfulBytes, close } = await openDatabase(this.location, this.#readers)
    try {
      const head = await readHead(db, this.location)
      const { size } = head.tree
      await checkRecovered(db, size, doubtfulBytes, this.location)
      if (size < known) throw corrupt(this.location, `of ${known} entries it has ${size}`)
      this.#head = head
    } catch (error) {
      await close()
      throw openError(error, this.location)
    }
    this.#db = db
    this.#hashes = new NameHashes(this.#head.hashKey)
    this.#cache = new BlockCache()
    this.#closeDatabase = close
    this.#torn = false
    return db
  }

  #entryReads(): EntryReads {
    const { openBlocks, openPages, removedEntries } = this.#head
    const state = { size: this.size, removedEntries, openBlocks, openPages }
    return new EntryReads(() => this.#database(), state, this.#cache, this.location)
  }

  /** Reads of the index, the same ones until the next commit. */
  #indexReads(): IndexReads {
    if (this.#reads?.head !== this.#head) this.#reads = { head: this.#head, indexes: this.#newIndexReads() }
    return this.#reads.indexes
  }

  #newIndexReads(): IndexReads {
    const source = {
      view: () => {
        this.#database()
        return (this.#index as LogIndex).view()
      },
      failure: (problem: unknown) => this.#index?.failure(problem) ?? readError(problem, this.location),
    }
    return new IndexReads(source, this.#hashes, this.size)
  }

  #followed(): FollowedLog {
    const { location } = this
    return followedLog({
      db: this.#db as Database,
      head: this.#head,
      hashes: this.#hashes,
      cache: this.#cache,
      location,
    })
  }

  #database(): Database {
    if (!this.#isOpen || !this.#db) throw storeClosed(this.location)
    return this.#db
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#lifecycle.then(change)
    this.#lifecycle = changed.catch(() => undefined)
    return changed
  }
}

function writeFailed(location: string, cause: unknown): AuditLogError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AuditLogError('AUDIT_WRITE_FAILED', `Cannot write to the audit log ${location}: ${reason}`, { cause })
}
