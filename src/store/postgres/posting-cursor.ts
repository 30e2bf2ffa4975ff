import type { SeqCursor, Walk } from '../contract.js'
import { decodePosting } from '../posting-value.js'
import { lowerBound } from '../walk.js'
import { readError } from './errors.js'
import type { Ask } from './server.js'

/** A read begins small, for a first result soon, and each that follows takes this many times as much. */
const READ_GROWTH = 4
const FIRST_READ_LENGTH = 8
const LONGEST_READ_LENGTH = 512

export interface PostingRow {
  readonly last_seq: string
  readonly first_seq: string
  readonly positions: Buffer
}

/** The log that a cursor reads. */
export interface PostingSource {
  /** Gives the way to ask, or throws that the store is closed. */
  asking(): Ask
  readonly log: number
  /** Its name in messages. */
  readonly location: string
}

/** Walks the posting rows of one value: each has the positions of one commit, so no two overlap. */
export class PostingCursor implements SeqCursor {
  readonly #source: PostingSource
  readonly #valueKey: Buffer
  readonly #reverse: boolean
  /** The positions that are left to walk. */
  #from: number
  #to: number
  /** Read, and not given yet, in walking order. */
  #rows: PostingRow[] = []
  #isLastRead = false
  #readLength = FIRST_READ_LENGTH

  constructor(source: PostingSource, valueKey: Buffer, walk: Walk) {
    this.#source = source
    this.#valueKey = valueKey
    this.#reverse = walk.reverse
    this.#from = walk.from
    this.#to = walk.to
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    if (target !== undefined) {
      if (this.#reverse) this.#to = Math.min(this.#to, target + 1)
      else this.#from = Math.max(this.#from, target)
    }
    // A store that was closed answers nothing more, whatever has been read.
    const ask = this.#source.asking()
    while (this.#from < this.#to) {
      const row = this.#rows.shift()
      if (!row) {
        if (this.#isLastRead) break
        await this.#read(ask)
        continue
      }
      const seqs = this.#within(row)
      if (seqs.length === 0) continue
      if (this.#reverse) this.#to = seqs.at(-1) as number
      else this.#from = (seqs.at(-1) as number) + 1
      return seqs
    }
    this.#rows = []
    return undefined
  }

  async close(): Promise<void> {
    this.#to = this.#from
    this.#rows = []
  }

  /** The positions of a row that are left to walk, in walking order. */
  #within({ last_seq, first_seq, positions }: PostingRow): number[] {
    if (Number(last_seq) < this.#from || Number(first_seq) >= this.#to) return []
    const all = this.#decode(Number(last_seq), positions)
    const seqs = all.slice(lowerBound(all, this.#from), lowerBound(all, this.#to))
    return this.#reverse ? seqs.reverse() : seqs
  }

  #decode(last: number, positions: Buffer): number[] {
    try {
      return decodePosting(last, positions)
    } catch (problem) {
      throw readError(problem, this.#source.location)
    }
  }

  async #read(ask: Ask): Promise<void> {
    const length = this.#readLength
    this.#readLength = Math.min(length * READ_GROWTH, LONGEST_READ_LENGTH)
    const rows = await ask<PostingRow>(this.#reverse ? DESCENDING : ASCENDING, [
      this.#source.log,
      this.#valueKey,
      this.#reverse ? this.#to : this.#from,
      length,
    ])
    this.#rows = rows
    const furthest = rows.at(-1)
    this.#isLastRead = rows.length < length || (furthest !== undefined && this.#isPastEnd(furthest))
  }

  #isPastEnd({ first_seq, last_seq }: PostingRow): boolean {
    return this.#reverse ? Number(last_seq) < this.#from : Number(first_seq) >= this.#to
  }
}

const COLUMNS = 'last_seq, first_seq, positions'
const ASCENDING = `select ${COLUMNS} from spanledger.posting
  where log = $1 and value = $2 and last_seq >= $3 order by last_seq limit $4`
/** The row that reaches past the end of what is left, and those before it. */
const DESCENDING = `select * from (
  (select ${COLUMNS} from spanledger.posting
    where log = $1 and value = $2 and last_seq >= $3 order by last_seq limit 1)
  union all
  (select ${COLUMNS} from spanledger.posting
    where log = $1 and value = $2 and last_seq < $3 order by last_seq desc limit $4)
) as walked order by last_seq desc`
