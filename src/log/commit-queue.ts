import type { SealedEntry } from '../store/contract.js'

/** Entries that one commit takes at most. */
export const MAX_GROUP_ENTRIES = 4096
/** Entry bytes that one commit takes at most. */
export const MAX_GROUP_BYTES = 4 * 1024 * 1024

/** A promise that somebody holds. */
export interface Pending<T> {
  resolve(value: T | PromiseLike<T>): void
  reject(reason: unknown): void
}

/** An `append()` whose entry is in a group. */
export interface PendingAppend<T> extends Pending<T> {
  /** Of its entry in the group. */
  readonly index: number
}

/** Entries that are committed together. `T` is what an append resolves to. */
export class Group<T> {
  entries: SealedEntry[] = []
  /** Never less than what the entries have. */
  bytes = 0
  appends: PendingAppend<T>[] = []
  /** Each waits for this group, and so for all before it: groups are committed in order. */
  barriers: Pending<void>[] = []

  hasRoomFor(entry: SealedEntry): boolean {
    return this.entries.length < MAX_GROUP_ENTRIES && this.bytes + entry.bytes.length <= MAX_GROUP_BYTES
  }
}

/**
 * Entries on their way into the store, gathered in groups:
 *
 * ```
 * push → │ last group │ … │ first group │ → take → in flight → settle
 *                                  ↑                     │
 *                                  └────── putBack ──────┘
 * ```
 */
export class CommitQueue<T> {
  readonly #groups: Group<T>[] = []
  #inFlight: Group<T> | undefined = undefined
  #events = 0
  #bytes = 0

  /** Entries in the queue, those in flight among them. */
  get events(): number {
    return this.#events
  }

  /** Bytes of these entries. */
  get bytes(): number {
    return this.#bytes
  }

  push(entry: SealedEntry, append?: Pending<T>): void {
    let group = this.#groups.at(-1)
    if (!group?.hasRoomFor(entry)) {
      group = new Group()
      this.#groups.push(group)
    }
    if (append) group.appends.push({ index: group.entries.length, resolve: append.resolve, reject: append.reject })
    group.entries.push(entry)
    group.bytes += entry.bytes.length
    this.#events++
    this.#bytes += entry.bytes.length
  }

  /** Lets a promise settle with everything that is in the queue now. @returns whether there is anything to wait for */
  addBarrier(barrier: Pending<void>): boolean {
    const last = this.#groups.at(-1) ?? this.#inFlight
    last?.barriers.push(barrier)
    return last !== undefined
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

  /** Takes out the entries, not those in flight, whose callers can be told so. */
  rejectAppends(reason: unknown): void {
    for (const group of this.#groups) {
      if (group.appends.length === 0) continue
      const taken = new Set(group.appends.map(({ index }) => index))
      this.#release(group.entries.filter((_, index) => taken.has(index)))
      group.entries = group.entries.filter((_, index) => !taken.has(index))
      for (const append of group.appends) append.reject(reason)
      group.appends = []
    }
  }

  /** Gives up everything; nothing may be in flight. */
  clear(reason: unknown): void {
    this.rejectBarriers(reason)
    this.rejectAppends(reason)
    for (const group of this.#groups.splice(0)) this.#release(group.entries)
  }

  #release(entries: readonly SealedEntry[]): void {
    this.#events -= entries.length
    for (const entry of entries) this.#bytes -= entry.bytes.length
  }
}
