import type { Alteration, AuditEvent, AuditEventInput } from '../events/types.js'

/** Where an appended event stands, returned once it is durable. */
export interface AppendReceipt {
  /** Position in the log: 0, 1, 2 … */
  readonly seq: number
  /** SHA-256(0x00 ‖ entry bytes): the entry's leaf in the RFC 6962 tree. */
  readonly leafHash: Uint8Array
}

/** What `record()` takes: an event, and how it already differs from what was said where it came from. */
export type RecordInput = AuditEventInput & { readonly altered?: readonly Alteration[] | undefined }

/** Counters since the log was opened. */
export interface AuditLogStats {
  /** Events taken by `record()` and `append()`, and the log's own `events_dropped`. */
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
  record(event: RecordInput): AuditEvent | undefined
  /**
   * Validates and stores an event; resolves once it is durable (fsynced).
   * With an `id` of the caller's own, a second append of it is kept once and resolves to the first position.
   *
   * While the store cannot write, it waits with the events in the queue. It rejects with `AUDIT_WRITE_FAILED` when the
   * log is closed meanwhile, or when its room is needed for recorded events; the event is then not stored.
   *
   * @throws AuditLogError `AUDIT_INVALID_EVENT`, `AUDIT_LOG_CLOSED`, `AUDIT_LOG_FULL`, `AUDIT_WRITE_FAILED`;
   * `AUDIT_READ_FAILED` when the event of a repeated id cannot be read
   */
  append(event: AuditEventInput): Promise<AppendReceipt>
  /**
   * Resolves when everything taken before the call, queued or in flight, is durable.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` when the store cannot write: the events stay queued and are tried again;
   * `AUDIT_LOG_CLOSED`
   */
  flush(): Promise<void>
  stats(): AuditLogStats
}
