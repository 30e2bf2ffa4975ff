import type { AuditLogError } from '../../events/errors.js'
import type { Tile } from '../../tree/index.js'
import type { IndexName, SeqCursor, SeqRange, StoredEntry, Walk } from '../contract.js'
import { entryKey, postingPrefix, seqOfKey, timeBlockKey } from '../keys.js'
import { postingSpan } from '../posting-value.js'
import { type ReadTimeBlocks, timeRanges } from '../time-blocks.js'
import { clampWalk } from '../walk.js'
import type { Database } from './database.js'
import { corrupt, readError } from './errors.js'
import { decodeTimeBlock, getMany } from './head.js'
import { countPostings } from './posting-count.js'
import { PostingCursor } from './posting-cursor.js'
import { firstPostings, scan } from './scan.js'
import { StoredTiles } from './stored-tiles.js'

/** What an open database of so many entries answers; see the methods of the same names of `AuditStore`. */
export class DatabaseReads {
  readonly #database: () => Database
  readonly #size: number
  readonly #location: string

  /** @param database - gives the open database, or throws that it is closed */
  constructor(database: () => Database, size: number, location: string) {
    this.#database = database
    this.#size = size
    this.#location = location
  }

  async *entries(walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
    const db = this.#database()
    const { from, to, reverse } = clampWalk(walk, this.#size)
    if (from >= to) return
    let expected = reverse ? to - 1 : from
    try {
      for await (const items of scan(db, { first: entryKey(from), last: entryKey(to - 1), reverse })) {
        const chunk: StoredEntry[] = []
        for (const [key, bytes] of items) {
          if (seqOfKey(key) !== expected) throw this.#entryMissing(expected)
          chunk.push({ seq: expected, bytes })
          expected += reverse ? -1 : 1
        }
        yield chunk
      }
    } catch (error) {
      throw readError(error, this.#location)
    }
    if (expected !== (reverse ? from - 1 : to)) throw this.#entryMissing(expected)
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    const stored = seqs.filter((seq) => Number.isInteger(seq) && seq >= 0 && seq < this.#size)
    const values = await this.#reading(getMany(this.#database(), stored.map(entryKey)))
    const bytes = new Map<number, Uint8Array>()
    stored.forEach((seq, at) => {
      const value = values[at]
      if (!value) throw this.#entryMissing(seq)
      bytes.set(seq, value)
    })
    return seqs.map((seq) => bytes.get(seq))
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    return new PostingCursor(this.#database, this.#location, { index, value, walk: clampWalk(walk, this.#size) })
  }

  async countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit = Infinity): Promise<number> {
    const { from, to } = clampWalk({ ...range, reverse: false }, this.#size)
    return await this.#reading(countPostings(this.#database(), index, value, { from, to }, limit))
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#reading(new StoredTiles(this.#database()).readTiles(tiles))
  }

  async *firstOfEach(index: IndexName): AsyncGenerator<number> {
    try {
      for await (const posting of firstPostings(this.#database(), postingPrefix(index, []))) {
        const { first } = postingSpan(seqOfKey(posting[0]), posting[1])
        if (first < this.#size) yield first
      }
    } catch (error) {
      throw readError(error, this.#location)
    }
  }

  async *timeRanges(since: string | undefined, until: string | undefined, walk: Walk): AsyncGenerator<SeqRange> {
    try {
      yield* timeRanges(this.#timeBlocks, since, until, clampWalk(walk, this.#size))
    } catch (error) {
      throw readError(error, this.#location)
    }
  }

  readonly #timeBlocks: ReadTimeBlocks = (level, first, last, reverse) => {
    const read = scan(this.#database(), { first: timeBlockKey(level, first), last: timeBlockKey(level, last), reverse })
    return decodeTimeBlocks(read, level, this.#location)
  }

  async #reading<T>(read: Promise<T>): Promise<T> {
    try {
      return await read
    } catch (error) {
      throw readError(error, this.#location)
    }
  }

  #entryMissing(seq: number): AuditLogError {
    return corrupt(this.#location, `entry ${seq} of ${this.#size} is missing`)
  }
}

async function* decodeTimeBlocks(
  read: ReturnType<typeof scan>,
  level: number,
  location: string,
): AsyncGenerator<readonly ReturnType<typeof decodeTimeBlock>[]> {
  for await (const items of read) {
    yield items.map(([key, value]) => decodeTimeBlock(level, seqOfKey(key), value, location))
  }
}
