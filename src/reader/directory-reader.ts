import type { AuditEventType } from '../events/types.js'
import type {
  AuditLogReader,
  EventResults,
  FollowResults,
  FoundEvent,
  LedgerEventQuery,
  LedgerFollowOptions,
} from './contract.js'
import type { CursorBehind } from './ledger-reader.js'
import type { LogEntry } from './log-entry.js'
import type { Results } from './page.js'
import type { FollowQuery } from './query/query.js'

/**
 * Reads a ledger or a single log in a directory, also while other processes write it. Every read sees what was
 * committed `refreshMillis` before. A location that has several logs is read as one: events are merged by their times
 * and have the number of their log, runs, sessions, agents and sums are those of all logs. A log that somebody adds is
 * found at the next look. Where processes have recorded and none has opened a log yet, every answer is empty, {@link logs} has none, and what is asked of one log (`prove`, `verify` …) is refused with `AUDIT_OPEN_FAILED`.
 *
 * Positions (`seq`, `afterSeq`, `beforeSeq`) and proofs are those of one log: where there are several, `get`, `prove`,
 * `proveConsistency`, `evidence` and queries with positions are refused with `AUDIT_QUERY_INVALID`, and {@link logs} has the reader to
 * ask. {@link verify} verifies all of them, and reads the directory anew. A {@link cursor} holds the position in every log.
 */
export interface AuditLogDirectoryReader extends AuditLogReader {
  /** Directory of the ledger, or of the log, as an absolute path. */
  readonly location: string

  /** A reader for each log by its number, as of the latest look; log 0 is the one in {@link location} itself. Closed with this one. */
  readonly logs: ReadonlyMap<number, AuditLogDirectoryReader>

  /**
   * Returns the position behind everything that is committed by now, in every log: opaque text, to be given as `after` or `before` of a
   * query, or as `after` of {@link follow}, also to another reader of the ledger.
   *
   * ```ts
   * const cursor = await log.cursor()
   * // later
   * for await (const event of log.events({ after: cursor })) console.log(event.log, event.seq)
   * ```
   *
   * @param reached - in place of everything that is committed: the position behind the events of each log that are named, by the
   * numbers of the logs, and that of another cursor for the other logs, or their beginnings
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   */
  cursor(reached?: CursorBehind): Promise<string>

  events<T extends AuditEventType | (string & {}) = AuditEventType>(query?: LedgerEventQuery<T>): EventResults<T>
  entries<T extends AuditEventType | (string & {}) = AuditEventType>(query?: LedgerEventQuery<T>): Results<LogEntry>
  follow<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: FollowQuery<T>,
    options?: LedgerFollowOptions,
  ): FollowResults<FoundEvent<T>>

  /**
   * Takes in everything that has been committed by now, whatever `refreshMillis` says.
   *
   * @throws AuditLogError `AUDIT_LOG_CLOSED`, and what opening a reader throws
   */
  refresh(): Promise<void>

  /** Ends reads that are under way with `AUDIT_LOG_CLOSED`, and removes the temporary directory. */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}
