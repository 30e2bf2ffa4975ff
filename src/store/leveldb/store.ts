import { resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { NOBODY, type Readers } from '../../files/readers.js'
import type { Tile } from '../../tree/index.js'
import type {
  AuditStore,
  CallerId,
  CommitMarks,
  CommitResult,
  IndexName,
  IndexState,
  JournalPosition,
  SealedContent,
  SealedEntry,
  SeqCursor,
  SeqRange,
  StoredEntry,
  Walk,
} from '../contract.js'
import { assertPosition, callerIdsOf, type Placement, placeGroup, storedIds } from '../placement.js'
import type { RunKey, RunRow } from '../runs/run-row.js'
import { storeClosed } from '../store-closed.js'
import type { TimeBlock } from '../time-blocks.js'
import { ContentDatabase } from './content/database.js'
import { findIds } from './entries/find-ids.js'
import type { Head } from './entries/head.js'
import type { EntryReads } from './entries/reads.js'
import { StoredTiles } from './entries/stored-tiles.js'
import { EntryDatabase } from './entry-database.js'
import { openError, readError } from './errors.js'
import { indexPath } from './indexes/database.js'
import { LogIndex } from './indexes/log-index.js'
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
  readonly #entries: EntryDatabase
  readonly #content: ContentDatabase
  #index: LogIndex | undefined
  #isOpen = false
  #reads: { readonly head: Head; readonly indexes: IndexReads } | undefined
  #committing: Promise<CommitResult> | undefined
  /** Of the writes that failed since one succeeded. */
  #uncertain: UncertainGroup | undefined
  /** Opening and closing, one after the other. */
  #lifecycle: Promise<void> = Promise.resolve()

  constructor(location: string, readers: Readers) {
    this.location = location
    this.#entries = new EntryDatabase(location, readers)
    this.#content = new ContentDatabase(location)
  }

  get id(): string {
    return this.#entries.head.id
  }

  get size(): number {
    return this.#entries.head.tree.size
  }

  get root(): Uint8Array {
    return this.#entries.head.tree.root
  }

  get checkpoint(): string | undefined {
    return this.#entries.head.checkpoint
  }

  get removedEntries(): number {
    return this.#entries.head.removedEntries
  }

  get journalPosition(): JournalPosition | undefined {
    return this.#entries.head.writer.journal
  }

  get closedInOrder(): boolean {
    return this.#entries.head.writer.closed
  }

  get isInPlace(): boolean {
    return this.#entries.isInPlace
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
      await this.#entries.open()
      try {
        this.#index = new LogIndex(indexPath(this.location), () => this.#entries.followed())
        await this.#index.open()
        await this.#content.open(this.size)
      } catch (error) {
        await this.#index?.close()
        await this.#content.close()
        await this.#entries.close()
        throw openError(error, this.location)
      }
      this.#isOpen = true
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#isOpen = false
      await this.#committing?.catch(() => undefined)
      await this.#index?.close()
      this.#index = undefined
      await this.#content.close()
      await this.#entries.close()
    })
  }

  async commit(group: readonly SealedEntry[], marks?: CommitMarks): Promise<CommitResult> {
    this.#database()
    if (this.#committing) throw new TypeError('AuditStore.commit() was called before the commit before it settled')
    this.#committing = this.#commit(group, marks)
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
      return await findIds(ids, blocks, this.#entries.hashes)
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

  async content(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    this.#database()
    try {
      return await this.#content.read(seqs)
    } catch (error) {
      throw readError(error, this.location)
    }
  }

  readonly takeProblems = (): readonly Error[] => this.#content.takeProblems()

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

  async #commit(group: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<CommitResult> {
    if (this.#entries.isDistrusted) await this.#reopen()
    const ids = callerIdsOf(group)
    const placement = placeGroup(group, {
      size: this.size,
      callerIds: storedIds(ids, ids.length === 0 ? [] : await this.positionsOf(ids)),
      kept: this.#uncertain?.positionsOf(group, this.size),
    })
    assertPosition(placement, marks, this.location)
    if (placement.fresh.length > 0 || marks) await this.#write(placement, marks)
    await this.#index?.settled()
    this.#uncertain = undefined
    const { seqs, firstNew } = placement
    return { seqs, size: this.size, firstNew }
  }

  async #write({ fresh }: Placement, marks: CommitMarks | undefined): Promise<void> {
    try {
      await this.#content.write(fresh, this.size)
      await this.#entries.write(fresh, marks)
      this.#index?.add(fresh, this.root)
    } catch (cause) {
      this.#entries.distrust()
      this.#content.distrust()
      this.#uncertain = UncertainGroup.after(this.#uncertain, this.size, fresh)
      throw writeFailed(this.location, cause)
    }
  }

  async #reopen(): Promise<void> {
    try {
      const known = this.size
      await this.#entries.reopen()
      if (this.size > known) await this.#index?.followAgain()
    } catch (cause) {
      throw writeFailed(this.location, cause)
    }
  }

  #entryReads(): EntryReads {
    return this.#entries.reads(() => this.#database())
  }

  /** Reads of the index, the same ones until the next commit. */
  #indexReads(): IndexReads {
    const { head } = this.#entries
    if (this.#reads?.head !== head) this.#reads = { head, indexes: this.#newIndexReads() }
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
    return new IndexReads(source, this.#entries.hashes, this.size)
  }

  #database(): Database {
    const { db } = this.#entries
    if (!this.#isOpen || !db) throw storeClosed(this.location)
    return db
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
