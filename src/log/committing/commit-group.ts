import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { sizeOf } from '../../store/entry-size.js'
import type { JournalSpan } from '../journal/journal-span.js'
import type { UnwrittenRecord } from '../journal/records-behind.js'

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
  /** The journal has the entry: it cannot be taken back. */
  readonly isJournaled: boolean
}

/** Entries that are committed together. `T` is what an append resolves to. */
export class Group<T> {
  /** Those in memory: while there is a {@link span}, only the last ones, which the journal has lost. */
  entries: SealedEntry[] = []
  /** The range of the journal with the entries that are not in memory. */
  span: JournalSpan | undefined = undefined
  /** Number of the entries, wherever they are. */
  length = 0
  /** Those of them that the journal does not have. */
  unjournaled = 0
  /** Never less than what the entries have. */
  bytes = 0
  /** The position up to which the store has the journal once this group is committed. */
  end: JournalPosition | undefined = undefined
  appends: PendingAppend<T>[] = []
  /** Each waits for this group, and so for all before it: groups are committed in order. */
  barriers: Pending<void>[] = []

  hasRoomFor(entry: SealedEntry): boolean {
    return this.length < MAX_GROUP_ENTRIES && (this.length === 0 || this.bytes + sizeOf(entry) <= MAX_GROUP_BYTES)
  }

  /**
   * @param end - of the journal, where there is one
   * @param append - waits for the entry
   */
  add(entry: SealedEntry, isJournaled: boolean, end: JournalPosition | undefined, append?: Pending<T>): void {
    if (append) this.appends.push({ index: this.length, isJournaled, resolve: append.resolve, reject: append.reject })
    this.length++
    this.bytes += sizeOf(entry)
    this.end = end
    if (!isJournaled) this.unjournaled++
    if (!this.span) this.entries.push(entry)
  }

  /** The journal does not have the last entries after all. @param end - of the journal without them */
  lose(lost: readonly UnwrittenRecord[], end: JournalPosition): void {
    this.unjournaled += lost.length
    this.end = end
    const [first] = lost
    if (!this.span || !first) return
    this.entries = lost.map(({ entry }) => entry)
    this.span = lost.length < this.length ? { from: this.span.from, to: first.start } : undefined
  }
}
