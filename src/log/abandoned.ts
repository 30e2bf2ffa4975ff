import type { Timestamp } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import type { SealedEntry } from '../store/contract.js'

// Every copy of this package in a process uses the same symbol.
const ABANDON: unique symbol = Symbol.for('spanledger.abandon.v1')

/** The rest of a log whose directory was removed, or replaced by another one. */
export interface Abandoned {
  readonly logId: string
  /** Name of the log: entries that are its statements have it. */
  readonly origin: string
  /** The number of entries that it had stored. */
  readonly size: number
  /** Leaf hash of the last of these, where it stored any since it was opened. */
  readonly lastLeaf: Uint8Array | undefined
  /** Entries that it had taken, and not stored. */
  readonly entries: readonly SealedEntry[]
  /** Statements of what it had dropped, and not said so. */
  readonly gaps: readonly AuditEventInput<'events_dropped'>[]
  /** Times at which it took its first and its last entry; `undefined` where it took none. */
  readonly from: Timestamp | undefined
  readonly to: Timestamp | undefined
}

/** A log that can be given up for another one. No part of the public interface. */
export interface AbandonableLog {
  /** Closes it, and writes nothing more to where it was. Pending appends reject. */
  [ABANDON](): Promise<Abandoned>
}

export { ABANDON }
