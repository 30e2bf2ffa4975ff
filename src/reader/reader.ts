import type { ContentKeys, ResolvedContent } from '../content/contract.js'
import type { ContentProof } from '../content/value-proof.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { ReadableStore } from '../store/readable.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { VerifyOptions } from '../verify/options.js'
import type { VerifyReport } from '../verify/report.js'
import { proofOf } from './content/prove-content.js'
import { ContentResolver } from './content/resolver.js'
import { restoreBy } from './content/restorers.js'
import type { AuditLogReader, ContentOwner, EventResults, FoundEvent, LogHead } from './contract.js'
import type { Commits } from './follow/commits.js'
import { type FollowOptions, followEvents, parseFollowOptions } from './follow/follow.js'
import type { LogEntry } from './log-entry.js'
import type { Results } from './page.js'
import { Proofs } from './proofs.js'
import type { ConsistencyProof, Evidence, InclusionProof, ProveOptions } from './prove.js'
import { knownTypes } from './query/known-types.js'
import { parseEventQuery, parseRunRef, parseSeq, parseStatsQuery, parseStepQuery } from './query/parse-query.js'
import type {
  AgentQuery,
  EventQuery,
  FollowQuery,
  RunQuery,
  RunRef,
  SessionQuery,
  StatsQuery,
  StepQuery,
} from './query/query.js'
import { readEntry, readEvent } from './query/read-stored.js'
import { ListedResults, type Listing } from './query/results.js'
import { LazyRun, type RunResult } from './run-result.js'
import { readContentBy } from './sealed-content.js'
import { StoreListings } from './store-listings.js'
import type { AgentSummary } from './summaries/agents.js'
import { readRunTree } from './summaries/runs.js'
import type { SessionSummary } from './summaries/sessions.js'
import { readStats } from './summaries/stats.js'
import type { StatsReport } from './summaries/stats-report.js'
import { verifyDirectory, verifyStore } from './verify.js'

/** Settings of a reader of a store. */
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
  /** The directory of a log in LevelDB, whose files are verified as well. */
  readonly directory?: string | undefined
  /** The key that signs the log. */
  readonly vkey?: string | undefined
  /** Returns the keys of content; asked when there is content. @defaultValue none */
  readonly contentKeys?: () => ContentKeys | undefined
}

/** Returns a reader of an open store. The reader neither opens nor closes it. */
export function createReader(store: ReadableStore, options: ReaderOptions): StoreReader {
  return new StoreReader(store, options)
}

/** Answers from a store. */
export class StoreReader implements AuditLogReader {
  readonly #store: ReadableStore
  readonly #barrier: ReaderOptions['barrier']
  readonly #listings: StoreListings
  readonly #commits: Commits | undefined
  readonly #newestCheckpoint: () => Promise<string | undefined>
  readonly #directory: string | undefined
  readonly #vkey: string | undefined
  readonly #proofs: Proofs
  readonly #content: ContentResolver

  constructor(store: ReadableStore, options: ReaderOptions) {
    const { barrier, eventTypes, commits, newestCheckpoint, directory, vkey, contentKeys = () => undefined } = options
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
    this.#content = new ContentResolver(store, contentKeys)
    restoreBy(store, this.#content)
    readContentBy(this, async (seqs) => (await store.content?.(seqs)) ?? [])
    this.#listings = new StoreListings(store, knownTypes(eventTypes), this.#content)
  }

  events<T extends string = AuditEventType>(query: EventQuery<T> = {}): EventResults<T> {
    return this.#results(this.#listings.events(query))
  }

  entries<T extends string = AuditEventType>(query: EventQuery<T> = {}): Results<LogEntry> {
    return this.#results(this.#listings.entries(query))
  }

  follow<T extends string = AuditEventType>(
    query: FollowQuery<T> = {},
    options: FollowOptions = {},
  ): AsyncIterable<FoundEvent<T>> {
    const followed = this.#listings.followed(query)
    const following = parseFollowOptions(options)
    const read = (afterSeq: number, size: number) =>
      followed({ size, after: afterSeq, limit: Infinity }) as AsyncIterable<readonly FoundEvent<T>[]>
    return followEvents({ head: () => this.#openSize(), read, commits: this.#commits }, following)
  }

  async content(event: ContentOwner): Promise<readonly ResolvedContent[]> {
    const position = parseSeq(event?.seq)
    if (position >= (await this.#size(position + 1))) return []
    const [resolved] = await this.#content.resolve([position])
    return resolved ?? []
  }

  async proveContent(event: ContentOwner, field: string): Promise<ContentProof> {
    const position = parseSeq(event?.seq)
    const opened = position < (await this.#size(position + 1)) ? await this.#content.open(position, field) : undefined
    return proofOf(opened, field)
  }

  async get(seq: number): Promise<StoredEvent | undefined> {
    const position = parseSeq(seq)
    return position < (await this.#size()) ? await readEvent(this.#store, position) : undefined
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
    const keys = this.#vkey !== undefined && options.logKeys === undefined
    const trusting = keys ? { ...options, logKeys: [this.#vkey as string] } : options
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
    return this.#results(this.#listings.runs(query))
  }

  run(runId: string, ref: RunRef = {}): RunResult {
    const read = async () => {
      const key = parseRunRef(runId, ref)
      return await readRunTree(this.#store, await this.#size(), key)
    }
    const steps = (query: StepQuery = {}) =>
      this.#results(this.#listings.steps(parseStepQuery(parseRunRef(runId, ref), query)))
    return new LazyRun(read, steps)
  }

  sessions(query: SessionQuery = {}): Results<SessionSummary> {
    return this.#results(this.#listings.sessions(query))
  }

  agents(query: AgentQuery = {}): Results<AgentSummary> {
    return this.#results(this.#listings.agents(query))
  }

  async stats(query: StatsQuery): Promise<StatsReport> {
    const parsed = parseStatsQuery(query)
    return await readStats(this.#store, await this.#size(), parsed)
  }

  /** Returns the size at which a read ends. The log only grows: what lies below stays as it is while the read goes on. */
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

  #results<I, T>(listing: Listing<I, T>): Results<T> {
    const log = {
      size: (atLeast?: number) => this.#size(atLeast),
      entryAt: (seq: number) => readEntry(this.#store, seq),
    }
    return new ListedResults(log, listing)
  }
}
