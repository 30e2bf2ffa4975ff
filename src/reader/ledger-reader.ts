import { AuditLogError } from '../events/errors.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { VerifyOptions } from '../verify/options.js'
import type { VerifyReport } from '../verify/report.js'
import type {
  AcrossLogs,
  AuditLogReader,
  EventResults,
  Following,
  FoundEvent,
  LedgerEventQuery,
  LedgerFollowOptions,
  LogHead,
} from './contract.js'
import { parseFollowOptions } from './follow/follow.js'
import { type ListedAgent, listAgentsOf } from './ledger/agents.js'
import { EventFinder } from './ledger/event-finder.js'
import { followPassing } from './ledger/follow.js'
import { inLog, type SiblingLog } from './ledger/moment.js'
import { decodePosition, encodePosition, type Sizes } from './ledger/page-cursor.js'
import { ofOneLog, refusePositions } from './ledger/positions.js'
import {
  ALL_LOGS,
  idsOf,
  type LedgerListing,
  LedgerResults,
  type LogsSource,
  momentOf,
  sizesOf,
  walksOf,
} from './ledger/results.js'
import { listRunsOf, type PlacedStep, readRunOf, stepsOf } from './ledger/runs.js'
import { listSessionsOf } from './ledger/sessions.js'
import { readStatsOf } from './ledger/stats.js'
import type { LogEntry } from './log-entry.js'
import type { Results } from './page.js'
import type { ConsistencyProof, Evidence, InclusionProof, ProveOptions } from './prove.js'
import { timeOfEntry } from './query/entry-time.js'
import { eventOfEntry } from './query/event-of-entry.js'
import { knownTypes } from './query/known-types.js'
import {
  invalidQuery,
  parseAgentQuery,
  parseFollowQuery,
  parseRunQuery,
  parseRunRef,
  parseSeq,
  parseSessionQuery,
  parseStatsQuery,
  parseStepsQuery,
} from './query/parse-query.js'
import { planOf } from './query/plan-of-query.js'
import type {
  AgentQuery,
  EventQuery,
  FollowQuery,
  RunQuery,
  RunRef,
  SessionQuery,
  StatsQuery,
  StepsOptions,
} from './query/query.js'
import { readEntries, readPlanned } from './query/read-events.js'
import { LazyRun, type RunHandle } from './run-handle.js'
import type { RunStep } from './steps/run-step.js'
import type { AgentSummary } from './summaries/agents.js'
import type { ListedRun } from './summaries/list-runs.js'
import type { SessionSummary } from './summaries/sessions.js'
import type { StatsReport } from './summaries/stats-report.js'

/** A log of a ledger, and the reader that answers from it alone. */
export interface OpenLog extends SiblingLog {
  readonly reader: AuditLogReader
}

/** The positions up to which the logs of a ledger were read. */
export interface CursorBehind {
  /** A cursor from which reading went on; left out where it began at the beginning. */
  readonly after?: string
  /** The `seq` of the last event that was read of each log, by the number of the log. */
  readonly seen: ReadonlyMap<number, number>
}

/** Reads all logs of a ledger as one. Where there is one, its own reader answers. */
export class LedgerReader implements AuditLogReader {
  readonly #source: LogsSource<OpenLog>
  readonly #knownTypes: ReadonlySet<string>
  readonly #finder: EventFinder<OpenLog>

  constructor(source: LogsSource<OpenLog>, eventTypes: readonly string[]) {
    this.#source = source
    this.#knownTypes = knownTypes(eventTypes)
    this.#finder = new EventFinder(source, this.#knownTypes)
  }

  events<T extends string = AuditEventType>(query: LedgerEventQuery<T> = {}): EventResults<T> {
    return this.#finder.find<StoredEvent, FoundEvent<T>>(query, {
      single: ({ reader }) => reader.events(query),
      read: ({ store }, parsed, span) => readPlanned(store, planOf(parsed), span),
      time: ({ time }) => time,
      // The filter lets through no other types than those that T names.
      result: (event, log) => (log === undefined ? event : inLog(event, log)) as FoundEvent<T>,
    })
  }

  entries<T extends string = AuditEventType>(query: LedgerEventQuery<T> = {}): Results<LogEntry> {
    return this.#finder.find<LogEntry, LogEntry>(query, {
      single: ({ reader }) => reader.entries(query),
      read: ({ store }, parsed, span) => readEntries(store, planOf(parsed), span),
      time: ({ seq, bytes }) => timeOfEntry(bytes) ?? eventOfEntry(seq, bytes).time,
      result: ({ seq, bytes }, log) => (log === undefined ? { seq, bytes } : { log, seq, bytes }),
    })
  }

  follow<T extends string = AuditEventType>(
    query: FollowQuery<T> = {},
    { after, ...options }: LedgerFollowOptions = {},
  ): Following<FoundEvent<T>> {
    const parsed = parseFollowQuery(query)
    const { afterSeq, signal, pollMillis } = parseFollowOptions(options)
    if (after !== undefined) decodePosition(after, 'after')
    if (after !== undefined && afterSeq >= 0) throw invalidQuery('after', 'give after or afterSeq, not both')
    const followed = followPassing({
      source: this.#source,
      knownTypes: this.#knownTypes,
      query: parsed,
      begin: () => this.#begin(after, afterSeq),
      signal,
      pollMillis,
    })
    return followed as Following<FoundEvent<T>>
  }

  async get(seq: number): Promise<StoredEvent | undefined> {
    parseSeq(seq)
    const logs = await this.#source.logs()
    return logs.length === 0 ? undefined : await (await this.#only('seq')).get(seq)
  }

  async count<T extends string = AuditEventType>(query: LedgerEventQuery<T> = {}): Promise<number> {
    return await this.#finder.count(query, ({ reader }) => reader.count(query))
  }

  async prove(seq: number, options?: ProveOptions): Promise<InclusionProof> {
    return await (await this.#only('seq')).prove(seq, options)
  }

  async proveConsistency(older: string): Promise<ConsistencyProof> {
    return await (await this.#only('checkpoint')).proveConsistency(older)
  }

  async evidence<T extends string = AuditEventType>(query?: EventQuery<T>): Promise<Evidence> {
    return await (await this.#only('evidence')).evidence(query)
  }

  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    return await (await this.#only('verify')).verify(options)
  }

  async head(): Promise<LogHead> {
    const logs = await this.#source.logs()
    const [first, ...others] = logs
    if (!first) return { size: 0 }
    if (others.length === 0) return await first.reader.head()
    const heads = await Promise.all(logs.map(async ({ number, reader }) => ({ log: number, ...(await reader.head()) })))
    const sum = (of: (head: LogHead) => number) => heads.reduce((total, head) => total + of(head), 0)
    const removedEntries = sum((head) => head.removedEntries ?? 0)
    const origin = heads[0]?.origin
    return {
      size: sum(({ size }) => size),
      ...(removedEntries > 0 && { removedEntries }),
      ...(origin !== undefined && { origin }),
      logs: heads,
    }
  }

  async cursor(reached?: CursorBehind): Promise<string> {
    const logs = await this.#source.logs()
    await this.#source.settle()
    if (!reached) return encodePosition(sizesOf(logs), idsOf(logs))
    const { after, seen } = reached
    const sizes = new Map(after === undefined ? [] : decodePosition(after, 'after', idsOf(logs)))
    for (const [log, seq] of seen) sizes.set(log, parseSeq(seq) + 1)
    return encodePosition(sizes, idsOf(logs))
  }

  runs(query: RunQuery = {}): Results<RunOverview & AcrossLogs> {
    const parsed = parseRunQuery(query)
    return this.#results<ListedRun, RunOverview & AcrossLogs>({
      kind: 'runs',
      query: parsed,
      single: ({ reader }) => reader.runs(query),
      walks: async (moment) => walksOf(moment, (part) => listRunsOf(moment, parsed, part)),
      position: ({ position }) => position,
      time: ({ time }) => time,
      result: ({ run }) => run,
    })
  }

  run(runId: string, ref: RunRef = {}): RunHandle {
    const read = async () => {
      const key = parseRunRef(runId, ref)
      const logs = await this.#source.logs()
      const only = onlyOf(logs)
      return await (only ? only.reader.run(runId, ref) : readRunOf(await momentOf(this.#source, logs), key))
    }
    return new LazyRun(read, (options = {}) => this.#steps(runId, ref, options))
  }

  sessions(query: SessionQuery = {}): Results<SessionSummary & AcrossLogs> {
    const parsed = parseSessionQuery(query)
    return this.#results<SessionSummary & AcrossLogs, SessionSummary & AcrossLogs>({
      kind: 'sessions',
      query: parsed,
      single: ({ reader }) => reader.sessions(query),
      walks: async (moment) => walksOf(moment, (part) => listSessionsOf(moment, parsed, part)),
      position: ({ firstSeq }) => firstSeq,
      time: ({ firstEventAt }) => firstEventAt,
      result: (session) => session,
    })
  }

  agents(query: AgentQuery = {}): Results<AgentSummary & AcrossLogs> {
    const parsed = parseAgentQuery(query)
    return this.#results<ListedAgent, AgentSummary & AcrossLogs>({
      kind: 'agents',
      query: parsed,
      single: ({ reader }) => reader.agents(query),
      walks: async (moment) => [{ log: ALL_LOGS, size: Infinity, read: (span) => listAgentsOf(moment, parsed, span) }],
      position: ({ position }) => position,
      time: ({ agent }) => agent.firstEventAt,
      result: ({ agent }) => agent,
    })
  }

  async stats(query: StatsQuery): Promise<StatsReport> {
    const parsed = parseStatsQuery(query)
    const logs = await this.#source.logs()
    const only = onlyOf(logs)
    return await (only ? only.reader.stats(query) : readStatsOf(await momentOf(this.#source, logs), parsed))
  }

  #steps(runId: string, ref: RunRef, options: StepsOptions): Results<RunStep> {
    const { cursor, query } = parseStepsQuery(parseRunRef(runId, ref), options)
    const listing: LedgerListing<PlacedStep, RunStep, OpenLog> = {
      kind: 'steps',
      query,
      single: ({ reader }) => reader.run(runId, ref).steps(options),
      walks: async (moment) => {
        const found = await stepsOf(moment, query)
        return found ? [{ log: found.log ?? ALL_LOGS, size: found.size, read: (span) => found.read(span) }] : []
      },
      position: ({ position }) => position,
      time: () => '',
      result: ({ step }) => step,
    }
    return new LedgerResults(this.#source, listing, cursor)
  }

  #results<I, T>(listing: LedgerListing<I, T, OpenLog>): Results<T> {
    return new LedgerResults(this.#source, listing)
  }

  async #begin(after: string | undefined, afterSeq: number): Promise<Sizes> {
    const logs = await this.#source.logs()
    if (after !== undefined) return decodePosition(after, 'after', idsOf(logs))
    refusePositions({ afterSeq }, logs)
    return new Map([[logs[0]?.number ?? 0, afterSeq + 1]])
  }

  /**
   * @throws AuditLogError `AUDIT_INVALID_QUERY` where there are several logs: positions and proofs are those of one;
   * `AUDIT_LOG_OPEN_FAILED` where there is none yet
   */
  async #only(what: string): Promise<AuditLogReader> {
    const [first, ...others] = await this.#source.logs()
    if (others.length > 0) throw ofOneLog(what)
    if (first) return first.reader
    throw new AuditLogError('AUDIT_LOG_OPEN_FAILED', 'There is no audit log yet: a process makes it when it opens it')
  }
}

/** Returns the log that answers alone, where it is the only one. */
function onlyOf([first, ...others]: readonly OpenLog[]): OpenLog | undefined {
  return others.length === 0 ? first : undefined
}
