import type { Page, PageOptions, Results } from '../page.js'
import { decodeCursor, digestOfQuery, encodeCursor, entryMark, invalidCursor, type QueryDigest } from './cursor.js'
import { parsePageOptions } from './parse-query.js'

/** Which part of what a query finds is to be read. */
export interface Span {
  /** Of the log as it was when it had so many entries. */
  readonly size: number
  /** In walking order, only what comes after this position. */
  readonly after?: number | undefined
  /** The most items; `Infinity` for all. */
  readonly limit: number
}

/** What a query finds, item by item, in the order of the positions that tell of them. */
export interface Listing<I, T> {
  /** What is listed: a cursor goes on with the same only. */
  readonly kind: string
  readonly query: Readonly<Record<string, unknown>> & { readonly limit?: number }
  read(span: Span): AsyncIterable<readonly I[]>
  /** The position in the log where an item is listed. */
  position(item: I): number
  /** What the consumer gets of it. */
  result(item: I): T
}

/** What results need of the log. */
export interface ListedLog {
  /** How far the log reaches by now; it is looked at anew where it is not known to have `atLeast` so many entries. */
  size(atLeast?: number): Promise<number>
  /** Reads an entry; `undefined` when it was removed. */
  entryAt(seq: number): Promise<Uint8Array | undefined>
}

/** Results that are read in batches; each iteration reads them anew. */
export class ListedResults<I, T> implements Results<T> {
  readonly #log: ListedLog
  readonly #listing: Listing<I, T>
  readonly #cursor: unknown

  /** @param cursor - the place where they begin, as it came with a page of them; unchecked */
  constructor(log: ListedLog, listing: Listing<I, T>, cursor?: unknown) {
    this.#log = log
    this.#listing = listing
    this.#cursor = cursor
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

  async page(options: PageOptions = {}): Promise<Page<T>> {
    const { kind, query, position, result } = this.#listing
    const { cursor, size: wanted } = parsePageOptions(options)
    const digest = digestOfQuery(kind, query)
    const from = cursor === undefined ? this.#cursor : cursor
    const { size, after, left } = await (from === undefined ? this.#begin() : this.#resume(from, digest))
    const items: T[] = []
    let last = 0
    // One more than is wanted tells whether there is a next page.
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
    const { kind, query } = this.#listing
    const cursor = this.#cursor
    const begun = cursor === undefined ? this.#begin() : this.#resume(cursor, digestOfQuery(kind, query))
    const { size, after, left } = await begun
    return this.#listing.read({ size, after, limit: left })
  }

  async #begin() {
    return { size: await this.#log.size(), after: undefined, left: this.#listing.query.limit ?? Infinity }
  }

  async #resume(cursor: unknown, digest: QueryDigest) {
    const { size, position, mark, left } = decodeCursor(cursor, digest)
    if (position >= size || size > (await this.#log.size(size))) {
      throw invalidCursor('it leads past the end of this log; is it of another one?')
    }
    const entry = await this.#log.entryAt(position)
    // One that was removed since tells nothing.
    if (entry && entryMark(entry) !== mark) throw invalidCursor('it is of another log')
    return { size, after: position, left }
  }
}
