/** Counters of the part of a journal that a thread has still to write. */
export interface JournalWindowCounters {
  /** The option `journalWindowBytes`. */
  readonly windowBytes: number
  /** Bytes that are not written yet: they are lost when the process is killed now. */
  readonly unwrittenBytes: number
  /** The most that was not written at any time. */
  readonly maxUnwrittenBytes: number
  /** The number of calls that waited since the window was full. */
  readonly waits: number
  /** Milliseconds that these calls waited together. */
  readonly waitMillis: number
  /** `caller` once the thread has ended: then the journal is written as with `durability: 'journal'`. */
  readonly writer: 'thread' | 'caller'
}
