import type { Timestamp } from '../events/time.js'
import type { AuditEventData } from '../events/types.js'
import type { AuditLogRecovery, DropReason } from './contract.js'

/**
 * The events of a log's life, by name, each with the value that its listeners get. They are not stored: the audit
 * events that the log keeps are another matter.
 *
 * A log that takes part in a ledger also emits what it does for other logs of the ledger whose writers died. `location`
 * is that of the log which a value is about.
 *
 * @see AuditLog.on
 * @see AuditLogOptions.on
 */
export interface AuditLogEvents {
  /**
   * Something begins to fail: the store or the journal cannot be written, a checkpoint cannot be signed or published, the
   * directory of the log is gone, an event of an own type has a flaw. Emitted once an episode, not once an event. An
   * `AuditLogError` has a `code`. While nobody listens, a problem goes to `process.emitWarning`.
   */
  problem: Error
  /**
   * Opening a log found more than a log that was closed in order: events in the journal, interrupted runs, events of
   * processes that had no log yet, a divergence that it was asked to record. Emitted while the log is opened, so that
   * only the listeners of the option `on` get it for the log itself; see also `AuditLog.recovery`.
   */
  recovered: RecoveredLog
  /**
   * A new signed checkpoint is in place: it is in the file `checkpoint` beside the log, with the cosignatures that
   * `publishCheckpoint` answered with.
   */
  checkpoint: SignedCheckpoint
  /** Events begin to be dropped. Emitted once an episode and reason, never once an event. */
  dropped: DroppedEvents
  /** The log has put on record what it lacks: an `events_dropped` statement of it is stored. */
  gap: RecordedGap
}

/** The recovery of a log: see {@link AuditLogEvents.recovered}. */
export interface RecoveredLog extends AuditLogRecovery {
  /** Directory of the log that was recovered, or what its store calls itself. */
  readonly location: string
}

/** A checkpoint that a log has signed: see {@link AuditLogEvents.checkpoint}. */
export interface SignedCheckpoint {
  /** Directory of the log, or what its store calls itself. */
  readonly location: string
  /** The checkpoint: a C2SP signed note. */
  readonly note: string
  /** Number of entries that it covers. */
  readonly size: number
  /** Name of the log in its checkpoints. */
  readonly origin: string
}

/** The beginning of an episode in which events are lost: see {@link AuditLogEvents.dropped}. */
export interface DroppedEvents {
  /** Directory of the log, or what its store calls itself. */
  readonly location: string
  /**
   * `queue_full` and `journal_failed`: `record()` found no room, without a journal and with one that cannot be written;
   * `not_sealed`: an event could not be turned into an entry; `closed`: `record()` was called on a closed log;
   * `write_failed`: the log was closed with events that it could not write.
   */
  readonly reason: DropReason
  /** Time of the first event that was dropped. */
  readonly since: Timestamp
}

/** The data of an `events_dropped` statement: see {@link AuditLogEvents.gap}. */
export interface RecordedGap extends AuditEventData<'events_dropped'> {
  /** Directory of the log that made the statement, or what its store calls itself. */
  readonly location: string
}

/** Listens to one event of a log. What it throws or rejects with is ignored. */
export type AuditLogListener<E extends keyof AuditLogEvents> = (value: AuditLogEvents[E]) => unknown

/** Listeners by the names of the events. */
export type AuditLogListeners = { readonly [E in keyof AuditLogEvents]?: AuditLogListener<E> | undefined }

/** Removes a listener; calling it again does nothing. With `using`, the end of the block removes it. */
export interface RemoveListener {
  (): void
  [Symbol.dispose](): void
}
