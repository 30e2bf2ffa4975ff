import type { CallerId, FiledEvent, IndexName, SeqRange, WithRunFacts } from '../../contract.js'
import type { FiledEntry } from '../../filed-event.js'
import { type OpenRunChange, openRunChanges, openRunId } from '../../open-runs.js'
import { callerIdText } from '../../placement.js'
import { type Posting, PostingTable } from '../../postings.js'
import { lastOfEachLevel, type TimeBlock, widenBlocks } from '../../time-blocks.js'
import { lowerBound } from '../../walk.js'
import type { NameHashes } from '../hash-key.js'

/** The fields of an event as an index takes them, with its id where that is the caller's. */
export type IndexedEvent = FiledEvent & WithRunFacts & { readonly id?: string }

/** An entry as an index takes it. */
export interface IndexedEntry extends FiledEntry {
  readonly event: IndexedEvent
  readonly callerId: boolean
}

/** The position of an entry whose id its caller chose. */
export interface FiledId {
  readonly id: CallerId
  readonly seq: number
}

/** Entries, and bytes of entries, after which what they file is written: the index lags by twice as much at most. */
export const MAX_TAIL_ENTRIES = 1024
const MAX_TAIL_BYTES = 512 * 1024

/** The index of consecutive entries that the database does not cover yet. */
export class IndexTail implements SeqRange {
  readonly from: number
  readonly #postings = new PostingTable()
  readonly #timeBlocks = new Map<string, TimeBlock>()
  readonly #openRuns = new Map<string, OpenRunChange>()
  readonly #events: (IndexedEvent | undefined)[] = []
  readonly #callerIds = new Map<string, FiledId>()
  /** By the hash under which the index files the id, in a text of one character a byte. */
  readonly #removedIds = new Map<string, number>()
  #lastTimeBlocks: readonly TimeBlock[]
  #to: number
  #bytes = 0

  /** @param lastTimeBlocks - the last time block of each level before it, where further entries would widen it */
  constructor(from: number, lastTimeBlocks: readonly TimeBlock[]) {
    this.from = from
    this.#to = from
    this.#lastTimeBlocks = lastTimeBlocks
  }

  /** Position behind the last entry. */
  get to(): number {
    return this.#to
  }

  /** Bytes of its entries. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Adds the entries that follow.
   *
   * @param entries - `undefined` for those that were removed
   * @param bytes - of all of them
   */
  add(entries: readonly (IndexedEntry | undefined)[], bytes: number): void {
    const firstSeq = this.#to
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at]
      this.#events.push(entry?.event)
      if (!entry) continue
      this.#postings.add(entry, firstSeq + at)
      if (!entry.callerId) continue
      const { tenantId, id } = entry.event
      if (id === undefined) continue
      this.#callerIds.set(callerIdText({ tenantId, id }), { id: { tenantId, id }, seq: firstSeq + at })
    }
    const widened = widenBlocks(this.#lastTimeBlocks, entries, firstSeq)
    for (const block of widened) this.#timeBlocks.set(`${block.level} ${block.block}`, block)
    if (widened.length > 0) this.#lastTimeBlocks = lastOfEachLevel(widened)
    for (const change of openRunChanges(entries, firstSeq)) {
      this.#openRuns.set(openRunId(change.tenantId, change.runId), change)
    }
    this.#to += entries.length
    this.#bytes += bytes
  }

  /** Adds the id of an entry that was removed. @param hash - under which the index files the id */
  addRemovedId(hash: Uint8Array, seq: number): void {
    this.#removedIds.set(Buffer.from(hash).toString('latin1'), seq)
  }

  get postings(): readonly Posting[] {
    return this.#postings.all
  }

  /** The time blocks that its entries begin or widen. */
  get timeBlocks(): Iterable<TimeBlock> {
    return this.#timeBlocks.values()
  }

  /** The last time block of each level, where further entries would widen it. */
  get lastTimeBlocks(): readonly TimeBlock[] {
    return this.#lastTimeBlocks
  }

  get openRuns(): Iterable<OpenRunChange> {
    return this.#openRuns.values()
  }

  /** Returns the event of one of its entries; `undefined` for one that was removed. */
  eventAt(seq: number): IndexedEvent | undefined {
    return this.#events[seq - this.from]
  }

  get callerIds(): Iterable<FiledId> {
    return this.#callerIds.values()
  }

  /** Ids of entries that were removed, by their hashes, with their positions. */
  get removedIds(): ReadonlyMap<string, number> {
    return this.#removedIds
  }

  /** Returns the position of the entry, also of a removed one, with an id of its caller's. */
  positionOf(id: CallerId, hashes: NameHashes): number | undefined {
    const stored = this.#callerIds.size === 0 ? undefined : this.#callerIds.get(callerIdText(id))?.seq
    if (stored !== undefined || this.#removedIds.size === 0) return stored
    return this.#removedIds.get(hashes.ofPair(id.tenantId, id.id))
  }

  /** Returns the postings under every value of an index that starts with these parts. */
  find(index: IndexName, value: readonly string[]): readonly Posting[] {
    return this.#postings.find(index, value)
  }

  /** Returns the positions of a range that are filed under values that start with these parts, ascending. */
  seqs(index: IndexName, value: readonly string[], { from, to }: SeqRange): readonly number[] {
    // Mostly so in a log that is only read.
    if (this.#to === this.from) return []
    const found = this.#postings.find(index, value)
    const [only, ...more] = found
    const seqs = only && more.length === 0 ? only.seqs : found.flatMap((posting) => posting.seqs).sort((a, b) => a - b)
    return seqs.slice(lowerBound(seqs, from), lowerBound(seqs, to))
  }
}

/** Tells whether a tail is to be written. */
export function isFull(tail: IndexTail): boolean {
  return tail.to - tail.from >= MAX_TAIL_ENTRIES || tail.bytes >= MAX_TAIL_BYTES
}
