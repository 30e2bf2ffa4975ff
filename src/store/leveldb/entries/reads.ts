import type { AuditLogError } from '../../../events/errors.js'
import { endOfTurn } from '../../../timers/real-timers.js'
import type { StoredEntry, Walk } from '../../contract.js'
import { clampWalk } from '../../walk.js'
import { corrupt, readError } from '../errors.js'
import { getMany, getManyHere } from '../get-many.js'
import type { Database } from '../load-level.js'
import { scan } from '../scan.js'
import { Block } from './block.js'
import type { BlockCache } from './block-cache.js'
import { blockOf, type OpenPages, pageOf } from './directory.js'
import { blockKey, blockStartOf, pageKey } from './keys.js'
import type { OpenBlocks } from './open-blocks.js'

/** A walk over no more positions than this reads blocks by their keys: an iterator takes longer to begin. */
const MAX_POINT_WALK = 1024
/** Positions of such a walk that are read at a time. */
const POSITIONS_AT_ONCE = 256
/** Blocks that are read on the calling thread before timers and signals get their turn: some milliseconds. */
const BLOCKS_IN_A_ROW = 64

/** The part of a log's state that reading its entries needs. */
export interface EntriesState {
  readonly size: number
  /** Number of entries that were removed. */
  readonly removedEntries: number
  /** The small blocks and the pages that may still change, of the same moment. The database is not asked for them. */
  readonly openBlocks: OpenBlocks
  readonly openPages: OpenPages
}

/** The database that entries are read from, with the blocks of it that are in memory. */
export interface EntrySource {
  /** Gives the open database, or throws that it is closed. */
  readonly database: () => Database
  readonly cache: BlockCache
  /** Of the log, for messages. */
  readonly location: string
}

/** Consecutive entries. */
type Slots = Pick<Block, 'has' | 'entry' | 'removed'>

/** A position to be read, and the first position of its block. */
interface EntryAddress {
  readonly seq: number
  readonly start: number
}

/** Options of {@link EntryReads}. */
export interface EntryReadsOptions {
  /** Blocks that are read by their keys are read on the calling thread, see `ReadingOptions`. @defaultValue false */
  readonly synchronous?: boolean | undefined
}

/** Reads entries out of their blocks; see the methods of the same names of `AuditStore`. */
export class EntryReads {
  readonly #database: () => Database
  readonly #state: EntriesState
  readonly #cache: BlockCache
  readonly #location: string
  readonly #getMany: typeof getMany | typeof getManyHere
  readonly #isSynchronous: boolean
  /** Blocks that were read on the calling thread since others had their turn. */
  #readInARow = 0

  constructor(
    { database, cache, location }: EntrySource,
    state: EntriesState,
    { synchronous = false }: EntryReadsOptions = {},
  ) {
    this.#database = database
    this.#state = state
    this.#cache = cache
    this.#location = location
    this.#getMany = synchronous ? getManyHere : getMany
    this.#isSynchronous = synchronous
  }

  async *entries(walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
    const { from, to, reverse } = clampWalk(walk, this.#state.size)
    if (from >= to) return
    if (to - from <= MAX_POINT_WALK) {
      yield* this.#pointReads({ from, to, reverse })
      return
    }
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
    const { openBlocks } = this.#state
    const small = to > openBlocks.from ? openBlocks.asBlock() : undefined
    const full = { from, to: Math.min(to, openBlocks.from), reverse }
    let expected = reverse ? to - 1 : from
    const take = (blocks: readonly Block[]): readonly Block[] => {
      for (const block of blocks) {
        if (!block.has(expected)) throw this.#entryMissing(expected)
        expected = reverse ? block.firstSeq - 1 : block.end
      }
      return blocks
    }
    try {
      if (small && reverse) yield take([small])
      for await (const blocks of this.#scan(full)) yield take(blocks)
      if (small && !reverse) yield take([small])
    } catch (error) {
      throw readError(error, this.#location)
    }
    if (reverse ? expected >= from : expected < to) throw this.#entryMissing(expected)
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#readIn(seqs, (slots, seq) => this.#entryIn(slots, seq))
  }

  async removedUnder(seqs: readonly number[]): Promise<readonly (number | undefined)[]> {
    this.#database()
    if (this.#state.removedEntries === 0) return seqs.map(() => undefined)
    return await this.#readIn(seqs, (slots, seq) => slots.removed(seq)?.removedUnder)
  }

  /** Reads the slots at these positions. */
  async #readIn<T>(
    seqs: readonly number[],
    slot: (slots: Slots, seq: number) => T | undefined,
  ): Promise<readonly (T | undefined)[]> {
    const found: (T | undefined)[] = new Array(seqs.length).fill(undefined)
    // A log that is closed has nothing in memory either.
    this.#database()
    try {
      const left: number[] = []
      let slots: Slots | undefined
      for (let at = 0; at < seqs.length; at++) {
        const seq = seqs[at] as number
        if (!Number.isInteger(seq) || seq < 0 || seq >= this.#state.size) continue
        if (!slots?.has(seq)) slots = this.#slotsAtHand(seq)
        if (slots) found[at] = slot(slots, seq)
        else left.push(at)
      }
      if (left.length === 0) return found
      const wanted = left.map((at) => seqs[at] as number)
      const blocks = await this.#blocksOf(wanted)
      for (const [n, seq] of wanted.entries()) found[left[n] as number] = slot(blocks[n] as Block, seq)
      return found
    } catch (error) {
      throw readError(error, this.#location)
    }
  }

  async *#pointReads({ from, to, reverse }: Walk): AsyncGenerator<readonly StoredEntry[]> {
    const step = reverse ? -1 : 1
    for (let next = reverse ? to - 1 : from, left = to - from; left > 0; ) {
      const first = next
      const seqs = Array.from({ length: Math.min(left, POSITIONS_AT_ONCE) }, (_, at) => first + at * step)
      const entries = await this.read(seqs)
      const chunk = seqs.flatMap((seq, at): StoredEntry[] => {
        const bytes = entries[at]
        return bytes ? [{ seq, bytes }] : []
      })
      if (chunk.length > 0) yield chunk
      next += seqs.length * step
      left -= seqs.length
    }
  }

  #slotsAtHand(seq: number): Slots | undefined {
    const { openBlocks } = this.#state
    if (seq >= openBlocks.from) return openBlocks
    const page = this.#pageAtHand(pageOf(seq))
    const block = page && this.#cache.block(blockOf(seq, page))
    if (block && !block.has(seq)) throw this.#entryMissing(seq)
    return block
  }

  #pageAtHand(page: number): Uint8Array | undefined {
    return this.#state.openPages.page(page) ?? this.#cache.page(page)
  }

  /** Reads the blocks of entries, each in the place of its entry. */
  async #blocksOf(seqs: readonly number[]): Promise<readonly (Block | undefined)[]> {
    const pages = await this.#pages(seqs.map(pageOf))
    const addresses = seqs.map((seq): EntryAddress => ({ seq, start: this.#blockOf(seq, pages) }))
    const blocks = await this.#blocks(addresses)
    return addresses.map(({ start }) => blocks.get(start))
  }

  async *#scan({ from, to, reverse }: Walk): AsyncGenerator<readonly Block[]> {
    if (from >= to) return
    const pages = await this.#pages([pageOf(from)])
    const first = blockKey(this.#blockOf(from, pages))
    for await (const items of scan(this.#database(), { first, last: blockKey(to - 1), reverse })) {
      const blocks: Block[] = []
      for (const [key, value] of items) {
        const firstSeq = blockStartOf(key)
        if (firstSeq !== undefined) blocks.push(new Block(firstSeq, value))
      }
      if (blocks.length > 0) yield blocks
    }
  }

  /** Pages by their numbers, ascending. */
  async #pages(wanted: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const numbers = [...new Set(wanted)].sort((a, b) => a - b)
    const found = new Map<number, Uint8Array>()
    const missing: number[] = []
    for (const page of numbers) {
      const known = this.#pageAtHand(page)
      if (known) found.set(page, known)
      else missing.push(page)
    }
    const read = missing.length === 0 ? [] : await this.#getMany(this.#database(), missing.map(pageKey))
    for (const [at, page] of missing.entries()) {
      const value = read[at]
      if (!value) throw corrupt(this.#location, `page ${page} of its directory is missing`)
      found.set(page, value)
      this.#cache.addPage(page, value)
    }
    return new Map(numbers.map((page) => [page, found.get(page) as Uint8Array]))
  }

  /** Full blocks by their first positions. */
  async #blocks(addresses: readonly EntryAddress[]): Promise<ReadonlyMap<number, Block>> {
    const blocks = new Map<number, Block>()
    const missing = new Set<number>()
    for (const { start } of addresses) {
      const cached = this.#cache.block(start)
      if (cached) blocks.set(start, cached)
      else missing.add(start)
    }
    const starts = [...missing]
    const read = starts.length === 0 ? [] : await this.#getMany(this.#database(), starts.map(blockKey))
    for (const [at, start] of starts.entries()) {
      const value = read[at]
      if (!value) throw this.#entryMissing(start)
      const block = new Block(start, value)
      this.#cache.addBlock(block)
      blocks.set(start, block)
    }
    if (this.#isSynchronous) await this.#takeTurns(starts.length)
    for (const { seq, start } of addresses) if (!blocks.get(start)?.has(seq)) throw this.#entryMissing(seq)
    return blocks
  }

  async #takeTurns(blocks: number): Promise<void> {
    this.#readInARow += blocks
    if (this.#readInARow < BLOCKS_IN_A_ROW) return
    this.#readInARow = 0
    await endOfTurn()
  }

  #blockOf(seq: number, pages: ReadonlyMap<number, Uint8Array>): number {
    return blockOf(seq, pages.get(pageOf(seq)) as Uint8Array)
  }

  /** Returns the bytes of an entry; `undefined` when it was removed. */
  #entryIn(slots: Slots, seq: number): Uint8Array | undefined {
    const bytes = slots.entry(seq)
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
