import type { AuditEvent, AuditEventInput, AuditEventType } from '../events/types.js'

/** Where an appended event stands, returned once it is durable. */
export interface AppendReceipt {
  /** Position in the log: 0, 1, 2 … */
  readonly seq: number
  /** SHA-256(0x00 ‖ entry bytes): the entry's leaf in the RFC 6962 tree. */
  readonly leafHash: Uint8Array
}

/** Counters since the log was opened. */
export interface AuditLogStats {
  /** Events taken by `record()` and `append()`. */
  readonly recorded: number
  /** Events that are durable. */
  readonly committed: number
  /** Events that were not kept, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Events waiting for, or in, a commit. */
  readonly queuedEvents: number
  /** Entry bytes waiting for, or in, a commit. */
  readonly queuedBytes: number
  /** Commits done: fsynced LevelDB batches. */
  readonly commits: number
}

/** The writing side of an open log. */
export interface AuditLogWriter {
  /** The directory, or what the store calls itself. */
  readonly location: string
  /**
   * Takes an event without waiting. Never throws: what cannot be taken is counted in `stats().dropped`, and the gap
   * becomes an `events_dropped` event. What does not fit an event's limits is cut and flagged in `altered`.
   * The event is not validated against its schema: {@link append} does that.
   *
   * @returns the event as sealed, or `undefined` when it was dropped
   */
  record<T extends AuditEventType>(event: AuditEventInput<T>): AuditEvent | undefined
  /**
   * Validates and stores an event; resolves once it is durable (fsynced).
   * With an `id` of the caller's own, a second append of it is kept once and resolves to the first position.
   *
   * @throws AuditLogError `AUDIT_INVALID_EVENT`, `AUDIT_LOG_CLOSED`, `AUDIT_LOG_FULL`, `AUDIT_WRITE_FAILED`
   */
  append<T extends AuditEventType>(event: AuditEventInput<T>): Promise<AppendReceipt>
  /** Resolves when everything taken before the call, queued or in flight, is durable. */
  flush(): Promise<void>
  stats(): AuditLogStats
}
