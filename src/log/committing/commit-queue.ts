import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { sizeOf } from '../../store/entry-size.js'
import type { JournalSpan } from '../journal/journal-span.js'
import type { UnwrittenRecord } from '../journal/records-behind.js'
import { Group, type Pending } from './commit-group.js'

/**
 * Entries on their way into the store, gathered in groups:
 *
 * ```
 * push  → │ last group │ … │ first group │ → take → in flight → settle
 * spill →         ╎                 ↑                    │
 *             journal               └────── putBack ─────┘
 * ```
 *
 * Past half of its limit the queue keeps no entries that the journal has: a group then only says where these are. The
 * order of the groups is that of the entries, wherever these are.
 */
export class CommitQueue<T> {
  readonly #maxBytes: number
  readonly #groups: Group<T>[] = []
  #inFlight: Group<T> | undefined = undefined
  #events = 0
  #bytes = 0
  #spilledEvents = 0
  /**
   * Entries that the journal has go to it alone from half of the memory on, which leaves the other half to those that it
   * cannot take; until there is half of that again, not just as much as the next one needs.
   */
  #isSpilling = false

  /** @param maxBytes - entry bytes to keep in memory */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Entries in the queue: those in flight and those that only the journal has among them. */
  get events(): number {
    return this.#events
  }

  /** Bytes of the entries that are in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** Entries that only the journal has. */
  get spilledEvents(): number {
    return this.#spilledEvents
  }

  /** Tells whether an entry fits into memory. */
  hasRoom(entry: SealedEntry): boolean {
    return this.#bytes + sizeOf(entry) <= this.#maxBytes
  }

  /** Tells whether an entry that the journal has should not be kept in memory as well. */
  shouldSpill(entry: SealedEntry): boolean {
    const after = this.#bytes + sizeOf(entry)
    this.#isSpilling = after > this.#maxBytes / (this.#isSpilling ? 4 : 2)
    return this.#isSpilling
  }

  /** @param end - of the journal, where there is one */
  push(entry: SealedEntry, isJournaled: boolean, end: JournalPosition | undefined, append?: Pending<T>): void {
    let group = this.#groups.at(-1)
    if (!group || group.span || !group.hasRoomFor(entry)) group = this.#begin()
    group.add(entry, isJournaled, end, append)
    this.#events++
    this.#bytes += sizeOf(entry)
  }

  /** Takes an entry that only the journal keeps. */
  spill(entry: SealedEntry, { from, to }: JournalSpan, append?: Pending<T>): void {
    let group = this.#groups.at(-1)
    if (!group?.span || group.entries.length > 0 || !group.hasRoomFor(entry)) {
      group = this.#begin()
      group.span = { from, to }
    }
    group.add(entry, true, to, append)
    this.#events++
    group.span = { from: group.span?.from ?? from, to }
    this.#spilledEvents++
  }

  /** Gives a group its entries back. @throws Error when they are not as many as they were */
  load(group: Group<T>, entries: SealedEntry[]): void {
    const expected = group.length - group.entries.length
    if (entries.length !== expected) {
      throw new Error(`the journal has ${entries.length} of ${expected} entries that it should have`)
    }
    group.entries = [...entries, ...group.entries]
    group.span = undefined
    this.#countAsLoaded(entries)
  }

  /** The journal does not have the entries after all that were queued last. @param end - of the journal without them */
  lose(lost: readonly UnwrittenRecord[], end: JournalPosition): void {
    const groups = this.#inFlight ? [this.#inFlight, ...this.#groups] : this.#groups
    let left = lost.length
    for (let at = groups.length - 1; left > 0 && at >= 0; at--) {
      const group = groups[at] as Group<T>
      const own = lost.slice(Math.max(0, left - group.length), left)
      left -= own.length
      if (group.span) this.#countAsLoaded(own.map(({ entry }) => entry))
      group.lose(own, end)
    }
  }

  /** Tells that nothing waits and nothing is in flight. */
  get isIdle(): boolean {
    return this.#groups.length === 0 && !this.#inFlight
  }

  /** Lets a promise settle with everything that is in the queue now. @returns whether there is anything to wait for */
  addBarrier(barrier: Pending<void>): boolean {
    const last = this.#groups.at(-1) ?? this.#inFlight
    last?.barriers.push(barrier)
    return last !== undefined
  }

  /** Lets a promise settle with the next commit, of nothing where nothing waits. */
  addProbe(barrier: Pending<void>): void {
    const group = this.#groups.at(-1) ?? this.#begin()
    group.barriers.push(barrier)
  }

  /** The next group to commit, which is in flight from now on. */
  take(): Group<T> | undefined {
    this.#inFlight = this.#groups.shift()
    return this.#inFlight
  }

  /** The group in flight was not written: it is the next one again. */
  putBack(): void {
    if (this.#inFlight) this.#groups.unshift(this.#inFlight)
    this.#inFlight = undefined
  }

  /** The group in flight was written. */
  settle(): void {
    if (this.#inFlight) this.#release(this.#inFlight.entries)
    this.#inFlight = undefined
  }

  rejectBarriers(reason: unknown): void {
    for (const group of this.#groups) {
      for (const barrier of group.barriers) barrier.reject(reason)
      group.barriers = []
    }
  }

  /** Takes out the entries, not those in flight or in the journal, whose callers wait for them. */
  rejectAppends(reason: unknown): void {
    for (const group of this.#groups) {
      const rejected = group.appends.filter(({ isJournaled }) => !isJournaled)
      if (rejected.length === 0) continue
      const removed = new Set(rejected.map(({ index }) => index))
      this.#release(group.entries.filter((_, index) => removed.has(index)))
      const kept = group.entries.filter((_, index) => !removed.has(index))
      group.appends = group.appends
        .filter(({ isJournaled }) => isJournaled)
        .map((append) => ({ ...append, index: kept.indexOf(group.entries[append.index] as SealedEntry) }))
      group.entries = kept
      group.length = kept.length
      group.unjournaled -= rejected.length
      for (const append of rejected) append.reject(reason)
    }
  }

  /** Entries, in flight or not, that the journal does not have. */
  get unjournaled(): number {
    let events = this.#inFlight?.unjournaled ?? 0
    for (const group of this.#groups) events += group.unjournaled
    return events
  }

  /** Returns the entries that are in memory and that no append waits for, from the oldest on. */
  get entries(): readonly SealedEntry[] {
    return this.#groups.flatMap(({ entries, appends }) => {
      const awaited = new Set(appends.map(({ index }) => index))
      return entries.filter((_, index) => !awaited.has(index))
    })
  }

  /** Gives up everything; nothing may be in flight. */
  clear(reason: unknown): void {
    this.rejectBarriers(reason)
    for (const group of this.#groups.splice(0)) {
      for (const append of group.appends) append.reject(reason)
      this.#release(group.entries)
      if (!group.span) continue
      const spilled = group.length - group.entries.length
      this.#events -= spilled
      this.#spilledEvents -= spilled
    }
  }

  #begin(): Group<T> {
    const group = new Group<T>()
    this.#groups.push(group)
    return group
  }

  #countAsLoaded(entries: readonly SealedEntry[]): void {
    this.#spilledEvents -= entries.length
    for (const entry of entries) this.#bytes += sizeOf(entry)
  }

  #release(entries: readonly SealedEntry[]): void {
    this.#events -= entries.length
    for (const entry of entries) this.#bytes -= sizeOf(entry)
  }
}
