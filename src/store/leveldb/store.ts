import { resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import type { Tile } from '../../tree/index.js'
import type {
  AuditStore,
  CommitMarks,
  CommitReceipt,
  IndexName,
  JournalPosition,
  SealedEntry,
  SeqCursor,
  SeqRange,
  StoredEntry,
  Walk,
} from '../contract.js'
import { callerIdKey, OPEN_RUN_PREFIX, prefixEnd, readSeq } from '../keys.js'
import { assertPlacedAt, callerIdsOf, type Placement, placeGroup } from '../placement.js'
import { storeClosed } from '../walk.js'
import { type Database, directoryId, openDatabase, requireRoom } from './database.js'
import { DatabaseReads } from './database-reads.js'
import { corrupt, openError, readError } from './errors.js'
import { getMany, type Head, NEW_HEAD, readHead, withId } from './head.js'
import { checkRecovered } from './recovered-entries.js'
import { UncertainGroup } from './uncertain-group.js'
import { writeGroup } from './write-group.js'

/**
 * Keeps a log in LevelDB, in `<directory>/db`. LevelDB takes an exclusive lock: a directory has one writer at a time.
 *
 * @param directory - created if it is missing; a relative path is resolved at once
 */
export function levelStore(directory: string): AuditStore {
  if (typeof directory !== 'string' || directory === '') throw new TypeError('levelStore: a directory is required')
  return new LevelStore(resolve(directory))
}

class LevelStore implements AuditStore {
  readonly location: string
  #db: Database | undefined
  #closeDatabase: () => Promise<void> = async () => {}
  #isOpen = false
  #head: Head = NEW_HEAD
  /** Of the directory that was opened: another one in its place is not this log. */
  #directoryId: string | undefined
  #committing: Promise<CommitReceipt> | undefined
  /** A write failed: see {@link #reopen}. */
  #torn = false
  #uncertain: UncertainGroup | undefined
  /** Opening and closing, one after the other. */
  #lifecycle: Promise<void> = Promise.resolve()

  constructor(location: string) {
    this.location = location
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

  get journalPosition(): JournalPosition | undefined {
    return this.#head.writer.journal
  }

  get closedInOrder(): boolean {
    return this.#head.writer.closed
  }

  open(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isOpen) return
      this.#uncertain = undefined
      await this.#openDatabase(0)
      this.#directoryId = directoryId(this.location)
      this.#isOpen = true
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#isOpen = false
      await this.#committing?.catch(() => undefined)
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

  async openRuns(): Promise<readonly number[]> {
    const range = { gte: OPEN_RUN_PREFIX, lt: prefixEnd(OPEN_RUN_PREFIX) } as { gte: Buffer; lt: Buffer }
    const values = await this.#reading(this.#database().values(range).all())
    return values.map((value) => readSeq(value, 0)).sort((a, b) => a - b)
  }

  entries(walk: Walk): AsyncIterable<readonly StoredEntry[]> {
    return this.#reads().entries(walk)
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#reads().read(seqs)
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    return this.#reads().postings(index, value, walk)
  }

  async countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit?: number): Promise<number> {
    return await this.#reads().countPostings(index, value, range, limit)
  }

  firstOfEach(index: IndexName): AsyncIterable<number> {
    return this.#reads().firstOfEach(index)
  }

  timeRanges(since: string | undefined, until: string | undefined, walk: Walk): AsyncIterable<SeqRange> {
    return this.#reads().timeRanges(since, until, walk)
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#reads().readTiles(tiles)
  }

  async #commit(open: Database, group: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<CommitReceipt> {
    const db = this.#torn ? await this.#reopen() : open
    const kept = this.#uncertain?.positionsOf(group, this.size)
    const rest = kept ? group.filter((_, at) => kept[at] === undefined) : group
    const stored = await this.#reading(storedCallerIds(db, callerIdsOf(rest)))
    const placement = placeGroup(rest, this.size, stored)
    assertPlacedAt(kept?.[0] ?? placement.seqs[0], marks, this.location)
    if (placement.fresh.length > 0 || marks) await this.#write(db, placement, marks)
    this.#uncertain = undefined
    const seqs = placement.seqs.values()
    return { seqs: kept ? kept.map((seq) => seq ?? (seqs.next().value as number)) : placement.seqs, size: this.size }
  }

  async #write(db: Database, placement: Placement, marks: CommitMarks | undefined): Promise<void> {
    try {
      const head = await writeGroup(db, this.#head, placement, marks)
      // LevelDB goes on writing to files that somebody has removed.
      this.#assertInPlace()
      this.#head = head
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
      return await this.#openDatabase(this.size)
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
    const { db, doubtfulBytes, close } = await openDatabase(this.location)
    try {
      const head = await readHead(db, this.location)
      const { size } = head.tree
      await checkRecovered(db, size, doubtfulBytes, this.location)
      if (size < known) throw corrupt(this.location, `of ${known} entries it has ${size}`)
      this.#head = await withId(db, head)
    } catch (error) {
      await close()
      throw openError(error, this.location)
    }
    this.#db = db
    this.#closeDatabase = close
    this.#torn = false
    return db
  }

  #reads(): DatabaseReads {
    return new DatabaseReads(() => this.#database(), this.size, this.location)
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

  async #reading<T>(read: Promise<T>): Promise<T> {
    try {
      return await read
    } catch (error) {
      throw readError(error, this.location)
    }
  }
}

async function storedCallerIds(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const stored = new Map<string, number>()
  if (ids.length === 0) return stored
  const values = await getMany(db, ids.map(callerIdKey))
  ids.forEach((id, at) => {
    const value = values[at]
    if (value) stored.set(id, readSeq(value, 0))
  })
  return stored
}

function writeFailed(location: string, cause: unknown): AuditLogError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AuditLogError('AUDIT_WRITE_FAILED', `Cannot write to the audit log ${location}: ${reason}`, { cause })
}
