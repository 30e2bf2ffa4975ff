import type { FiledEntry } from './filed-event.js'
import type { IndexName } from './postings.js'
import type { TimeBlock } from './time-blocks.js'
import type { SeqRange } from './walk.js'

/** Positions under one value of an index, in the form in which a store keeps values. */
export interface FiledPosting {
  readonly index: IndexName
  readonly valueKey: Uint8Array
  readonly seqs: readonly number[]
}

/** A posting as it is stored. */
export interface StoredPosting {
  /** `undefined` where the value is of no index. */
  readonly index: IndexName | undefined
  readonly valueKey: Uint8Array
  /** Ascending; `undefined` where what is stored contradicts itself. */
  readonly seqs: readonly number[] | undefined
}

/** A position that is stored under a key. */
export interface StoredPosition {
  readonly key: Uint8Array
  readonly seq: number
}

/** The end of a log, with what is still to change. */
export interface StoredEnd {
  readonly size: number
  readonly root: Uint8Array
  /** The last time block of each level that further entries would widen. */
  readonly openBlocks: readonly TimeBlock[]
  /** The position from which on all open runs are kept. Open runs that began before it may be missing. */
  readonly openRunsFrom: number
}

/**
 * The indexes that a store keeps beside its entries and its tree, as they are stored. Verification compares them with
 * the entries. They are read in pages, so that memory does not grow with the log. Others may append meanwhile.
 */
export interface StoredIndexes {
  /** The end of the log, all of it as of one moment; entries up to there can be read from then on. */
  end(): Promise<StoredEnd>
  /** Returns the postings under which these entries are filed when they are stored from `firstSeq` on. */
  filed(entries: readonly FiledEntry[], firstSeq: number): readonly FiledPosting[]
  /** Postings of which some position may lie in the range. */
  postings(range: SeqRange): AsyncIterable<readonly StoredPosting[]>
  /** The time blocks `first` to `last` (both included) of a level that are there. */
  timeBlocks(level: number, first: number, last: number): Promise<readonly TimeBlock[]>
  /** Keys are those of `store/keys`. */
  callerIds(): AsyncIterable<readonly StoredPosition[]>
  /** Gives the runs that are open and the size of the log, both as of one moment. Keys are those of `store/keys`. */
  openRuns(use: (size: number, runs: AsyncIterable<readonly StoredPosition[]>) => Promise<void>): Promise<void>
}
