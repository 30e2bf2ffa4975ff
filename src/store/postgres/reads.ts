import type { AuditLogError } from '../../events/errors.js'
import type { Tile } from '../../tree/index.js'
import type { IndexName, SeqCursor, SeqRange, StoredEntry, Walk } from '../contract.js'
import { prefixEnd } from '../keys.js'
import { decodePosting } from '../posting-value.js'
import { clampBlocks, type TimeBlock } from '../time-blocks.js'
import { clampWalk, lowerBound } from '../walk.js'
import { corrupt, readError } from './errors.js'
import { PostingCursor, type PostingRow } from './posting-cursor.js'
import { fullValuePrefix, postingValueKey } from './posting-rows.js'
import type { Ask } from './server.js'
import { StoredTiles } from './stored-tiles.js'

/** The most entries, values or time blocks that one query returns. */
const READ_LENGTH = 256

/** Reads of an open log of so many entries; see the methods of the same names of `AuditStore`. */
export class PostgresReads {
  readonly #open: () => Ask
  readonly #log: number
  readonly #size: number
  readonly #location: string
  readonly #ask: Ask

  /** @param open - gives the way to ask, or throws that the store is closed */
  constructor(open: () => Ask, log: number, size: number, location: string) {
    this.#open = open
    this.#log = log
    this.#size = size
    this.#location = location
    this.#ask = async (text, values) => {
      const ask = open()
      try {
        return await ask(text, values)
      } catch (problem) {
        open()
        throw readError(problem, location)
      }
    }
  }

  async *entries(walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
    this.#open()
    const { reverse, ...range } = clampWalk(walk, this.#size)
    let { from, to } = range
    while (from < to) {
      const length = Math.min(READ_LENGTH, to - from)
      const rows = await this.#ask<{ seq: string; bytes: Buffer }>(
        `select seq, bytes from spanledger.entry where log = $1 and seq >= $2 and seq < $3 order by seq${reverse ? ' desc' : ''}`,
        [this.#log, reverse ? to - length : from, reverse ? to : from + length],
      )
      const chunk = rows.map(({ seq, bytes }, at): StoredEntry => {
        const expected = reverse ? to - 1 - at : from + at
        if (Number(seq) !== expected) throw this.#entryMissing(expected)
        return { seq: expected, bytes }
      })
      if (chunk.length < length) throw this.#entryMissing(reverse ? to - 1 - chunk.length : from + chunk.length)
      if (reverse) to -= length
      else from += length
      yield chunk
    }
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#open()
    const stored = seqs.filter((seq) => Number.isInteger(seq) && seq >= 0 && seq < this.#size)
    if (stored.length === 0) return seqs.map(() => undefined)
    const rows = await this.#ask<{ seq: string; bytes: Buffer }>(
      'select seq, bytes from spanledger.entry where log = $1 and seq = any($2::bigint[])',
      [this.#log, stored],
    )
    const bytesOf = new Map(rows.map(({ seq, bytes }) => [Number(seq), bytes]))
    for (const seq of stored) if (!bytesOf.has(seq)) throw this.#entryMissing(seq)
    return seqs.map((seq) => bytesOf.get(seq))
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#open()
    return await new StoredTiles(this.#ask, this.#log).readTiles(tiles)
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    const asking = () => {
      this.#open()
      return this.#ask
    }
    return new PostingCursor(
      { asking, log: this.#log, location: this.#location },
      postingValueKey(index, value),
      clampWalk(walk, this.#size),
    )
  }

  async countPostings(
    index: IndexName,
    value: readonly string[],
    range: SeqRange,
    limit: number = Number.MAX_SAFE_INTEGER,
  ): Promise<number> {
    this.#open()
    const { from, to } = clampWalk({ ...range, reverse: false }, this.#size)
    if (from >= to) return 0
    const asked = [this.#log, postingValueKey(index, value), from, to]
    const [[whole], ends] = await Promise.all([
      this.#ask<{ count: string }>(COUNT_WITHIN, [...asked, Math.min(limit, Number.MAX_SAFE_INTEGER)]),
      this.#ask<PostingRow>(AT_THE_ENDS, asked),
    ])
    let count = Number(whole?.count)
    for (const { last_seq, positions } of ends) {
      const seqs = decodePosting(Number(last_seq), positions)
      count += lowerBound(seqs, to) - lowerBound(seqs, from)
    }
    return Math.min(count, limit)
  }

  async *firstOfEach(index: IndexName): AsyncGenerator<number> {
    this.#open()
    const prefix = fullValuePrefix(index)
    const end = prefixEnd(prefix)
    let after = prefix
    for (;;) {
      const rows = await this.#ask<{ value: Buffer; first_seq: string }>(NEXT_VALUES, [
        this.#log,
        after,
        end,
        READ_LENGTH,
      ])
      for (const { first_seq } of rows) {
        this.#open()
        if (Number(first_seq) < this.#size) yield Number(first_seq)
      }
      const last = rows.at(-1)
      if (!last || rows.length < READ_LENGTH) return
      after = last.value
    }
  }

  async *timeBlocks(level: number, walk: Walk): AsyncGenerator<readonly TimeBlock[]> {
    this.#open()
    const { reverse, ...range } = clampBlocks(level, walk, this.#size)
    let { from, to } = range
    while (from < to) {
      const length = Math.min(READ_LENGTH, to - from)
      const rows = await this.#ask<{ block: string; min: string; max: string }>(
        `select block, min, max from spanledger.time_block
           where log = $1 and level = $2 and block >= $3 and block < $4 order by block${reverse ? ' desc' : ''}`,
        [this.#log, level, reverse ? to - length : from, reverse ? to : from + length],
      )
      if (rows.length < length) throw corrupt(this.#location, `a time block of level ${level} is missing`)
      yield rows.map(({ block, min, max }) => ({ level, block: Number(block), min, max }))
      if (reverse) to -= length
      else from += length
    }
  }

  #entryMissing(seq: number): AuditLogError {
    return corrupt(this.#location, `entry ${seq} of ${this.#size} is missing`)
  }
}

/** Of the rows that lie within a range, as many as are needed to reach the limit: each has one position at least. */
const COUNT_WITHIN = `select coalesce(sum(count), 0) as count from (
  select count from spanledger.posting
    where log = $1 and value = $2 and last_seq >= $3 and last_seq < $4 and first_seq >= $3
    order by last_seq limit $5) as within`

/** The rows that reach into a range, at its beginning and at its end, and out of it. */
const AT_THE_ENDS = `
  (select last_seq, first_seq, positions from (
    select last_seq, first_seq, positions from spanledger.posting
      where log = $1 and value = $2 and last_seq >= $3 and last_seq < $4 order by last_seq limit 1) as first
      where first_seq < $3)
  union all
  (select last_seq, first_seq, positions from (
    select last_seq, first_seq, positions from spanledger.posting
      where log = $1 and value = $2 and last_seq >= $4 order by last_seq limit 1) as next where first_seq < $4)`

/** One step in the index for each value, instead of a look at all of its rows. */
const NEXT_VALUES = `with recursive step as (
  (select value, first_seq from spanledger.posting
    where log = $1 and value > $2 and value < $3 order by value, last_seq limit 1)
  union all
  select next.value, next.first_seq from step, lateral (
    select value, first_seq from spanledger.posting
      where log = $1 and value > step.value and value < $3 order by value, last_seq limit 1) as next
)
select value, first_seq from step limit $4`
