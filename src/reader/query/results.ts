import type { Page, PageOptions, Results } from '../page.js'
import { decodeCursor, digestOfQuery, encodeCursor, entryMark, invalidCursor, type QueryDigest } from './cursor.js'
import { parsePageOptions } from './parse-query.js'

/** The part to read of what a query finds. */
export interface Span {
  /** Size of the log when reading began: nothing behind it is read. */
  readonly size: number
  /** In walking order, only what comes after this position. */
  readonly after?: number | undefined
  /** The most items; `Infinity` for all. */
  readonly limit: number
}

/** The items that a query finds, in the order of the positions at which they are listed. */
export interface Listing<I, T> {
  /** The kind of the items: a cursor goes on with the same only. */
  readonly kind: string
  readonly query: Readonly<Record<string, unknown>> & { readonly limit?: number }
  read(span: Span): AsyncIterable<readonly I[]>
  /** Counts the items of the log as it was when it had so many entries; left out where they are to be read for that. */
  count?(size: number): Promise<number>
  /** The position in the log where an item is listed. */
  position(item: I): number
  /** The consumer's form of it. */
  result(item: I): T
}

/** The log that results are read from. */
export interface ListedLog {
  /** Returns the size of the log; it is read anew unless it is known to have `atLeast` so many entries. */
  size(atLeast?: number): Promise<number>
  /** Reads an entry; `undefined` when it was removed. */
  entryAt(seq: number): Promise<Uint8Array | undefined>
}

/** Results that are read in batches; each iteration reads them anew. */
export class ListedResults<I, T> implements Results<T> {
  readonly #log: ListedLog
  readonly #listing: Listing<I, T>

  constructor(log: ListedLog, listing: Listing<I, T>) {
    this.#log = log
    this.#listing = listing
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const batch of await this.#read()) for (const item of batch) yield this.#listing.result(item)
  }

  async *batches(): AsyncGenerator<readonly T[], void, undefined> {
    const { result } = this.#listing
    for await (const batch of await this.#read()) {
      if (batch.length > 0) yield batch.map((item) => result(item))
    }
  }

  async toArray(): Promise<T[]> {
    const all: T[] = []
    const { result } = this.#listing
    for await (const batch of await this.#read()) for (const item of batch) all.push(result(item))
    return all
  }

  async count(): Promise<number> {
    const size = await this.#log.size()
    if (this.#listing.count) return await this.#listing.count(size)
    let count = 0
    for await (const batch of this.#listing.read({ size, limit: this.#limit })) count += batch.length
    return count
  }

  async page(options: PageOptions = {}): Promise<Page<T>> {
    const { kind, query, position, result } = this.#listing
    const { cursor, size: wanted } = parsePageOptions(options)
    const digest = digestOfQuery(kind, query)
    const { size, after, left } = await (cursor === undefined ? this.#begin() : this.#resume(cursor, digest))
    const items: T[] = []
    let last = 0
    // One more than is wanted: there is a next page then.
    for await (const batch of this.#listing.read({ size, after, limit: Math.min(left, wanted + 1) })) {
      for (const item of batch) {
        if (items.length < wanted) {
          last = position(item)
          items.push(result(item))
          continue
        }
        const mark = entryMark((await this.#log.entryAt(last)) ?? new Uint8Array())
        return { items, cursor: encodeCursor(digest, { size, position: last, mark, left: left - wanted }) }
      }
    }
    return { items }
  }

  async #read(): Promise<AsyncIterable<readonly I[]>> {
    return this.#listing.read({ size: await this.#log.size(), limit: this.#limit })
  }

  get #limit(): number {
    return this.#listing.query.limit ?? Infinity
  }

  async #begin() {
    return { size: await this.#log.size(), after: undefined, left: this.#limit }
  }

  async #resume(cursor: unknown, digest: QueryDigest) {
    const { size, position, mark, left } = decodeCursor(cursor, digest)
    if (position >= size || size > (await this.#log.size(size))) {
      throw invalidCursor('it leads past the end of this log; is it of another one?')
    }
    const entry = await this.#log.entryAt(position)
    // There is nothing to compare with where it was removed since.
    if (entry && entryMark(entry) !== mark) throw invalidCursor('it is of another log')
    return { size, after: position, left }
  }
}
