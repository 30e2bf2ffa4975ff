import type { Page, PageOptions, Results } from '../page.js'
import { digestOfQuery, invalidCursor } from '../query/cursor.js'
import { parsePageOptions } from '../query/parse-query.js'
import type { Span } from '../query/results.js'
import { mergeBatches } from './merge-batches.js'
import { type LogPart, Moment, type SiblingLog } from './moment.js'
import { decodePageCursor, encodePageCursor, isLedgerCursor, type LedgerBookmark, type Sizes } from './page-cursor.js'

/** The logs that are read as one. */
export interface LogsSource<L extends SiblingLog> {
  /** Returns the logs that there are by now, by their numbers; none where processes have recorded and no log was opened yet. */
  logs(): Promise<readonly L[]>
  /** Brings each log up to date where that is due. */
  settle(): Promise<void>
  /** Brings all logs up to date. */
  refresh(): Promise<void>
}

/** One of the walks that are merged into a list. */
export interface Walked<I> {
  /** Number of its log; {@link ALL_LOGS} for a walk over all of them. */
  readonly log: number
  readonly size: number
  read(span: Span): AsyncIterable<readonly I[]>
}

/** In place of the number of a log. */
export const ALL_LOGS = 0xffff_ffff

/** The results of a query in several logs. */
export interface LedgerListing<I, T, L extends SiblingLog> {
  /** The kind of the items: a cursor goes on with the same only. */
  readonly kind: string
  readonly query: Readonly<Record<string, unknown>> & { readonly limit?: number; readonly order?: 'asc' | 'desc' }
  /** The query names positions in all logs, with which a single log's reader cannot do anything. */
  readonly hasPositions?: boolean
  /** Returns the results of a single log. */
  single(log: L): Results<T>
  /** Returns the walks over the logs as they are at a moment, by the numbers of the logs. */
  walks(moment: Moment, logs: readonly L[]): Promise<readonly Walked<I>[]>
  /** Counts the items in the logs as they are at a moment; left out where they are to be read for that. */
  count?(moment: Moment, logs: readonly L[]): Promise<number>
  position(item: I): number
  /** The time by which items of several walks are merged. */
  time(item: I): string
  /** Returns the consumer's form of an item. @param log - `undefined` where there is one */
  result(item: I, log: number | undefined): T
}

/** The beginning of a reading. */
interface Beginning<L> {
  readonly logs: readonly L[]
  readonly moment: Moment
  readonly bookmark: LedgerBookmark
}

/** An item, the number of its walk's log, and its position there. */
interface Found<T> {
  readonly result: T
  readonly log: number
  readonly position: number
}

/** Results of several logs; where there is one log, those of its own reader. */
export class LedgerResults<I, T, L extends SiblingLog> implements Results<T> {
  readonly #source: LogsSource<L>
  readonly #listing: LedgerListing<I, T, L>

  constructor(source: LogsSource<L>, listing: LedgerListing<I, T, L>) {
    this.#source = source
    this.#listing = listing
  }

  [Symbol.asyncIterator](): AsyncIterator<T, void, undefined> {
    return new LazyIterator(() => this.#open((results) => results, itemsOf))
  }

  batches(): AsyncIterable<readonly T[]> {
    const open = () => this.#open((results) => results.batches(), resultsOf)
    return { [Symbol.asyncIterator]: () => new LazyIterator(open) }
  }

  async toArray(): Promise<T[]> {
    const logs = await this.#source.logs()
    const only = this.#single(logs)
    if (only) return await this.#listing.single(only).toArray()
    const all: T[] = []
    for await (const batch of this.#read(await this.#begin(logs))) for (const { result } of batch) all.push(result)
    return all
  }

  async count(): Promise<number> {
    const logs = await this.#source.logs()
    const only = this.#single(logs)
    if (only) return await this.#listing.single(only).count()
    const begun = await this.#begin(logs)
    if (this.#listing.count) return await this.#listing.count(begun.moment, logs)
    let count = 0
    for await (const batch of this.#read(begun)) count += batch.length
    return count
  }

  async page(options: PageOptions = {}): Promise<Page<T>> {
    const { cursor, size: wanted } = parsePageOptions(options)
    const logs = await this.#source.logs()
    const only = this.#single(logs, cursor)
    if (only) return await this.#listing.single(only).page(options)
    const begun = await this.#begin(logs, cursor)
    const { sizes, left } = begun.bookmark
    const positions = new Map(begun.bookmark.positions)
    const items: T[] = []
    // One more than is wanted: there is a next page then.
    for await (const batch of this.#read(begun, wanted + 1)) {
      for (const { result, log, position } of batch) {
        if (items.length === wanted) {
          const bookmark = { sizes, positions, left: left - wanted }
          return { items, cursor: encodePageCursor(this.#digest(), bookmark, idsOf(logs)) }
        }
        items.push(result)
        positions.set(log, position)
      }
    }
    return { items }
  }

  /** Returns the log that answers alone. A page that was begun when there was one log goes on with that one. */
  #single(logs: readonly L[], cursor?: string): L | undefined {
    if (isLedgerCursor(cursor)) return undefined
    const isOne = cursor !== undefined || (logs.length === 1 && !this.#listing.hasPositions)
    if (isOne && !logs[0]) throw invalidCursor('there is no log yet')
    return isOne ? logs[0] : undefined
  }

  async #open<R>(
    single: (results: Results<T>) => AsyncIterable<R>,
    several: (found: AsyncIterable<readonly Found<T>[]>) => AsyncIterable<R>,
  ): Promise<AsyncIterator<R>> {
    const logs = await this.#source.logs()
    const only = this.#single(logs)
    const results = only ? single(this.#listing.single(only)) : several(this.#read(await this.#begin(logs)))
    return results[Symbol.asyncIterator]()
  }

  async #begin(logs: readonly L[], cursor?: string): Promise<Beginning<L>> {
    await this.#source.settle()
    const bookmark = isLedgerCursor(cursor) ? await this.#resume(logs, cursor) : this.#start(logs)
    return { logs, moment: new Moment(this.#source, logs, bookmark.sizes), bookmark }
  }

  #start(logs: readonly L[]): LedgerBookmark {
    return { sizes: sizesOf(logs), positions: new Map(), left: this.#listing.query.limit ?? Infinity }
  }

  async #resume(logs: readonly L[], cursor: string): Promise<LedgerBookmark> {
    const bookmark = decodePageCursor(cursor, this.#digest(), idsOf(logs))
    const isPast = () => logs.some(({ number, store }) => (bookmark.sizes.get(number) ?? 0) > store.size)
    if (isPast()) await this.#source.refresh()
    if (isPast()) throw invalidCursor('it leads past the end of a log')
    return bookmark
  }

  async *#read(
    { logs, moment, bookmark }: Beginning<L>,
    most = Infinity,
  ): AsyncGenerator<readonly Found<T>[], void, undefined> {
    const { position, time, result, query } = this.#listing
    const limit = Math.min(bookmark.left, most)
    const walks = await this.#listing.walks(moment, logs)
    const sources = walks.map(({ log, size, read }) => read({ size, after: bookmark.positions.get(log), limit }))
    const isOne = moment.parts.length === 1
    let left = limit
    for await (const merged of mergeBatches(sources, time, query.order === 'desc')) {
      const taken = merged.length > left ? merged.slice(0, left) : merged
      yield taken.map(({ item, source }) => {
        const { log } = walks[source] as Walked<I>
        return { result: result(item, isOne ? undefined : log), log, position: position(item) }
      })
      left -= taken.length
      if (left <= 0) return
    }
  }

  #digest() {
    return digestOfQuery(this.#listing.kind, this.#listing.query)
  }
}

export function sizesOf(logs: readonly SiblingLog[]): Sizes {
  return new Map(logs.map(({ number, store }) => [number, store.size]))
}

/** Returns the logs as they are once each is up to date. */
export async function momentOf<L extends SiblingLog>(source: LogsSource<L>, logs: readonly L[]): Promise<Moment> {
  await source.settle()
  return new Moment(source, logs, sizesOf(logs))
}

/** Returns a walk for each log as it is at a moment. */
export function walksOf<I>(
  moment: Moment,
  walkOf: (part: LogPart) => (span: Span) => AsyncIterable<readonly I[]>,
): readonly Walked<I>[] {
  return moment.parts.map((part) => ({ log: part.log, size: part.size, read: walkOf(part) }))
}

/** Returns the ids of logs by their numbers: a log of another ledger has another id. */
export function idsOf(logs: readonly SiblingLog[]): (log: number) => string | undefined {
  return (log) => logs.find(({ number }) => number === log)?.store.id
}

async function* itemsOf<T>(found: AsyncIterable<readonly Found<T>[]>): AsyncGenerator<T> {
  for await (const batch of found) for (const { result } of batch) yield result
}

async function* resultsOf<T>(found: AsyncIterable<readonly Found<T>[]>): AsyncGenerator<readonly T[]> {
  for await (const batch of found) if (batch.length > 0) yield batch.map(({ result }) => result)
}

/** Iterates what is opened when the first item is asked for, and adds nothing to its steps from then on. */
class LazyIterator<T> implements AsyncIterator<T, void, undefined> {
  readonly #open: () => Promise<AsyncIterator<T>>
  #opening: Promise<AsyncIterator<T>> | undefined
  #opened: AsyncIterator<T> | undefined
  #left = false

  constructor(open: () => Promise<AsyncIterator<T>>) {
    this.#open = open
  }

  next(): Promise<IteratorResult<T, void>> {
    return this.#opened ? this.#opened.next() : this.#first()
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.#left = true
    const opened = this.#opened ?? (await this.#opening?.catch(() => undefined))
    await opened?.return?.()
    return { done: true, value: undefined }
  }

  async #first(): Promise<IteratorResult<T, void>> {
    if (this.#left) return { done: true, value: undefined }
    this.#opening ??= this.#open()
    try {
      this.#opened = await this.#opening
    } catch (problem) {
      this.#left = true
      throw problem
    }
    return await this.#opened.next()
  }
}
