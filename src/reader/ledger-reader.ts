import type { ResolvedContent } from '../content/contract.js'
import type { ContentProof } from '../content/value-proof.js'
import { AuditLogError } from '../events/errors.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { VerifyOptions } from '../verify/options.js'
import type { LedgerReport, VerifyReport } from '../verify/report.js'
import type {
  AcrossLogs,
  AuditLogReader,
  ContentOwner,
  EventResults,
  FollowResults,
  FoundEvent,
  LedgerEventQuery,
  LedgerFollowOptions,
  LogHead,
} from './contract.js'
import { parseFollowOptions } from './follow/follow.js'
import { followPassing } from './ledger/follow.js'
import { decodePosition, encodePosition, type Sizes } from './ledger/page-cursor.js'
import { ofOneLog, refusePositions } from './ledger/positions.js'
import { idsOf, type LedgerListing, LedgerResults, type LogsSource, momentOf, sizesOf } from './ledger/results.js'
import { readRunOf } from './ledger/runs.js'
import { readStatsOf } from './ledger/stats.js'
import { LedgerListings, type OpenLog } from './ledger-listings.js'
import type { LogEntry } from './log-entry.js'
import type { Results } from './page.js'
import type { ConsistencyProof, Evidence, InclusionProof, ProveOptions } from './prove.js'
import { knownTypes } from './query/known-types.js'
import { invalidQuery, parseFollowQuery, parseRunRef, parseSeq, parseStatsQuery } from './query/parse-query.js'
import type { AgentQuery, EventQuery, FollowQuery, RunQuery, RunRef, SessionQuery, StatsQuery } from './query/query.js'
import { LazyRun, type RunResult } from './run-result.js'
import { contentReaderOf, readContentBy } from './sealed-content.js'
import type { AgentSummary } from './summaries/agents.js'
import type { SessionSummary } from './summaries/sessions.js'
import type { StatsReport } from './summaries/stats-report.js'

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
  readonly #listings: LedgerListings

  constructor(source: LogsSource<OpenLog>, eventTypes: readonly string[]) {
    this.#source = source
    this.#knownTypes = knownTypes(eventTypes)
    this.#listings = new LedgerListings(this.#knownTypes)
    readContentBy(this, async (seqs) => (await contentReaderOf(await this.#only('seq'))?.(seqs)) ?? [])
  }

  events<T extends string = AuditEventType>(query: LedgerEventQuery<T> = {}): EventResults<T> {
    return this.#results(this.#listings.events(query))
  }

  entries<T extends string = AuditEventType>(query: LedgerEventQuery<T> = {}): Results<LogEntry> {
    return this.#results(this.#listings.entries(query))
  }

  follow<T extends string = AuditEventType>(
    query: FollowQuery<T> = {},
    { after, ...options }: LedgerFollowOptions = {},
  ): FollowResults<FoundEvent<T>> {
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
    return followed as FollowResults<FoundEvent<T>>
  }

  async content(event: ContentOwner): Promise<readonly ResolvedContent[]> {
    return await (await this.#of(event)).content(event)
  }

  async proveContent(event: ContentOwner, field: string): Promise<ContentProof> {
    return await (await this.#of(event)).proveContent(event, field)
  }

  async get(seq: number): Promise<StoredEvent | undefined> {
    parseSeq(seq)
    const logs = await this.#source.logs()
    return logs.length === 0 ? undefined : await (await this.#only('seq')).get(seq)
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

  async verify(options?: VerifyOptions): Promise<VerifyReport | LedgerReport> {
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
    return this.#results(this.#listings.runs(query))
  }

  run(runId: string, ref: RunRef = {}): RunResult {
    const read = async () => {
      const key = parseRunRef(runId, ref)
      const logs = await this.#source.logs()
      const only = onlyOf(logs)
      return await (only ? only.reader.run(runId, ref) : readRunOf(await momentOf(this.#source, logs), key))
    }
    return new LazyRun(read, (query = {}) => this.#results(this.#listings.steps({ runId, ref, query })))
  }

  sessions(query: SessionQuery = {}): Results<SessionSummary & AcrossLogs> {
    return this.#results(this.#listings.sessions(query))
  }

  agents(query: AgentQuery = {}): Results<AgentSummary & AcrossLogs> {
    return this.#results(this.#listings.agents(query))
  }

  async stats(query: StatsQuery): Promise<StatsReport> {
    const parsed = parseStatsQuery(query)
    const logs = await this.#source.logs()
    const only = onlyOf(logs)
    return await (only ? only.reader.stats(query) : readStatsOf(await momentOf(this.#source, logs), parsed))
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

  /** The reader of the log that an event is of. @throws AuditLogError `AUDIT_QUERY_INVALID` */
  async #of({ log }: ContentOwner): Promise<AuditLogReader> {
    if (log === undefined) return await this.#only('seq')
    const found = (await this.#source.logs()).find(({ number }) => number === log)
    if (found) return found.reader
    throw invalidQuery('log', `there is no log ${log}`)
  }

  /**
   * @throws AuditLogError `AUDIT_QUERY_INVALID` where there are several logs: positions and proofs are those of one;
   * `AUDIT_OPEN_FAILED` where there is none yet
   */
  async #only(what: string): Promise<AuditLogReader> {
    const [first, ...others] = await this.#source.logs()
    if (others.length > 0) throw ofOneLog(what)
    if (first) return first.reader
    throw new AuditLogError('AUDIT_OPEN_FAILED', 'There is no audit log yet: a process makes it when it opens it')
  }
}

/** Returns the log that answers alone, where it is the only one. */
function onlyOf([first, ...others]: readonly OpenLog[]): OpenLog | undefined {
  return others.length === 0 ? first : undefined
}
