import type { TileReader } from '../tree/index.js'
import type { CallerId, FiledEvent, WithRunFacts } from './filed-event.js'
import type { IndexName } from './postings.js'
import type { RunKey, RunRow } from './runs/run-row.js'
import type { StoredIndexes } from './stored-indexes.js'
import type { TimeBlock } from './time-blocks.js'
import type { SeqRange, Walk } from './walk.js'

export type { CallerId, FiledEvent, WithRunFacts } from './filed-event.js'
export type { IndexName } from './postings.js'
export type { SeqRange, Walk } from './walk.js'

/*
 * What every engine (LevelDB, memory, …) offers. An engine stores entries at gapless positions and answers two
 * questions quickly: the entries of a range, and the positions filed under an index value. Everything a user asks is
 * made from these by the reader; everything that is written comes as one group at a time from the log.
 */

/** An event as the bytes that are stored, with its leaf hash. After sealing nothing changes them. */
export interface SealedEntry {
  /** UTF-8 JSON; does not contain its own `seq`. Each access may return another view: the length is {@link byteLength}. */
  readonly bytes: Uint8Array
  /** Number of {@link bytes}. */
  readonly byteLength: number
  /** SHA-256(0x00 ‖ bytes), RFC 6962 section 2.1. */
  readonly leafHash: Uint8Array
  /** The fields by which engines file the entry, as the bytes have them. */
  readonly event: FiledEvent & CallerId & WithRunFacts
  /** The caller chose `event.id`: a second entry of the same tenant with it is not stored again. */
  readonly callerId: boolean
  /** Content items of the event, which the store keeps apart from the entry, and durable whenever the entry is. */
  readonly content?: readonly SealedContent[] | undefined
}

/** A content item as it is stored: encrypted, and bound to the leaf hash of its entry and to its field. */
export interface SealedContent {
  /** Dotted path of the field in the event, such as `data.error.message`. */
  readonly field: string
  /** At most {@link MAX_SEALED_BYTES}. */
  readonly bytes: Uint8Array
}

/** Bytes of the largest sealed content item: 256 KiB, and what encryption adds. */
export const MAX_SEALED_BYTES: number = 256 * 1024 + 256
/** Bytes of the sealed content of one entry, all items together. */
export const MAX_CONTENT_BYTES: number = 1024 * 1024

/** A position between two records of a journal; see `log/journal`. */
export interface JournalPosition {
  /** Number of the segment, from 1. */
  readonly segment: number
  /** Bytes from its start. 0: nothing of the segment is needed, it may be missing. */
  readonly offset: number
}

/** Values that a commit stores beside its entries, in the same atomic write. */
export interface CommitMarks {
  /** The store has all that the journal holds up to here. */
  readonly journal?: JournalPosition | undefined
  /** Whoever writes the log is done with it, in good order. Any other commit takes that back. */
  readonly closed?: boolean | undefined
  /** The position that the first entry of the group must get, or have: else nothing is stored. */
  readonly at?: number | undefined
  /** The newest signed checkpoint: a C2SP signed note over this log. It may cover less than the log then has. */
  readonly checkpoint?: string | undefined
}

/** The positions of the entries of a committed group. */
export interface CommitResult {
  /** Position of each entry of the group, in its order; for a repeated caller id the position of the first. */
  readonly seqs: ArrayLike<number>
  /** Number of entries in the log after the commit. */
  readonly size: number
  /**
   * Position of the first entry that this commit stored, or would have stored: what is below it was there before. The log
   * compares an entry that repeats a caller id with the one that was there; an engine only says where that is.
   * Left out, any entry may have been there before, and the log reads back each one that has a caller id.
   */
  readonly firstNew?: number
}

/** Positions in ascending order, or in descending order when walked in reverse, read in chunks. */
export interface SeqCursor {
  /**
   * The next positions in walking order, never empty; `undefined` at the end. With `target`, what comes before it in
   * walking order is skipped without being read where the engine can.
   */
  next(target?: number): Promise<readonly number[] | undefined>
  close(): Promise<void>
}

/** An entry with its position in the log. */
export interface StoredEntry {
  /** From 0 on, without gaps. */
  readonly seq: number
  /** As they were committed: the event's JSON in UTF-8. */
  readonly bytes: Uint8Array
}

/**
 * State of indexes that are kept apart from the entries. `rebuilding`: they take in entries that they lack. `failing`: they
 * cannot be written; the entries can.
 */
export type IndexState = 'ok' | 'rebuilding' | 'failing'

/**
 * A storage engine of one log. All methods but `open` require an open store; after `close` they reject with
 * `AUDIT_LOG_CLOSED`.
 *
 * It keeps the RFC 6962 tree over its entries, as tiles that {@link TileReader.readTiles} reads: with each commit the
 * tree grows by the leaf hashes of the entries that were stored, in the same atomic step.
 */
export interface AuditStore extends TileReader {
  /** Its name in messages: a path, a connection. */
  readonly location: string
  /**
   * `false` once what the store was opened in is gone, or something else is in its place: what is written does not get there any more.
   * Left out by engines to which that cannot happen.
   */
  readonly isInPlace?: boolean

  /**
   * Tells this log from every other: 16 random hexadecimal digits, kept with the log from its creation on. Known
   * once the store is open.
   */
  readonly id: string

  /**
   * Opens for writing, creating what is missing.
   *
   * @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED`, `AUDIT_FORMAT_UNSUPPORTED`
   */
  open(): Promise<void>

  /** Number of committed entries; the next one gets this position. */
  readonly size: number

  /** Root hash of the tree over the committed entries. */
  readonly root: Uint8Array

  /** The checkpoint that the last commit with one brought. */
  readonly checkpoint: string | undefined

  /**
   * Takes in what other writers have committed, in an engine that can have several: `size`, and what reads see, is as
   * of the last commit or refreshing.
   */
  refresh?(): Promise<void>

  /**
   * Stores a group atomically and durably: after it resolves, loss of power keeps all of it; if it rejects, nothing of
   * it is visible. Content items of an entry are durable no later than the entry; those of an entry that is not stored
   * again, since its caller id is there, are not stored either. Where a disk kept a write that it reported as failed, the next commit or open finds the whole group
   * in the log: a commit that begins with entries of that group, in their order, answers with their positions and
   * stores them no second time. Called one at a time.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED`; `AUDIT_LOG_DIVERGED` where `marks.at` is not what the group would get
   */
  commit(group: readonly SealedEntry[], marks?: CommitMarks): Promise<CommitResult>

  /** Position of the entry that is stored under each of these ids, `undefined` where there is none. */
  positionsOf(ids: readonly CallerId[]): Promise<readonly (number | undefined)[]>

  /**
   * State of the indexes, in an engine that keeps them apart from the entries; the indexes of any other are always up to
   * date. Until it is `ok`, commits go on, and every method that needs an index waits.
   */
  readonly indexState?: IndexState
  /**
   * Returns what was wrong since the last call with a part that is no reason to refuse the log, such as its content. Left out by an
   * engine that has no such part.
   */
  takeProblems?(): readonly Error[]

  /**
   * Resolves when the indexes are up to date.
   *
   * @throws AuditLogError when they cannot be read or written
   */
  indexReady?(): Promise<void>

  /** The journal up to here is in the store; `undefined` when no commit said so yet. */
  readonly journalPosition: JournalPosition | undefined

  /** The mark `closed` of the last commit; true for an empty, new log. */
  readonly closedInOrder: boolean

  /**
   * Runs that began (`run_started`, `resumed`) and did not end (`run_completed`, `run_failed`, `run_cancelled`,
   * `run_suspended`, `run_interrupted`): for each the position of the event that began it last, ascending. It takes
   * time by how many are open, not by how much is stored.
   */
  openRuns(): Promise<readonly number[]>

  /**
   * Number of entries that were removed. Their positions are not used again, and the tree keeps their leaf hashes. No index
   * leads to them. Left out by an engine that has none.
   */
  readonly removedEntries?: number

  /**
   * Returns for each of these positions that of the entry which records the removal of what stood there; `undefined` for a
   * position of which nothing was removed. Left out by an engine that has no removed entries.
   */
  removedUnder?(seqs: readonly number[]): Promise<readonly (number | undefined)[]>

  /**
   * Entries of a range in walking order, in chunks. Positions at or past `size` are not there; removed entries are left
   * out, and an entry that is missing otherwise is an error.
   */
  entries(walk: Walk): AsyncIterable<readonly StoredEntry[]>

  /** Entry bytes at these positions, in this order; `undefined` past the end, and where an entry was removed. */
  read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>

  /**
   * Returns the content items that were committed with the entries at these positions: for each position those that are still
   * there, none past the end. Left out by an engine that keeps no content: entries with content are then not committed to it.
   *
   * @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` where reading content takes a right that this process does not have
   */
  content?(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]>

  /**
   * Positions filed under every value that starts with the given parts, at least one: `postings('session', ['s-1'], …)`
   * walks that session of all tenants, in one order.
   */
  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor

  /** Counts the positions that are filed there, without reading entries. Stops past `limit` and returns that. */
  countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit?: number): Promise<number>

  /** The first position of each distinct value of an index, in no promised order. */
  firstOfEach(index: IndexName): AsyncIterable<number>

  /**
   * Time blocks of a level, in walking order, in chunks: block `n` of level `l` has the earliest and the latest `time` of the
   * 256^(l + 1) positions from n × 256^(l + 1) on. There are the levels 0, 1 and 2. The walk names blocks, not positions; those
   * past the end of the log are not there. A block whose entries were all removed may be left out, and one that is missing
   * otherwise is an error. A block may be wider than its entries: it is never narrower.
   */
  timeBlocks(level: number, walk: Walk): AsyncIterable<readonly TimeBlock[]>

  /**
   * Rows of these runs, as of the first `size` entries, in an engine that keeps them: `undefined` where it has none as of
   * then. The row follows from the run's entries, and the reader derives one that is not kept.
   */
  runRows?(keys: readonly RunKey[], size: number): Promise<readonly (RunRow | undefined)[]>

  /**
   * Returns the stored indexes, for verification to compare with the entries. The indexes of a store without this
   * method are not verified.
   */
  indexes?(): StoredIndexes

  close(): Promise<void>
}
