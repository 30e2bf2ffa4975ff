import type { CallerId, IndexName, SeqCursor, SeqRange, Walk } from '../../contract.js'
import { prefixEnd } from '../../keys.js'
import { postingSpan } from '../../posting-value.js'
import { INDEX_ARITY } from '../../postings.js'
import type { RunKey, RunRow } from '../../runs/run-row.js'
import { readSeq, seqOfKey } from '../../seq-bytes.js'
import { clampBlocks, FAN_OUT, type TimeBlock } from '../../time-blocks.js'
import { clampWalk, lowerBound } from '../../walk.js'
import { getMany } from '../get-many.js'
import type { NameHashes } from '../hash-key.js'
import { firstPostings } from './first-postings.js'
import { callerIdKey, OPEN_RUN_PREFIX, openRunKey, valueKey, valueKeyOf } from './keys.js'
import type { IndexView } from './log-index.js'
import { countPostings } from './posting-count.js'
import { PostingCursor } from './posting-cursor.js'
import type { StoredPostings, Values } from './posting-reader.js'
import { rowsAt } from './run-rows.js'

/** Gives reads the index that they ask. */
export interface IndexSource {
  /** Returns the index, up to date with the log; throws or rejects when the log is closed. */
  view(): IndexView | Promise<IndexView>
  /** Returns what a read of the database is to fail with, which failed with this. */
  failure(problem: unknown): unknown
}

/** Answers about so many entries out of an index; see the methods of the same names of `AuditStore`. */
export class IndexReads {
  readonly #source: IndexSource
  readonly #hashes: NameHashes
  readonly #size: number

  constructor(source: IndexSource, hashes: NameHashes, size: number) {
    this.#source = source
    this.#hashes = hashes
    this.#size = size
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    return new IndexCursor(this.#source, {
      index,
      value,
      walk: clampWalk(walk, this.#size),
      values: this.#values(index, value),
    })
  }

  async countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit = Infinity): Promise<number> {
    const { from, to } = clampWalk({ ...range, reverse: false }, this.#size)
    try {
      const viewed = this.#source.view()
      // What is at hand is counted without a turn of the event loop: it takes as long as the rest.
      const view = viewed instanceof Promise ? await viewed : viewed
      const { covered, tails } = view
      let inTails = 0
      for (const tail of tails) inTails += tail.seqs(index, value, { from, to }).length
      if (from >= covered || inTails >= limit) return Math.min(inTails, limit)
      const range = { from, to: Math.min(to, covered) }
      const counted = countPostings(storedPostings(view), this.#values(index, value), range, limit - inTails)
      const inDatabase = typeof counted === 'number' ? counted : await counted
      return Math.min(inTails + inDatabase, limit)
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  async *firstOfEach(index: IndexName): AsyncGenerator<number> {
    try {
      const { database, covered, tails } = await this.#source.view()
      const firsts = new Map<string, number>()
      for (const tail of tails) {
        for (const { value, seqs } of tail.find(index, [])) {
          const key = this.#values(index, value).key.toString('latin1')
          if (!firsts.has(key)) firsts.set(key, seqs[0] as number)
        }
      }
      for await (const [key, value] of firstPostings(database.db, valueKey(index, []))) {
        const { first } = postingSpan(seqOfKey(key), value)
        if (first >= Math.min(covered, this.#size)) continue
        firsts.delete(valueKeyOf(key).toString('latin1'))
        yield first
      }
      for (const first of firsts.values()) if (first < this.#size) yield first
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  /** Reads time blocks of the database, in whose place those of the tails stand. */
  async *timeBlocks(level: number, walk: Walk): AsyncGenerator<readonly TimeBlock[]> {
    try {
      const { database, covered, tails } = await this.#source.view()
      const { from, to, reverse } = clampBlocks(level, walk, this.#size)
      const newer = new Map<number, TimeBlock>()
      for (const tail of tails) {
        for (const block of tail.timeBlocks) {
          if (block.level === level && block.block >= from && block.block < to) newer.set(block.block, block)
        }
      }
      const ofTails = [...newer.values()].sort((a, b) => (reverse ? b.block - a.block : a.block - b.block))
      if (reverse && ofTails.length > 0) yield ofTails
      const groups = { from: Math.floor(from / FAN_OUT), to: Math.ceil(to / FAN_OUT) }
      for (let n = 0; n < groups.to - groups.from; n++) {
        const stored = await database.timeBlocks.group(level, reverse ? groups.to - 1 - n : groups.from + n, covered)
        const blocks = stored.filter(({ block }) => block >= from && block < to && !newer.has(block))
        if (blocks.length > 0) yield reverse ? blocks.reverse() : blocks
      }
      if (!reverse && ofTails.length > 0) yield ofTails
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  async positionsOf(ids: readonly CallerId[]): Promise<readonly (number | undefined)[]> {
    if (ids.length === 0) return []
    try {
      const { database, tails } = await this.#source.view()
      const newest = ids.map((id) =>
        tails.map((tail) => tail.positionOf(id, this.#hashes)).find((seq) => seq !== undefined),
      )
      const keys = ids.map((id) => callerIdKey(this.#hashes, id))
      const stored = (await getMany(database.db, keys)).map((value) => value && readSeq(value, 0))
      // An id is filed once: where both tell of it, the database has just taken it in.
      return ids.map((_, at) => newest[at] ?? stored[at])
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  async openRuns(): Promise<readonly number[]> {
    try {
      const { database, tails } = await this.#source.view()
      const open = new Map<string, number>()
      for await (const [key, value] of database.db.iterator(rangeOf(OPEN_RUN_PREFIX))) {
        open.set(key.toString('latin1'), readSeq(value, 0))
      }
      for (const { tenantId, runId, seq } of tails.flatMap((tail) => [...tail.openRuns])) {
        const key = openRunKey(this.#hashes, tenantId, runId).toString('latin1')
        if (seq === undefined) open.delete(key)
        else open.set(key, seq)
      }
      return [...open.values()].filter((seq) => seq < this.#size).sort((a, b) => a - b)
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  async runRows(keys: readonly RunKey[], size: number): Promise<readonly (RunRow | undefined)[]> {
    if (keys.length === 0) return []
    try {
      const { database, tails } = await this.#source.view()
      const index = { db: database.db, tails, hashes: this.#hashes }
      return await rowsAt(index, keys, Math.min(size, this.#size))
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  #values(index: IndexName, value: readonly string[]): Values {
    const key = valueKey(
      index,
      value.map((part) => this.#hashes.of(part)),
    )
    return { key, isOne: value.length >= INDEX_ARITY[index] }
  }
}

/** The values and positions that a cursor walks. */
interface IndexWalk {
  readonly index: IndexName
  readonly value: readonly string[]
  readonly walk: Walk
  readonly values: Values
}

/** Walks the positions in the database and those in memory, as one. */
class IndexCursor implements SeqCursor {
  readonly #source: IndexSource
  readonly #asked: IndexWalk
  #stored: PostingCursor | undefined
  /** Positions in memory that are left, in walking order. */
  #newest: readonly number[] = []
  #isOpen = false
  #reading: Promise<readonly number[] | undefined> | undefined
  #ended = false

  constructor(source: IndexSource, asked: IndexWalk) {
    this.#source = source
    this.#asked = asked
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    this.#reading = this.#next(target)
    return await this.#reading
  }

  async close(): Promise<void> {
    this.#ended = true
    await this.#reading?.catch(() => undefined)
    await this.#stored?.close()
  }

  async #next(target: number | undefined): Promise<readonly number[] | undefined> {
    try {
      const view = await this.#source.view()
      if (this.#ended) return undefined
      if (!this.#isOpen) this.#open(view)
      const { reverse } = this.#asked.walk
      const chunk = reverse
        ? (this.#takeNewest(target) ?? (await this.#stored?.next(target)))
        : ((await this.#stored?.next(target)) ?? this.#takeNewest(target))
      if (!chunk) await this.#stored?.close()
      return chunk
    } catch (error) {
      throw this.#source.failure(error)
    }
  }

  #open(view: IndexView): void {
    const { covered, tails } = view
    this.#isOpen = true
    const { index, value, walk, values } = this.#asked
    const newest = tails.flatMap((tail) => tail.seqs(index, value, walk))
    this.#newest = walk.reverse ? newest.reverse() : newest
    if (walk.from < covered) {
      this.#stored = new PostingCursor(storedPostings(view), values, { ...walk, to: Math.min(walk.to, covered) })
    }
  }

  #takeNewest(target: number | undefined): readonly number[] | undefined {
    const seqs = this.#newest
    this.#newest = []
    if (target === undefined) return seqs.length > 0 ? seqs : undefined
    const left = this.#asked.walk.reverse ? seqs.filter((seq) => seq <= target) : seqs.slice(lowerBound(seqs, target))
    return left.length > 0 ? left : undefined
  }
}

function storedPostings({ database, covered }: IndexView): StoredPostings {
  return { db: database.db, cache: database.postings, covered }
}

/** The keys that begin with a prefix. */
function rangeOf(prefix: Uint8Array): { readonly gte: Buffer; readonly lt: Buffer } {
  return { gte: prefix as Buffer, lt: prefixEnd(prefix) }
}
