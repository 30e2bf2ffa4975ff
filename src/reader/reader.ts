import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { ReadableStore } from '../store/readable.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { VerifyOptions } from '../verify/options.js'
import type { VerifyReport } from '../verify/report.js'
import type { AuditLogReader, EventResults, FoundEvent, LogHead } from './contract.js'
import type { Commits } from './follow/commits.js'
import { type FollowOptions, followEvents, parseFollowOptions } from './follow/follow.js'
import type { LogEntry } from './log-entry.js'
import type { Results } from './page.js'
import { Proofs } from './proofs.js'
import type { ConsistencyProof, Evidence, InclusionProof, ProveOptions } from './prove.js'
import { assertKnownTypes, knownTypes } from './query/known-types.js'
import {
  type ParsedEventQuery,
  parseAgentQuery,
  parseEventQuery,
  parseFollowQuery,
  parseRunQuery,
  parseRunRef,
  parseSeq,
  parseSessionQuery,
  parseStatsQuery,
  parseStepsQuery,
} from './query/parse-query.js'
import type { Plan } from './query/plan.js'
import { filterOf, planOf } from './query/plan-of-query.js'
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
import { countEvents, readEntries, readPlanned } from './query/read-events.js'
import { readIdentified } from './query/read-identified.js'
import { readEntry, readEvent } from './query/read-stored.js'
import { ListedResults, type Listing, type Span } from './query/results.js'
import { LazyRun, type RunHandle } from './run-handle.js'
import { readSteps } from './steps/read-steps.js'
import type { RunStep } from './steps/run-step.js'
import { type AgentSummary, listAgents } from './summaries/agents.js'
import { listRuns } from './summaries/list-runs.js'
import { readRunTree } from './summaries/runs.js'
import { listSessions, type SessionSummary } from './summaries/sessions.js'
import { readStats } from './summaries/stats.js'
import type { StatsReport } from './summaries/stats-report.js'
import { verifyDirectory, verifyStore } from './verify.js'

/** What a reader needs beside the store. */
export interface ReaderOptions {
  /**
   * Resolves when everything recorded before the call is in the store; every read waits for it first. Where the store
   * lags behind the log, it is brought up to date when it has not `atLeast` so many entries.
   */
  readonly barrier: (atLeast?: number) => Promise<void>
  /** Types that may be asked for, beside those of the catalogue, before the log has any event of them. */
  readonly eventTypes: readonly string[]
  /** Wakes those who follow, where this process writes the log; otherwise they look again and again. */
  readonly commits?: Commits
  /** The newest checkpoint, where the store may have an older one; a log that is open signs it. */
  readonly newestCheckpoint?: () => Promise<string | undefined>
  /** Of a log in LevelDB: what there is to verify is more than what the store gives. */
  readonly directory?: string | undefined
  /** The key that signs the log. */
  readonly vkey?: string | undefined
}

/** Reads from an open store. The reader neither opens nor closes it. */
export function createReader(store: ReadableStore, options: ReaderOptions): AuditLogReader {
  return new StoreReader(store, options)
}

/** Answers from a store. */
export class StoreReader implements AuditLogReader {
  readonly #store: ReadableStore
  readonly #barrier: ReaderOptions['barrier']
  readonly #knownTypes: ReadonlySet<string>
  readonly #commits: Commits | undefined
  readonly #newestCheckpoint: () => Promise<string | undefined>
  readonly #directory: string | undefined
  readonly #vkey: string | undefined
  readonly #proofs: Proofs

  constructor(store: ReadableStore, options: ReaderOptions) {
    const { barrier, eventTypes, commits, newestCheckpoint, directory, vkey } = options
    this.#store = store
    this.#barrier = barrier
    this.#commits = commits
    this.#newestCheckpoint = newestCheckpoint ?? (async () => undefined)
    this.#directory = directory
    this.#vkey = vkey
    this.#proofs = new Proofs({
      store,
      refresh: (atLeast) => this.#size(atLeast),
      newestCheckpoint: this.#newestCheckpoint,
    })
    this.#knownTypes = knownTypes(eventTypes)
  }

  events<T extends string = AuditEventType>(query: EventQuery<T> = {}): EventResults<T> {
    const parsed = parseEventQuery(query)
    const plan = planOf(parsed)
    const read = (span: Span) => this.#readEvents(parsed, plan, span)
    // The filter lets through no other types than those that T names.
    const result = (event: StoredEvent) => event as FoundEvent<T>
    return this.#results({ kind: 'events', query: parsed, read, position: seqOf, result })
  }

  entries<T extends string = AuditEventType>(query: EventQuery<T> = {}): Results<LogEntry> {
    const parsed = parseEventQuery(query)
    const plan = planOf(parsed)
    const read = (span: Span) => this.#readEntries(parsed, plan, span)
    // Events and their entries are found alike, so that a cursor goes on with either.
    return this.#results<LogEntry, LogEntry>({ kind: 'events', query: parsed, read, position: seqOf, result: itself })
  }

  follow<T extends string = AuditEventType>(
    query: FollowQuery<T> = {},
    options: FollowOptions = {},
  ): AsyncIterable<FoundEvent<T>> {
    const parsed = parseFollowQuery(query)
    const following = parseFollowOptions(options)
    const plan = planOf(parsed)
    const read = (afterSeq: number, size: number) =>
      this.#readFollowed(parsed, plan, { size, after: afterSeq, limit: Infinity }) as AsyncIterable<
        readonly FoundEvent<T>[]
      >
    return followEvents({ head: () => this.#openSize(), read, commits: this.#commits }, following)
  }

  async get(seq: number): Promise<StoredEvent | undefined> {
    const position = parseSeq(seq)
    return position < (await this.#size()) ? await readEvent(this.#store, position) : undefined
  }

  async count<T extends string = AuditEventType>(query: EventQuery<T> = {}): Promise<number> {
    const parsed = parseEventQuery(query)
    const size = await this.#size()
    if (parsed.type) await this.#assertKnownTypes(parsed.type, size)
    return await countEvents(this.#store, size, filterOf(parsed))
  }

  async prove(seq: number, options: ProveOptions = {}): Promise<InclusionProof> {
    return await this.#proofs.prove(seq, options)
  }

  async proveConsistency(older: string): Promise<ConsistencyProof> {
    return await this.#proofs.proveConsistency(older)
  }

  async evidence<T extends string = AuditEventType>(query: EventQuery<T> = {}): Promise<Evidence> {
    parseEventQuery(query)
    const { beforeSeq = Number.POSITIVE_INFINITY } = query
    return await this.#proofs.evidence((size) => this.entries({ ...query, beforeSeq: Math.min(beforeSeq, size) }))
  }

  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    await this.#size()
    await this.#newestCheckpoint()
    const keys = this.#vkey !== undefined && options.vkeys === undefined
    const trusting = keys ? { ...options, vkeys: [this.#vkey as string] } : options
    if (this.#directory === undefined) return await verifyStore(this.#store, trusting, { keys })
    return await verifyDirectory(this.#directory, trusting, { keys })
  }

  async head(): Promise<LogHead> {
    const size = await this.#size()
    const { removedEntries, checkpoint } = this.#store
    // The key of a log has the origin for its name, as the first line of its checkpoints has it.
    const origin = this.#vkey?.split('+', 1)[0] ?? checkpoint?.split('\n', 1)[0]
    return { size, ...(removedEntries && { removedEntries }), ...(origin && { origin }) }
  }

  runs(query: RunQuery = {}): Results<RunOverview> {
    const parsed = parseRunQuery(query)
    return this.#results({
      kind: 'runs',
      query: parsed,
      read: (span) => listRuns(this.#store, parsed, span),
      position: ({ position }) => position,
      result: ({ run }) => run,
    })
  }

  run(runId: string, ref: RunRef = {}): RunHandle {
    const read = async () => {
      const key = parseRunRef(runId, ref)
      return await readRunTree(this.#store, await this.#size(), key)
    }
    return new LazyRun(read, (options = {}) => this.#steps(runId, ref, options))
  }

  sessions(query: SessionQuery = {}): Results<SessionSummary> {
    const parsed = parseSessionQuery(query)
    const read = (span: Span) => listSessions(this.#store, parsed, span)
    const listing = { kind: 'sessions', query: parsed, read, position: firstSeqOf, result: itself }
    return this.#results<SessionSummary, SessionSummary>(listing)
  }

  agents(query: AgentQuery = {}): Results<AgentSummary> {
    const parsed = parseAgentQuery(query)
    const read = (span: Span) => listAgents(this.#store, parsed, span)
    const listing = { kind: 'agents', query: parsed, read, position: firstSeqOf, result: itself }
    return this.#results<AgentSummary, AgentSummary>(listing)
  }

  async stats(query: StatsQuery): Promise<StatsReport> {
    const parsed = parseStatsQuery(query)
    return await readStats(this.#store, await this.#size(), parsed)
  }

  /** Where a read ends. The log only grows, so what lies below stays as it is while the read goes on. */
  async #size(atLeast?: number): Promise<number> {
    await this.#barrier(atLeast)
    return this.#store.size
  }

  /** {@link #size}, of a store that is still open. */
  async #openSize(): Promise<number> {
    const size = await this.#size()
    await this.#store.read([])
    return size
  }

  #steps(runId: string, ref: RunRef, options: StepsOptions): Results<RunStep> {
    const { cursor, query } = parseStepsQuery(parseRunRef(runId, ref), options)
    const read = (span: Span) => readSteps(this.#store, query, span)
    return this.#results<RunStep, RunStep>({ kind: 'steps', query, read, position: seqOf, result: itself }, cursor)
  }

  #results<I, T>(listing: Listing<I, T>, cursor?: unknown): Results<T> {
    const log = {
      size: (atLeast?: number) => this.#size(atLeast),
      entryAt: (seq: number) => readEntry(this.#store, seq),
    }
    return new ListedResults(log, listing, cursor)
  }

  #readEvents(query: ParsedEventQuery, plan: Plan, span: Span): AsyncIterable<readonly StoredEvent[]> {
    return this.#ofKnownTypes(query, span, readPlanned(this.#store, plan, span))
  }

  /** Reads what has come, and before it the earlier events of runs of which it was told only now whose they are. */
  async *#readFollowed(query: ParsedEventQuery, plan: Plan, span: Span & { readonly after: number }) {
    yield* readIdentified(this.#store, plan, span)
    yield* this.#readEvents(query, plan, span)
  }

  #readEntries(query: ParsedEventQuery, plan: Plan, span: Span): AsyncIterable<readonly LogEntry[]> {
    return this.#ofKnownTypes(query, span, readEntries(this.#store, plan, span))
  }

  /** Returns what a query finds, once its types are known. */
  #ofKnownTypes<T>({ type }: ParsedEventQuery, { size }: Span, found: AsyncIterable<T>): AsyncIterable<T> {
    if (!type) return found
    const assertKnown = () => this.#assertKnownTypes(type, size)
    return (async function* () {
      await assertKnown()
      yield* found
    })()
  }

  /** A type is known when the catalogue or the log's owner defines it, or when a newer version has written one. */
  async #assertKnownTypes(types: readonly string[], size: number): Promise<void> {
    await assertKnownTypes(types, this.#knownTypes, [{ store: this.#store, size }])
  }
}

function seqOf({ seq }: { readonly seq: number }): number {
  return seq
}

function firstSeqOf({ firstSeq }: { readonly firstSeq: number }): number {
  return firstSeq
}

function itself<T>(item: T): T {
  return item
}
