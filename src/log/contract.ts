import type { Timestamp } from '../events/time.js'
import type { Alteration, AuditEvent, AuditEventInput } from '../events/types.js'
import type { JournalWindowCounters } from '../write-behind/window-counters.js'

/** The position of an appended event, returned once the event is durable. */
export interface AppendResult {
  /** Position in the log: 0, 1, 2 … */
  readonly seq: number
  /** SHA-256(0x00 ‖ entry bytes): the entry's leaf in the RFC 6962 tree. */
  readonly leafHash: Uint8Array
}

/** An event as `record()` takes it, with the alterations that were made before. */
export type RecordInput = AuditEventInput & { readonly altered?: readonly Alteration[] | undefined }

/** The report on opening a log: what was found, and what was done about it. */
export interface AuditLogRecovery {
  /** The log was not closed: the process that had it died, or exited without closing it. */
  readonly unclean: boolean
  /** Events that were in the journal alone, and are committed now. */
  readonly recoveredEvents: number
  /**
   * The number of these events that nothing outside the log's directory attests: there is no journal key, or they were
   * recorded before the entry in front of them. They are on record as `events_recovered`.
   */
  readonly unattestedEvents: number
  /**
   * Content of the journal that was not taken over: everything behind the end of a log that was closed in order
   * (recorded as `journal_set_aside`), and copies of damaged files. It is kept in `journal/aside`.
   */
  readonly setAside?: { readonly files: number; readonly bytes: number } | undefined
  /** Bytes cut off the end of the journal: what was being written when the process, or the machine, died. */
  readonly tornBytes: number
  /** Stretches of the journal that could not be read, each recorded as `events_dropped`. */
  readonly gaps: number
  /** The log did not continue what was known of it, and was opened nevertheless: says how. */
  readonly divergence?: string | undefined
  /**
   * Runs without an end that got `run_interrupted`. Where the index is being rebuilt, they get it once that is done, and are
   * not counted here.
   */
  readonly interruptedRuns: number
  /** Events that processes recorded which ended before they had a log; left out where there were none. */
  readonly adoptedEvents?: number | undefined
  /** Milliseconds that all this took, the opening of the store left out. */
  readonly durationMs: number
}

/** The reason why an event was dropped. */
export type DropReason =
  | 'closed'
  | 'id_conflict'
  | 'journal_damaged'
  | 'journal_failed'
  | 'journal_unattested'
  | 'log_removed'
  | 'log_unavailable'
  | 'not_sealed'
  | 'power_lost'
  | 'queue_full'
  | 'write_failed'

/** Counters since the log was opened. */
export interface AuditLogCounters {
  /** Events taken by `record()` and `append()`, and the log's own `events_dropped`. */
  readonly recorded: number
  /** Events that are durable. */
  readonly committed: number
  /** Events that were not kept, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Events waiting for, or in, a commit. */
  readonly queuedEvents: number
  /** Of these, the events that are in the journal only: there was no room for them in memory. */
  readonly spilledEvents: number
  /** Entry bytes that wait in memory. */
  readonly queuedBytes: number
  /** Size of the journal's files; 0 without a journal. */
  readonly journalBytes: number
  /** Commits done: fsynced LevelDB batches. */
  readonly commits: number
  /** Records on their way to the thread that writes the journal; `undefined` unless `durability` is `journal-behind`. */
  readonly journalWindow?: JournalWindowCounters | undefined
}

/** The state of a log, and whether it keeps its promises. */
export interface AuditLogHealth {
  /** `ok` when everything that is recorded is kept as promised; `failing` when journal or store cannot be written. */
  readonly status: 'ok' | 'failing' | 'closed'
  /** `off` without a journal. While it fails, events are kept in memory until they are committed. */
  readonly journal: 'ok' | 'failing' | 'off'
  /** While it fails, events are kept in the journal and in memory, and tried again. */
  readonly store: 'ok' | 'failing'
  /** `failing` when the last checkpoint could not be signed or written, which loses nothing; `off` without a signer. */
  readonly checkpoints: 'ok' | 'failing' | 'off'
  /**
   * `rebuilding` while the indexes take in entries that they lack, and `failing` when they cannot be written. Nothing is
   * lost by either: events are recorded and committed, reads wait until the indexes are up to date, and so do appends
   * with ids of their own. A failing index is tried again.
   */
  readonly index: 'ok' | 'rebuilding' | 'failing'
  /** Since when it has been failing. */
  readonly since?: Timestamp
  /** The cause: what the file system or the store threw. */
  readonly cause?: unknown
}

/** The writing side of an open log. */
export interface AuditLogWriter {
  /** The directory, or what the store calls itself. */
  readonly location: string
  /**
   * Takes an event without waiting for the disk: when it returns, the event has been written to the journal, which
   * outlives the process; with `durability: 'journal-behind'` it is on its way there. Never throws: what cannot be taken is counted in `counters().dropped`, and the gap
   * becomes an `events_dropped` event. What does not fit an event's limits is cut and flagged in `altered`.
   * The event is not refused for its schema, as {@link append} does: where the schema of one of your own types
   * (`eventTypes`) does not accept its `data`, it is stored as it is, `altered` names the field with the reason
   * `invalid`, and the flaw is reported as a problem once for each type.
   *
   * @returns the event as sealed, or `undefined` when it was dropped
   */
  record(event: RecordInput): AuditEvent | undefined
  /**
   * Validates and stores an event; resolves once it is durable (fsynced).
   *
   * With an `id` of the caller's own, an event is stored once: a second append of the same event resolves to the position
   * of the first. Each tenant has ids of its own. The same event is one whose fields are the same, however their members
   * are ordered; a `time` that was left out both times does not count, and what was cut counts as far as it was stored,
   * with its length. An append of another event under the id rejects with `AUDIT_ID_CONFLICT`, which names the position,
   * and stores nothing; what else was appended with it is stored. Of an append that nobody waits for any more, since
   * its process died, the log says so itself (`events_dropped`, reason `id_conflict`).
   *
   * While the indexes are being rebuilt, an append with an `id` of the caller's own waits for them: see
   * {@link AuditLogWriter.health}. While the store cannot write, it waits with the events in the queue. It rejects with `AUDIT_WRITE_FAILED` when the
   * log is closed meanwhile: the event is in the journal then, and stored when the log is opened again. Without a
   * journal it is not stored, and rejects also when its room is needed for recorded events.
   *
   * @throws AuditLogError `AUDIT_EVENT_INVALID`, `AUDIT_LOG_CLOSED`, `AUDIT_LOG_FULL`, `AUDIT_WRITE_FAILED`;
   * `AUDIT_ID_CONFLICT`; `AUDIT_READ_FAILED` when the event of a repeated id cannot be read
   */
  append(event: AuditEventInput): Promise<AppendResult>
  /**
   * Resolves when everything taken before the call, queued or in flight, is durable.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` when the store cannot write: the events stay queued and are tried again;
   * `AUDIT_LOG_CLOSED`
   */
  flush(): Promise<void>
  /** Counters since the log was opened; costs nothing. */
  counters(): AuditLogCounters
  /** Returns the health of the log, as its last writes showed it. */
  health(): AuditLogHealth
  /**
   * Resolves when the log could be written durably just now: it commits what waits, or nothing, with fsync. For
   * actions that must not happen when they cannot be recorded.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` when journal or store cannot be written; `AUDIT_LOG_CLOSED`
   */
  assertWritable(): Promise<void>
}
