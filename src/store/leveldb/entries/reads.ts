import type { AuditLogError } from '../../../events/errors.js'
import type { StoredEntry, Walk } from '../../contract.js'
import { seqOfKey } from '../../seq-bytes.js'
import { clampWalk } from '../../walk.js'
import type { Database } from '../database.js'
import { corrupt, readError } from '../errors.js'
import { getMany } from '../get-many.js'
import { scan } from '../scan.js'
import { Block } from './block.js'
import type { BlockCache } from './block-cache.js'
import { blockOf, blocksIn, PAGE_POSITIONS, pageOf } from './directory.js'
import { blockKey, pageKey } from './keys.js'

/** A walk over no more positions than this reads blocks by their keys: an iterator takes longer to begin. */
const MAX_POINT_READ = PAGE_POSITIONS
/** Blocks that are read by their keys at a time. */
const BLOCKS_AT_ONCE = 16

/** The part of a log's state that reading its entries needs. */
export interface EntriesState {
  readonly size: number
  /** Number of entries that were removed. */
  readonly removedEntries: number
  /** Blocks from this position on may give way to others under the reading; {@link Infinity} where nobody writes. */
  readonly openFrom: number
}

type Snapshot = ReturnType<Database['snapshot']>

/** A position to be read, and the first position of its block. */
interface Place {
  readonly seq: number
  readonly start: number
}

/** Reads entries out of their blocks; see the methods of the same names of `AuditStore`. */
export class EntryReads {
  readonly #database: () => Database
  readonly #state: EntriesState
  readonly #cache: BlockCache
  readonly #location: string

  /** @param database - gives the open database, or throws that it is closed */
  constructor(database: () => Database, state: EntriesState, cache: BlockCache, location: string) {
    this.#database = database
    this.#state = state
    this.#cache = cache
    this.#location = location
  }

  async *entries(walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
    const { from, to, reverse } = clampWalk(walk, this.#state.size)
    if (from >= to) return
    let expected = reverse ? to - 1 : from
    for await (const blocks of this.blocks(walk)) {
      const chunk: StoredEntry[] = []
      for (const block of blocks) {
        const end = reverse ? Math.max(from, block.firstSeq) - 1 : Math.min(to, block.end)
        for (; expected !== end; expected += reverse ? -1 : 1) {
          const bytes = this.#entryIn(block, expected)
          if (bytes) chunk.push({ seq: expected, bytes })
        }
      }
      if (chunk.length > 0) yield chunk
    }
  }

  /**
   * Reads the blocks that hold some of these positions, in walking order and without a gap.
   *
   * @throws AuditLogError `AUDIT_LOG_CORRUPT` when one is missing or is none
   */
  async *blocks(walk: Walk): AsyncGenerator<readonly Block[]> {
    const { from, to, reverse } = clampWalk(walk, this.#state.size)
    if (from >= to) return
    const snapshot = this.#snapshotFor(to - 1)
    let expected = reverse ? to - 1 : from
    try {
      const isShort = to - from <= MAX_POINT_READ
      const reading = isShort
        ? this.#pointReads({ from, to, reverse }, snapshot)
        : this.#scan({ from, to, reverse }, snapshot)
      for await (const blocks of reading) {
        for (const block of blocks) {
          if (!block.has(expected)) throw this.#entryMissing(expected)
          expected = reverse ? block.firstSeq - 1 : block.end
        }
        yield blocks
      }
    } catch (error) {
      throw readError(error, this.#location)
    } finally {
      await snapshot?.close()
    }
    if (reverse ? expected >= from : expected < to) throw this.#entryMissing(expected)
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#readIn(seqs, (block, seq) => this.#entryIn(block, seq))
  }

  async removedUnder(seqs: readonly number[]): Promise<readonly (number | undefined)[]> {
    if (this.#state.removedEntries === 0) return seqs.map(() => undefined)
    return await this.#readIn(seqs, (block, seq) => block.removed(seq)?.removedUnder)
  }

  /** Reads the slots at these positions. */
  async #readIn<T>(
    seqs: readonly number[],
    slot: (block: Block, seq: number) => T | undefined,
  ): Promise<readonly (T | undefined)[]> {
    const { size } = this.#state
    const stored = seqs.filter((seq) => Number.isInteger(seq) && seq >= 0 && seq < size)
    if (stored.length === 0) return seqs.map(() => undefined)
    const snapshot = this.#snapshotFor(Math.max(...stored))
    try {
      const pages = await this.#pages(stored.map(pageOf), snapshot)
      const places = new Map<number, Place>()
      for (const seq of stored) places.set(seq, { seq, start: this.#blockOf(seq, pages) })
      const blocks = await this.#blocks([...places.values()], snapshot)
      return seqs.map((seq) => {
        const place = places.get(seq)
        return place && slot(blocks.get(place.start) as Block, seq)
      })
    } catch (error) {
      throw readError(error, this.#location)
    } finally {
      await snapshot?.close()
    }
  }

  /** Returns a snapshot when the read touches blocks that commits still change, so that it sees one moment. */
  #snapshotFor(lastSeq: number): Snapshot | undefined {
    return this.#isOpen(pageOf(lastSeq)) ? this.#database().snapshot() : undefined
  }

  async *#pointReads({ from, to, reverse }: Walk, snapshot: Snapshot | undefined): AsyncGenerator<readonly Block[]> {
    const pages = await this.#pages([pageOf(from), pageOf(to - 1)], snapshot)
    const starts = [this.#blockOf(from, pages)]
    for (const [page, value] of pages) starts.push(...blocksIn(page, value).filter((seq) => seq > from && seq < to))
    const places = starts.map((start) => ({ seq: Math.max(start, from), start }))
    if (reverse) places.reverse()
    for (let at = 0; at < places.length; at += BLOCKS_AT_ONCE) {
      const asked = places.slice(at, at + BLOCKS_AT_ONCE)
      const read = await this.#blocks(asked, snapshot)
      yield asked.map(({ start }) => read.get(start) as Block)
    }
  }

  async *#scan({ from, to, reverse }: Walk, snapshot: Snapshot | undefined): AsyncGenerator<readonly Block[]> {
    const pages = await this.#pages([pageOf(from)], snapshot)
    const first = blockKey(this.#blockOf(from, pages))
    for await (const items of scan(this.#database(), { first, last: blockKey(to - 1), reverse, snapshot })) {
      yield items.map(([key, value]) => new Block(seqOfKey(key), value))
    }
  }

  /** Pages by their numbers, ascending. */
  async #pages(wanted: readonly number[], snapshot: Snapshot | undefined): Promise<ReadonlyMap<number, Uint8Array>> {
    const numbers = [...new Set(wanted)].sort((a, b) => a - b)
    const found = new Map<number, Uint8Array>()
    const missing: number[] = []
    for (const page of numbers) {
      const cached = this.#isOpen(page) ? undefined : this.#cache.page(page)
      if (cached) found.set(page, cached)
      else missing.push(page)
    }
    const read = missing.length === 0 ? [] : await getMany(this.#database(), missing.map(pageKey), snapshot)
    for (const [at, page] of missing.entries()) {
      const value = read[at]
      if (!value) throw corrupt(this.#location, `page ${page} of its directory is missing`)
      found.set(page, value)
      if (!this.#isOpen(page)) this.#cache.addPage(page, value)
    }
    return new Map(numbers.map((page) => [page, found.get(page) as Uint8Array]))
  }

  /** Blocks by their first positions. */
  async #blocks(places: readonly Place[], snapshot: Snapshot | undefined): Promise<ReadonlyMap<number, Block>> {
    const blocks = new Map<number, Block>()
    const missing = new Set<number>()
    for (const { start } of places) {
      const cached = this.#isSmall(start) ? undefined : this.#cache.block(start)
      if (cached) blocks.set(start, cached)
      else missing.add(start)
    }
    const starts = [...missing]
    const read = starts.length === 0 ? [] : await getMany(this.#database(), starts.map(blockKey), snapshot)
    for (const [at, start] of starts.entries()) {
      const value = read[at]
      if (!value) throw this.#entryMissing(start)
      const block = new Block(start, value)
      if (!this.#isSmall(start)) this.#cache.addBlock(block)
      blocks.set(start, block)
    }
    for (const { seq, start } of places) if (!blocks.get(start)?.has(seq)) throw this.#entryMissing(seq)
    return blocks
  }

  /** Another block may take the place of a small one: what is read at another moment does not fit to it. */
  #isSmall(start: number): boolean {
    return start >= this.#state.openFrom
  }

  #isOpen(page: number): boolean {
    return page >= pageOf(this.#state.openFrom)
  }

  #blockOf(seq: number, pages: ReadonlyMap<number, Uint8Array>): number {
    return blockOf(seq, pages.get(pageOf(seq)) as Uint8Array)
  }

  /** Returns the bytes of an entry; `undefined` when it was removed. */
  #entryIn(block: Block, seq: number): Uint8Array | undefined {
    const bytes = block.entry(seq)
    if (bytes || this.#state.removedEntries > 0) return bytes
    const { size } = this.#state
    throw corrupt(
      this.#location,
      `entry ${seq} of ${size} is marked as removed, and its head knows of no removed entry`,
    )
  }

  #entryMissing(seq: number): AuditLogError {
    return corrupt(this.#location, `entry ${seq} of ${this.#state.size} is missing`)
  }
}
