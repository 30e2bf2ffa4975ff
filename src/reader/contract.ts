import type { ResolvedContent } from '../content/contract.js'
import type { ContentProof } from '../content/value-proof.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { VerifyOptions } from '../verify/options.js'
import type { LedgerReport, VerifyReport } from '../verify/report.js'
import type { FollowOptions } from './follow/follow.js'
import type { InLedger, LogEntry } from './log-entry.js'
import type { Results } from './page.js'
import type { ConsistencyProof, Evidence, InclusionProof, ProveOptions } from './prove.js'
import type { AgentQuery, EventQuery, FollowQuery, RunQuery, RunRef, SessionQuery, StatsQuery } from './query/query.js'
import type { RunResult } from './run-result.js'
import type { AgentSummary } from './summaries/agents.js'
import type { SessionSummary } from './summaries/sessions.js'
import type { StatsReport } from './summaries/stats-report.js'

/** The first and the last log of a summary whose events are in several logs of a ledger. */
export interface AcrossLogs extends InLedger {
  /** Number of the log in which `firstSeq` is the position of the first event; absent where there is one log. */
  readonly log?: number
  /** Number of the log in which `lastSeq` is the position of the newest event; absent where there is one log. */
  readonly lastLog?: number
}

/** An event that a query found, narrowed to the types that the query names. */
export type FoundEvent<T extends string> = ([T] extends [AuditEventType] ? StoredEvent<T> : StoredEvent) & InLedger

/** Events, in the order of their positions. */
export type EventResults<T extends string = AuditEventType> = Results<FoundEvent<T>>

/** The head of a log: its size and its origin. */
export interface LogHead {
  /** Number of events in the log; the next one gets this `seq`. */
  readonly size: number
  /** Number of events that were removed since, of all in the log; absent when there are none. */
  readonly removedEntries?: number
  /** Origin of the log, as the key that signs it or its newest checkpoint names it; absent where nothing is signed. Reading it verifies nothing. */
  readonly origin?: string
  /**
   * The head of each log of a ledger of several, by their numbers. `size` and `removedEntries` are then the sums of theirs, and
   * `origin` is that of log 0. Absent where there is one log.
   */
  readonly logs?: readonly (LogHead & { readonly log: number })[]
}

/** The filters of `EventQuery` for the events of a ledger, with positions in all of its logs at once. */
export interface LedgerEventQuery<T extends string = AuditEventType> extends EventQuery<T> {
  /** Events behind this position in every log, in either order: a cursor that a reader of the ledger gave. */
  readonly after?: string
  /** Events ahead of this position in every log, in either order: a cursor that a reader of the ledger gave. */
  readonly before?: string
}

/** The start, the interval and the end of following a ledger. */
export interface LedgerFollowOptions extends FollowOptions {
  /** Events behind this position in every log: a cursor that a reader of the ledger gave. In place of `afterSeq`. */
  readonly after?: string
}

/** Events as they are committed. */
export interface FollowResults<T> extends AsyncIterable<T> {
  /**
   * The position behind the events that the latest iteration has given, in every log; `undefined` before it has begun. Give it as
   * `after` to go on.
   */
  readonly cursor: string | undefined
}

/** An event whose content is asked for. */
export interface ContentOwner {
  readonly seq: number
  /** Number of its log in a ledger of several. */
  readonly log?: number
}

/**
 * Reads an audit log. A read on an open log sees everything that was recorded before it began, and nothing of what is
 * recorded while it goes on.
 *
 * A query that cannot be meant (an unknown field, a malformed value, a range that ends before it begins) is an error,
 * `AUDIT_QUERY_INVALID`, that names the field: never an empty answer. Methods that return {@link Results} throw it at
 * the call, the others reject. A field that is `undefined` is malformed too, because a filter that silently falls away
 * would answer with what was not asked for.
 * A run whose tenant or session was identified late (`run_identified`) counts, with its earlier events, as that of its tenant and session: filters
 * go by these, and an event is given as it was recorded.
 * An entry that was removed keeps its position, and no query, list or sum has it any more; {@link get} says that it was removed.
 * What is found while reading comes from the iteration or the promise: `AUDIT_LOG_CORRUPT` for an entry that is missing
 * or cannot be read, `AUDIT_LOG_CLOSED` once the log is closed.
 */
export interface AuditLogReader {
  /**
   * The events that pass every filter of the query, in append order or, with `order: 'desc'`, the newest first.
   * Events of types that this version does not know are returned as they are.
   *
   * ```ts
   * for await (const event of log.events({ sessionId: 's-1', type: 'run_failed', limit: 20 })) {
   *   console.log(event.seq, event.data.error.message)
   * }
   * ```
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`. A `type` that is no type of the catalogue's, nor one of the log's own
   * types, nor that of any event in the log is found while iterating.
   */
  events<T extends AuditEventType | (string & {}) = AuditEventType>(query?: EventQuery<T>): EventResults<T>

  /**
   * The stored bytes of the events that {@link events} would return. Filters aside, they are not looked into: whether
   * they are what was recorded is for a proof to say. With `content`, each has that of its event beside the bytes.
   *
   * @throws AuditLogError as {@link events}
   */
  entries<T extends AuditEventType | (string & {}) = AuditEventType>(query?: EventQuery<T>): Results<LogEntry>

  /**
   * The events that pass the filters and, from then on, those that come: all that is in the log after `afterSeq`, then
   * each as it is committed, in append order, none left out and none twice. Where the query names a tenant or a session and a
   * run is identified as theirs, the earlier events of that run come then, ahead of what follows. It goes on until the consumer leaves the
   * loop or the signal is aborted, which ends it without an error. It reads no faster than it is consumed. A commit of
   * this process is seen at once, that of another one at the next look.
   *
   * ```ts
   * const { size } = await log.head()
   * for await (const event of log.follow({ type: 'run_failed' }, { afterSeq: size - 1 })) alert(event)
   * ```
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`; while iterating `AUDIT_LOG_CLOSED` once the log is closed
   * @throws TypeError naming an unknown or malformed option
   */
  follow<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: FollowQuery<T>,
    options?: FollowOptions,
  ): AsyncIterable<FoundEvent<T>>

  /**
   * The event at a position; `undefined` past the end of the log.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID` when `seq` is not a whole number of at least 0
   * @throws EntryRemovedError `AUDIT_ENTRY_REMOVED` when the event was removed; it names the entry that records the removal
   */
  get(seq: number): Promise<StoredEvent | undefined>

  /**
   * Proves that the entry at a position is in the log, by a checkpoint that covers it: an open log signs one if there is
   * none yet. The proof's `receipt` is verified without the log, by `verifyReceipt` of `spanledger/verify`. Of an entry that was
   * removed, the leaf hash that the tree keeps is proved.
   *
   * @throws AuditLogError `AUDIT_CHECKPOINT_MISSING` when no signed checkpoint covers it; `AUDIT_QUERY_INVALID`;
   * `AUDIT_LOG_CORRUPT` when the entry is not the one that was signed for
   * @throws TypeError naming an unknown option
   */
  prove(seq: number, options?: ProveOptions): Promise<InclusionProof>

  /**
   * Proves that the log continues a checkpoint of it that was kept elsewhere: that nothing of what it covers was changed.
   *
   * @param older - a signed note; its signatures are not looked at
   * @throws AuditLogError `AUDIT_LOG_ROLLED_BACK` when the log's own checkpoint covers less; `AUDIT_PROOF_INVALID` when
   * the log does not continue it; `AUDIT_CHECKPOINT_MISSING`, `AUDIT_NOTE_INVALID`, `AUDIT_QUERY_INVALID`
   */
  proveConsistency(older: string): Promise<ConsistencyProof>

  /**
   * The stored bytes of what a query finds, each with a receipt, and the checkpoint that all of them lead to: an answer
   * that others can verify. It is about what that checkpoint covers; an open log signs one first. With `content`, each has that of its
   * event, with the proofs of the values: whoever gets them reads these values, and needs no key.
   *
   * @throws AuditLogError `AUDIT_CHECKPOINT_MISSING` when there is no signed checkpoint; as {@link events}
   */
  evidence<T extends AuditEventType | (string & {}) = AuditEventType>(query?: EventQuery<T>): Promise<Evidence>

  /**
   * Returns the content of an event that this reader returned: error messages, arguments and results … with what became of each. What cannot
   * be read says why, in its `status`.
   *
   * @param event - its `seq` counts and, in a ledger of several logs, its `log`
   * @returns an item for each value that was taken out of the event; none for an event without content
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   *
   * @example
   * ```ts
   * for (const { field, status, value } of await log.content(event)) console.log(field, status, value)
   * ```
   */
  content(event: ContentOwner): Promise<readonly ResolvedContent[]>

  /**
   * Proves one value of an event's content to somebody who has no key: see `verifyContentProof` of `spanledger/verify`.
   *
   * @param field - of the item, such as `data.error.message`
   * @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` when there is no such item, or it cannot be read
   */
  proveContent(event: ContentOwner, field: string): Promise<ContentProof>

  /**
   * Verifies the whole log, as it is stored: every entry, the tree, the indexes, the checkpoints. It only reads. A reader of a ledger
   * of several logs verifies all of them, by the key of log 0, and compares what each notes of the others.
   *
   * @returns the report of the log or, of a ledger of several, that of the ledger: it has `logs`. Both have `status` and `problems`
   * @throws AuditLogError `AUDIT_KEY_INVALID`; `AUDIT_OPEN_FAILED`; `AUDIT_FILE_REFUSED`; `AUDIT_READ_FAILED` when the log
   * cannot be read
   * @throws TypeError naming an unknown or malformed option
   */
  verify(options?: VerifyOptions): Promise<VerifyReport | LedgerReport>

  /** Returns the head of the log: everything that was recorded before the call is in. */
  head(): Promise<LogHead>

  /**
   * The runs that pass every filter of the query, sub-runs among them, each summed up from its own events. A log in a
   * directory keeps these overviews in its index: a list of runs does not read their events. {@link run} tells what
   * happened in one of them.
   *
   * They come in the order of their starts or, with `status`, of the events that gave them such a status (their ends,
   * unless `'running'` is asked for); with `sessionId` or `actorId`, of their first events in that session or by that actor. Without
   * these two, a run appears once its start, its end or a resumption is in the log.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   */
  runs(query?: RunQuery): Results<RunOverview & AcrossLogs>

  /**
   * One run. Awaited, it is the run with everything below it, or `undefined` when the log has no event of it; `steps()`
   * reads what happened in it, one by one, however long it is.
   *
   * ```ts
   * const run = await log.run('r-1')
   * const { items, cursor } = await log.run('r-1').steps({ order: 'desc' }).page({ size: 50 })
   * ```
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`, also when several tenants have a run with this id and `tenantId` does
   * not say whose is meant
   */
  run(runId: string, ref?: RunRef): RunResult

  /**
   * The sessions that pass every filter of the query, in the order of their first events. The same session id under
   * two tenants is two sessions.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   */
  sessions(query?: SessionQuery): Results<SessionSummary & AcrossLogs>

  /**
   * The agents that acted and pass every filter of the query, in the order of their first events. An agent is identified by
   * its id, or by its name where its events give no id; a name that first came with an id is that agent's.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   */
  agents(query?: AgentQuery): Results<AgentSummary & AcrossLogs>

  /**
   * Sums up tokens, cost, runs, failures, tool calls and durations of the events that pass every filter of the query:
   * in total and, with `groupBy`, by agent, model or day. It reads these events once, in constant memory.
   *
   * ```ts
   * const { total, groups } = await log.stats({ since: '2026-11-01T00:00:00Z', groupBy: 'model' })
   * console.log(total.usage.costUsd, groups.map(({ key, usage }) => `${key}: ${usage.totalTokens}`))
   * ```
   *
   * @param query - `{}` for the whole log
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   */
  stats(query: StatsQuery): Promise<StatsReport>
}
