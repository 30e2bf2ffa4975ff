import type { ResolvedContent } from '../content/contract.js'
import type { ContentProof } from '../content/value-proof.js'
import type { AuditEvent, AuditEventInput, AuditEventType, StoredEvent } from '../events/types.js'
import type { OpenGovernance } from '../governance/open-governor.js'
import type { AuditPolicy } from '../governance/policy/policy.js'
import { ABANDON, type AbandonableLog, type Abandoned } from '../log/abandoned.js'
import type { AuditLogEvents, AuditLogListener, RemoveListener } from '../log/audit-log-events.js'
import type { LogWriter } from '../log/committing/writer.js'
import type {
  AppendResult,
  AuditLogCounters,
  AuditLogHealth,
  AuditLogRecovery,
  AuditLogWriter,
  RecordInput,
} from '../log/contract.js'
import type { LogEmitter } from '../log/log-emitter.js'
import { STAGED_INTAKE, type StagedIntake, type StagedTaker } from '../log/staging/staged-intake.js'
import { RECORD_STATEMENT, type StatementWriter } from '../log/statements.js'
import type { AuditLogReader, ContentOwner, EventResults, FoundEvent, LogHead } from '../reader/contract.js'
import type { FollowOptions } from '../reader/follow/follow.js'
import type { LogEntry } from '../reader/log-entry.js'
import type { Results } from '../reader/page.js'
import type { ConsistencyProof, Evidence, InclusionProof, ProveOptions } from '../reader/prove.js'
import type {
  AgentQuery,
  EventQuery,
  FollowQuery,
  RunQuery,
  RunRef,
  SessionQuery,
  StatsQuery,
} from '../reader/query/query.js'
import type { StoreReader } from '../reader/reader.js'
import type { RunResult } from '../reader/run-result.js'
import type { AgentSummary } from '../reader/summaries/agents.js'
import type { SessionSummary } from '../reader/summaries/sessions.js'
import type { StatsReport } from '../reader/summaries/stats-report.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { VerifyOptions } from '../verify/options.js'
import type { VerifyReport } from '../verify/report.js'

/** The log that a process has in a ledger. */
export interface LedgerMembership {
  /** Directory of the ledger. Absolute. */
  readonly location: string
  /** Number of the log: 0 for the one in the ledger's own directory, whose key is the key of the ledger. */
  readonly log: number
}

/** An open log, for writing and reading; a read finds everything that was recorded before it. */
export interface AuditLog extends AuditLogWriter, AuditLogReader {
  /** The outcome of opening the log: what it found, and did about it. */
  readonly recovery: AuditLogRecovery
  /**
   * The ledger, and which of its logs this is; `undefined` for a log that was opened without `shared`. `location` is the
   * directory of the log itself, and all reads are of this log alone.
   */
  readonly ledger: LedgerMembership | undefined
  /**
   * Signs a checkpoint of everything that was taken before the call, once it is durable.
   *
   * @returns the checkpoint, a C2SP signed note; `undefined` for a log without entries
   * @throws AuditLogError `AUDIT_SIGNING_FAILED` when the signer failed, or the log has none; `AUDIT_WRITE_FAILED`;
   * `AUDIT_LOG_CLOSED`
   */
  checkpoint(): Promise<string | undefined>
  /**
   * Adds a listener for an event of the log's own life, see {@link AuditLogEvents}. It may call the log. What it throws
   * or rejects with is ignored. The option `on` of `openAuditLog` listens from the beginning, also while the log is opened.
   *
   * @returns a function that removes the listener; with `using`, the end of the block removes it
   * @throws TypeError naming an unknown event, or the event whose listener is no function
   *
   * @example
   * ```ts
   * const stop = log.on('dropped', ({ reason }) => alerts.raise(`audit events are lost: ${reason}`))
   * stop()
   * ```
   */
  on<E extends keyof AuditLogEvents>(event: E, listener: AuditLogListener<E>): RemoveListener
  /**
   * Applies another policy from now on, and puts that on record.
   *
   * @param policy - an object, or the path of a JSON file, which is looked at again while the log is open
   * @throws AuditLogError `AUDIT_POLICY_INVALID` naming the path of the fault; the policy in force stays. `AUDIT_FILE_REFUSED`,
   * `AUDIT_LOG_CLOSED`, `AUDIT_WRITE_FAILED`; a TypeError for what is neither an object nor a path
   *
   * @example
   * ```ts
   * await log.applyPolicy({ name: 'acme', version: '4', rules: [{ match: { tool: 'search' }, payload: 'content' }] })
   * ```
   */
  applyPolicy(policy: AuditPolicy | string): Promise<void>
  verify(options?: VerifyOptions): Promise<VerifyReport>
  /** Counters of the writer since the log was opened. */
  counters(): AuditLogCounters
  /** Returns sums over the events of the log: see {@link AuditLogReader.stats}. */
  stats(query: StatsQuery): Promise<StatsReport>
  /**
   * Makes everything that was taken durable, and closes the log. From the call on nothing is taken any more: `record()`
   * drops (`counters().dropped.closed`), everything else rejects with `AUDIT_LOG_CLOSED`. Calling it again returns the
   * same promise.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` when events could not be written; the message says how many wait in the
   * journal, for the next opening, and how many are lost. The log is closed nevertheless. An `AggregateError` when closing the store fails as well.
   */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}

/** The work of a process for the ledger of its log. */
export interface LedgerWork {
  /** `undefined` for a log that is opened alone. */
  readonly membership?: LedgerMembership
  /** Stops it: from here on nothing is recorded. */
  stop(): void
  /** Settles when nothing of it goes on any more, or it is left to itself. */
  stopped?(): Promise<void>
}

interface OpenAuditLogParts {
  readonly writer: LogWriter
  readonly reader: StoreReader
  readonly recovery: AuditLogRecovery
  readonly emitter: LogEmitter
  readonly governance: OpenGovernance | undefined
}

/** Puts writer and reader together. */
export class OpenAuditLog implements AuditLog, StatementWriter, StagedTaker, AbandonableLog {
  readonly recovery: AuditLogRecovery
  #work: LedgerWork | undefined
  #closed: Promise<void> | undefined
  readonly #writer: LogWriter
  readonly #reader: StoreReader
  readonly #emitter: LogEmitter
  readonly #governance: OpenGovernance | undefined

  constructor({ writer, reader, recovery, emitter, governance }: OpenAuditLogParts) {
    this.#governance = governance
    this.#writer = writer
    this.#reader = reader
    this.recovery = recovery
    this.#emitter = emitter
  }

  get location(): string {
    return this.#writer.location
  }

  get ledger(): LedgerMembership | undefined {
    return this.#work?.membership
  }

  /** Lets a work go on until the log is closed. */
  enterLedger(work: LedgerWork): void {
    this.#work = work
  }

  on<E extends keyof AuditLogEvents>(event: E, listener: AuditLogListener<E>): RemoveListener {
    return this.#emitter.on(event, listener)
  }

  async applyPolicy(policy: AuditPolicy | string): Promise<void> {
    if (this.#writer.stateDue()) this.#governance?.apply(policy)
    this.#writer.stateDue()
    await this.#writer.flush()
  }

  record(event: RecordInput): AuditEvent | undefined {
    return this.#writer.record(event)
  }

  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined {
    return this.#writer[RECORD_STATEMENT](statement)
  }

  get [STAGED_INTAKE](): StagedIntake {
    return this.#writer.stagedIntake
  }

  async [ABANDON](): Promise<Abandoned> {
    this.#work?.stop()
    const abandoned = this.#writer[ABANDON]()
    this.#closed ??= abandoned.then(() => undefined)
    return await abandoned
  }

  append(event: AuditEventInput): Promise<AppendResult> {
    return this.#writer.append(event)
  }

  flush(): Promise<void> {
    return this.#writer.flush()
  }

  counters(): AuditLogCounters {
    return this.#writer.counters()
  }

  stats(query: StatsQuery): Promise<StatsReport> {
    return this.#reader.stats(query)
  }

  checkpoint(): Promise<string | undefined> {
    return this.#writer.checkpoint()
  }

  health(): AuditLogHealth {
    return this.#writer.health()
  }

  assertWritable(): Promise<void> {
    return this.#writer.assertWritable()
  }

  events<T extends string = AuditEventType>(query?: EventQuery<T>): EventResults<T> {
    return this.#reader.events(query)
  }

  entries<T extends string = AuditEventType>(query?: EventQuery<T>): Results<LogEntry> {
    return this.#reader.entries(query)
  }

  follow<T extends string = AuditEventType>(
    query?: FollowQuery<T>,
    options?: FollowOptions,
  ): AsyncIterable<FoundEvent<T>> {
    return this.#reader.follow(query, options)
  }

  content(event: ContentOwner): Promise<readonly ResolvedContent[]> {
    return this.#reader.content(event)
  }

  proveContent(event: ContentOwner, field: string): Promise<ContentProof> {
    return this.#reader.proveContent(event, field)
  }

  get(seq: number): Promise<StoredEvent | undefined> {
    return this.#reader.get(seq)
  }

  prove(seq: number, options?: ProveOptions): Promise<InclusionProof> {
    return this.#reader.prove(seq, options)
  }

  proveConsistency(older: string): Promise<ConsistencyProof> {
    return this.#reader.proveConsistency(older)
  }

  evidence<T extends string = AuditEventType>(query?: EventQuery<T>): Promise<Evidence> {
    return this.#reader.evidence(query)
  }

  verify(options?: VerifyOptions): Promise<VerifyReport> {
    return this.#reader.verify(options)
  }

  head(): Promise<LogHead> {
    return this.#reader.head()
  }

  runs(query?: RunQuery): Results<RunOverview> {
    return this.#reader.runs(query)
  }

  run(runId: string, ref?: RunRef): RunResult {
    return this.#reader.run(runId, ref)
  }

  sessions(query?: SessionQuery): Results<SessionSummary> {
    return this.#reader.sessions(query)
  }

  agents(query?: AgentQuery): Results<AgentSummary> {
    return this.#reader.agents(query)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#work?.stop()
    try {
      await this.#writer.close()
    } finally {
      await this.#work?.stopped?.()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
