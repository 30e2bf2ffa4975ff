import type { ContentKeysOptions } from '../content/keys/options.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { SharedStore } from '../store/shared.js'
import type { LogHead } from './contract.js'
import { mergeBatches } from './ledger/merge-batches.js'
import { type AuditLogStoreReader, openStoreReader } from './open-store.js'
import type { Results } from './page.js'
import { mergeAsTheyCome } from './query/merge.js'
import { parseEventQuery, parseFollowQuery, parseRunQuery } from './query/parse-query.js'
import type { EventQuery, FollowQuery, RunQuery } from './query/query.js'

/** An item and its log, which its positions belong to. */
export type InShard<T> = T & {
  /** Location of the log. */
  readonly location: string
}

/** The results of a query in several logs. There are no pages: a cursor is that of one log. */
export type ShardResults<T> = Omit<Results<InShard<T>>, 'page'>

/** The filters for events of several logs. Positions are those of one, so that none can be given. */
export type ShardEventQuery<T extends string = AuditEventType> = Omit<EventQuery<T>, 'afterSeq' | 'beforeSeq'>

/**
 * Reads several logs as one. Each keeps its own positions and its own tree: proofs are asked of the reader of one log.
 */
export interface AuditLogShardedReader {
  /** A reader for each log, by its location. */
  readonly logs: ReadonlyMap<string, AuditLogStoreReader>

  /**
   * The events that pass every filter, of all logs: of what each log has next, in its order, the earliest comes first.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`
   */
  events<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: ShardEventQuery<T>,
  ): ShardResults<StoredEvent>

  /** The runs that pass every filter, of all logs, in the order of their starts. @throws AuditLogError `AUDIT_QUERY_INVALID` */
  runs(query?: RunQuery): ShardResults<RunOverview>

  /**
   * The events that come from now on, of all logs, each as it is committed.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID`; while iterating `AUDIT_LOG_CLOSED` once the reader is closed
   */
  follow<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: FollowQuery<T>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<InShard<StoredEvent>>

  /** Returns the head of each log, by its location. */
  heads(): Promise<ReadonlyMap<string, LogHead>>

  /** Closes all logs. */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}

/** Options of `openAuditLogShardedReader`. */
export interface AuditLogShardedReaderOptions {
  /** Types of the logs' own that may be asked for before they have any event of them. @defaultValue none */
  readonly eventTypes?: readonly string[]
  /**
   * The keys of content, of all logs; `false` to read without them.
   *
   * @defaultValue those in the directory that the environment variable `SPANLEDGER_CONTENT_KEYS` names; else none
   */
  readonly contentKeys?: false | ContentKeysOptions
}

/**
 * Opens several logs for reading as one.
 *
 * @throws AuditLogError what opening one of them throws
 * @throws TypeError when there is none, or one of them twice
 *
 * @example
 * ```ts
 * const shards = ['tenant-1', 'tenant-2'].map((logId) => postgresStore({ connectionString, logId }))
 * await using reader = await openAuditLogShardedReader(shards)
 * for await (const event of reader.events({ type: 'run_failed', order: 'desc', limit: 20 })) console.log(event.location)
 * ```
 */
export async function openAuditLogShardedReader(
  stores: readonly SharedStore[],
  options: AuditLogShardedReaderOptions = {},
): Promise<AuditLogShardedReader> {
  rejectUnknownOptions('openAuditLogShardedReader', options, ['eventTypes', 'contentKeys'])
  if (!Array.isArray(stores) || stores.length === 0)
    throw new TypeError('openAuditLogShardedReader: give at least one store')
  const locations = new Set(stores.map(({ location }) => location))
  if (locations.size < stores.length) throw new TypeError('openAuditLogShardedReader: give each log once')
  const opened = await Promise.allSettled(stores.map((store) => openStoreReader({ ...options, store })))
  const readers = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = opened.find((one) => one.status === 'rejected')
  if (failed) {
    await Promise.all(readers.map((reader) => reader.close()))
    throw failed.reason
  }
  return new StoresReader(readers)
}

class StoresReader implements AuditLogShardedReader {
  readonly logs: ReadonlyMap<string, AuditLogStoreReader>

  constructor(readers: readonly AuditLogStoreReader[]) {
    this.logs = new Map(readers.map((reader) => [reader.location, reader]))
  }

  events<T extends string = AuditEventType>(query: ShardEventQuery<T> = {}): ShardResults<StoredEvent> {
    parseEventQuery(query)
    refusePositions(query)
    return new MergedResults<StoredEvent>(this.logs, {
      results: (reader) => reader.events<string>(query),
      time: ({ time }) => time,
      query,
    })
  }

  runs(query: RunQuery = {}): ShardResults<RunOverview> {
    parseRunQuery(query)
    return new MergedResults<RunOverview>(this.logs, {
      results: (reader) => reader.runs(query),
      time: ({ startedAt }) => startedAt,
      query,
    })
  }

  async *follow<T extends string = AuditEventType>(
    query: FollowQuery<T> = {},
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<InShard<StoredEvent>, void, undefined> {
    parseFollowQuery(query)
    const heads = await this.heads()
    const stop = new AbortController()
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    const following = [...this.logs].map(([location, reader]) => {
      const size = heads.get(location)?.size ?? 0
      return inShard<StoredEvent>(reader.follow<string>(query, { afterSeq: size - 1, signal: either }), location)
    })
    yield* mergeAsTheyCome(following, stop)
  }

  async heads(): Promise<ReadonlyMap<string, LogHead>> {
    const heads = [...this.logs].map(async ([location, reader]) => [location, await reader.head()] as const)
    return new Map(await Promise.all(heads))
  }

  async close(): Promise<void> {
    const closed = await Promise.allSettled([...this.logs.values()].map((reader) => reader.close()))
    const problems = closed.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    if (problems.length > 1) throw new AggregateError(problems, 'Several logs were not closed properly')
    if (problems.length === 1) throw problems[0]
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The results of each log, and the way to merge them. */
interface InEachShard<T> {
  results(reader: AuditLogStoreReader): Results<T>
  /** The time by which items of several logs are merged. */
  time(item: T): string
  readonly query: { readonly limit?: number; readonly order?: 'asc' | 'desc' }
}

/** Results of several logs, merged by time. Each iteration reads anew. */
class MergedResults<T extends object> implements ShardResults<T> {
  readonly #logs: ReadonlyMap<string, AuditLogStoreReader>
  readonly #each: InEachShard<T>

  constructor(logs: ReadonlyMap<string, AuditLogStoreReader>, each: InEachShard<T>) {
    this.#logs = logs
    this.#each = each
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<InShard<T>, void, undefined> {
    for await (const batch of this.batches()) yield* batch
  }

  async *batches(): AsyncGenerator<readonly InShard<T>[], void, undefined> {
    const { results, time, query } = this.#each
    const locations = [...this.#logs.keys()]
    const sources = [...this.#logs.values()].map((reader) => results(reader).batches())
    let left = this.#limit
    for await (const merged of mergeBatches(sources, time, query.order === 'desc')) {
      const taken = merged.length > left ? merged.slice(0, left) : merged
      yield taken.map(({ item, source }) => ({ ...item, location: locations[source] as string }))
      left -= taken.length
      if (left <= 0) return
    }
  }

  async toArray(): Promise<InShard<T>[]> {
    const all: InShard<T>[] = []
    for await (const batch of this.batches()) all.push(...batch)
    return all
  }

  async count(): Promise<number> {
    const counts = await Promise.all([...this.#logs.values()].map((reader) => this.#each.results(reader).count()))
    const sum = counts.reduce((total, count) => total + count, 0)
    return Math.min(sum, this.#limit)
  }

  get #limit(): number {
    return this.#each.query.limit ?? Infinity
  }
}

async function* inShard<T extends object>(items: AsyncIterable<T>, location: string): AsyncGenerator<InShard<T>> {
  for await (const item of items) yield { ...item, location }
}

function refusePositions(query: object): void {
  for (const field of ['afterSeq', 'beforeSeq']) {
    if (!(field in query)) continue
    throw new AuditLogError('AUDIT_QUERY_INVALID', `${field}: a position is that of one log; ask its reader for it`)
  }
}
