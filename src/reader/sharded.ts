import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import type { SharedStore } from '../store/shared.js'
import type { LogHead } from './contract.js'
import { mergeBatches } from './ledger/merge-batches.js'
import { type AuditLogStoreReader, openStoreReader } from './open-store.js'
import { mergeAsTheyCome } from './query/merge.js'
import { parseEventQuery, parseFollowQuery, parseRunQuery } from './query/parse-query.js'
import type { EventQuery, FollowQuery, RunQuery } from './query/query.js'

/** Something that was found, and the log that has it: positions are those of this log. */
export type InShard<T> = T & {
  /** Location of the log. */
  readonly log: string
}

/** What may be asked of several logs: positions are those of one. */
export type ShardQuery<T extends string = AuditEventType> = Omit<EventQuery<T>, 'afterSeq' | 'beforeSeq'>

/**
 * Reads several logs as one. Each keeps its own positions and its own tree: proofs are asked of the reader of one log.
 */
export interface ShardedReader {
  /** A reader for each log, by its location. */
  readonly logs: ReadonlyMap<string, AuditLogStoreReader>

  /**
   * The events that pass every filter, of all logs: of what each log has next, in its order, the earliest comes first.
   *
   * @throws AuditLogError `AUDIT_INVALID_QUERY`
   */
  events<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: ShardQuery<T>,
  ): AsyncIterable<InShard<StoredEvent>>

  /** The runs that pass every filter, of all logs, in the order of their starts. @throws AuditLogError `AUDIT_INVALID_QUERY` */
  runs(query?: RunQuery): AsyncIterable<InShard<RunOverview>>

  /**
   * The events that come from now on, of all logs, each as it is committed.
   *
   * @throws AuditLogError `AUDIT_INVALID_QUERY`; while iterating `AUDIT_LOG_CLOSED` once the reader is closed
   */
  follow<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: FollowQuery<T>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<InShard<StoredEvent>>

  /** How many events {@link events} would return. @throws AuditLogError `AUDIT_INVALID_QUERY` */
  count<T extends AuditEventType | (string & {}) = AuditEventType>(query?: ShardQuery<T>): Promise<number>

  /** How far each log reaches, by its location. */
  heads(): Promise<ReadonlyMap<string, LogHead>>

  /** Closes all logs. */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}

/** Options of `openShardedReader`. */
export interface ShardedReaderOptions {
  /** Types of the logs' own that may be asked for before they have any event of them. @defaultValue none */
  readonly eventTypes?: readonly string[]
}

/**
 * Opens several logs for reading, as one.
 *
 * @throws AuditLogError what opening one of them throws
 * @throws TypeError when there is none, or one of them twice
 *
 * @example
 * ```ts
 * const shards = ['tenant-1', 'tenant-2'].map((logId) => postgresStore({ connectionString, logId }))
 * await using reader = await openShardedReader(shards)
 * for await (const event of reader.events({ type: 'run_failed', order: 'desc', limit: 20 })) console.log(event.log)
 * ```
 */
export async function openShardedReader(
  stores: readonly SharedStore[],
  options: ShardedReaderOptions = {},
): Promise<ShardedReader> {
  rejectUnknownOptions('openShardedReader', options, ['eventTypes'])
  if (!Array.isArray(stores) || stores.length === 0) throw new TypeError('openShardedReader: give at least one store')
  const locations = new Set(stores.map(({ location }) => location))
  if (locations.size < stores.length) throw new TypeError('openShardedReader: give each log once')
  const opened = await Promise.allSettled(stores.map((store) => openStoreReader({ ...options, store })))
  const readers = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = opened.find((one) => one.status === 'rejected')
  if (failed) {
    await Promise.all(readers.map((reader) => reader.close()))
    throw failed.reason
  }
  return new StoresReader(readers)
}

class StoresReader implements ShardedReader {
  readonly logs: ReadonlyMap<string, AuditLogStoreReader>

  constructor(readers: readonly AuditLogStoreReader[]) {
    this.logs = new Map(readers.map((reader) => [reader.location, reader]))
  }

  events<T extends string = AuditEventType>(query: ShardQuery<T> = {}): AsyncIterable<InShard<StoredEvent>> {
    parseEventQuery(query)
    refusePositions(query)
    return this.#merged({
      read: (reader) => reader.events<string>(query).batches() as AsyncIterable<readonly StoredEvent[]>,
      time: ({ time }) => time,
      query,
    })
  }

  runs(query: RunQuery = {}): AsyncIterable<InShard<RunOverview>> {
    parseRunQuery(query)
    return this.#merged({
      read: (reader) => reader.runs(query).batches(),
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
    const following = [...this.logs].map(([log, reader]) => {
      const size = heads.get(log)?.size ?? 0
      return inShard<StoredEvent>(reader.follow<string>(query, { afterSeq: size - 1, signal: either }), log)
    })
    yield* mergeAsTheyCome(following, stop)
  }

  async count<T extends string = AuditEventType>(query: ShardQuery<T> = {}): Promise<number> {
    parseEventQuery(query)
    refusePositions(query)
    const counts = await Promise.all([...this.logs.values()].map((reader) => reader.count<string>(query)))
    return Math.min(
      counts.reduce((sum, count) => sum + count, 0),
      query.limit ?? Infinity,
    )
  }

  async heads(): Promise<ReadonlyMap<string, LogHead>> {
    const heads = [...this.logs].map(async ([log, reader]) => [log, await reader.head()] as const)
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

  /** Each iteration reads anew. */
  #merged<T extends object>({ read, time, query }: InEachShard<T>): AsyncIterable<InShard<T>> {
    const { limit = Infinity, order } = query
    const logs = [...this.logs]
    return {
      async *[Symbol.asyncIterator]() {
        let left = limit
        const sources = logs.map(([, reader]) => read(reader))
        for await (const merged of mergeBatches(sources, time, order === 'desc')) {
          for (const { item, source } of merged) {
            yield { ...item, log: logs[source]?.[0] as string }
            if (--left === 0) return
          }
        }
      },
    }
  }
}

/** The way to the items of each log. */
interface InEachShard<T> {
  read(reader: AuditLogStoreReader): AsyncIterable<readonly T[]>
  /** The time by which items of several logs are merged. */
  time(item: T): string
  readonly query: { readonly limit?: number; readonly order?: 'asc' | 'desc' }
}

async function* inShard<T extends object>(items: AsyncIterable<T>, log: string): AsyncGenerator<InShard<T>> {
  for await (const item of items) yield { ...item, log }
}

function refusePositions(query: object): void {
  for (const field of ['afterSeq', 'beforeSeq']) {
    if (!(field in query)) continue
    throw new AuditLogError('AUDIT_INVALID_QUERY', `${field}: a position is that of one log; ask its reader for it`)
  }
}
