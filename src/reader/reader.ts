import { catalogue } from '../events/catalogue.js'
import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { ReadableStore } from '../store/readable.js'
import type { AuditLogReader, EventResults, FoundEvent, LogEntry, LogHead, Results } from './contract.js'
import { type FollowOptions, followEvents, parseFollowOptions } from './follow.js'
import {
  type ParsedEventQuery,
  parseEventQuery,
  parseFollowQuery,
  parseRunQuery,
  parseRunRef,
  parseSeq,
  parseSessionQuery,
  unknownTypeError,
} from './parse-query.js'
import type { EventFilter } from './plan.js'
import type { EventQuery, FollowQuery, RunQuery, RunRef, SessionQuery } from './query.js'
import { countEvents, readEntries, readEvent, readEvents } from './read-events.js'
import { BatchedResults } from './results.js'
import type { RunSummary, RunTree } from './run-summary.js'
import { listRuns, readRunTree } from './runs.js'
import { listSessions, type SessionSummary } from './sessions.js'

/** What a reader needs beside the store. */
export interface ReaderOptions {
  /** Resolves when everything recorded before the call is in the store; every read waits for it first. */
  readonly barrier: () => Promise<void>
  /** Types that may be asked for, beside those of the catalogue, before the log has any event of them. */
  readonly eventTypes: readonly string[]
}

/** Reads from an open store. The reader neither opens nor closes it. */
export function createReader(store: ReadableStore, options: ReaderOptions): AuditLogReader {
  return new StoreReader(store, options)
}

/** Answers from a store. */
export class StoreReader implements AuditLogReader {
  readonly #store: ReadableStore
  readonly #barrier: () => Promise<void>
  readonly #knownTypes: ReadonlySet<string>

  constructor(store: ReadableStore, { barrier, eventTypes }: ReaderOptions) {
    this.#store = store
    this.#barrier = barrier
    this.#knownTypes = new Set([...Object.keys(catalogue), ...eventTypes])
  }

  events<T extends string = AuditEventType>(query: EventQuery<T> = {}): EventResults<T> {
    const parsed = parseEventQuery(query)
    // The filter lets through no other types than those that T names.
    const read = (size: number) => this.#readEvents(size, parsed) as AsyncIterable<readonly FoundEvent<T>[]>
    return this.#results(read)
  }

  entries<T extends string = AuditEventType>(query: EventQuery<T> = {}): Results<LogEntry> {
    const parsed = parseEventQuery(query)
    return this.#results((size) => this.#readEntries(size, parsed))
  }

  follow<T extends string = AuditEventType>(
    query: FollowQuery<T> = {},
    options: FollowOptions = {},
  ): AsyncIterable<FoundEvent<T>> {
    const parsed = parseFollowQuery(query)
    const following = parseFollowOptions(options)
    const read = (afterSeq: number, size: number) =>
      this.#readEvents(size, { ...parsed, afterSeq }) as AsyncIterable<readonly FoundEvent<T>[]>
    return followEvents({ head: () => this.#openSize(), read }, following)
  }

  async get(seq: number): Promise<StoredEvent | undefined> {
    const position = parseSeq(seq)
    return position < (await this.#size()) ? await readEvent(this.#store, position) : undefined
  }

  async count<T extends string = AuditEventType>(query: EventQuery<T> = {}): Promise<number> {
    const parsed = parseEventQuery(query)
    const size = await this.#size()
    await this.#assertKnownTypes(parsed, size)
    return await countEvents(this.#store, size, filterOf(parsed))
  }

  async head(): Promise<LogHead> {
    return { size: await this.#size() }
  }

  runs(query: RunQuery = {}): Results<RunSummary> {
    const parsed = parseRunQuery(query)
    return this.#results((size) => listRuns(this.#store, size, parsed))
  }

  async run(runId: string, ref: RunRef = {}): Promise<RunTree | undefined> {
    const key = parseRunRef(runId, ref)
    return await readRunTree(this.#store, await this.#size(), key)
  }

  sessions(query: SessionQuery = {}): Results<SessionSummary> {
    const parsed = parseSessionQuery(query)
    return this.#results((size) => listSessions(this.#store, size, parsed))
  }

  /** Where a read ends. The log only grows, so what lies below stays as it is while the read goes on. */
  async #size(): Promise<number> {
    await this.#barrier()
    return this.#store.size
  }

  /** {@link #size}, of a store that is still open. */
  async #openSize(): Promise<number> {
    const size = await this.#size()
    await this.#store.read([])
    return size
  }

  #results<T>(read: (size: number) => AsyncIterable<readonly T[]>): Results<T> {
    const size = () => this.#size()
    return new BatchedResults(async function* () {
      yield* read(await size())
    })
  }

  async *#readEvents(size: number, query: ParsedEventQuery): AsyncGenerator<readonly StoredEvent[]> {
    await this.#assertKnownTypes(query, size)
    yield* readEvents(this.#store, size, filterOf(query))
  }

  async *#readEntries(size: number, query: ParsedEventQuery): AsyncGenerator<readonly LogEntry[]> {
    await this.#assertKnownTypes(query, size)
    yield* readEntries(this.#store, size, filterOf(query))
  }

  /** A type is known when the catalogue or the log's owner defines it, or when a newer version has written one. */
  async #assertKnownTypes({ type = [] }: ParsedEventQuery, size: number): Promise<void> {
    for (const asked of type) {
      if (this.#knownTypes.has(asked)) continue
      const written = await this.#store.countPostings('type', [asked], { from: 0, to: size }, 1)
      if (written === 0) throw unknownTypeError(asked, [...this.#knownTypes])
    }
  }
}

function filterOf({ type, order, ...filter }: ParsedEventQuery): EventFilter {
  return { ...filter, ...(type && { types: type }), reverse: order === 'desc' }
}
