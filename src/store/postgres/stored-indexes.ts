import type { IndexName, SealedEntry, SeqRange } from '../contract.js'
import type { FiledEntry } from '../filed-event.js'
import { decodePosting, postingSpan } from '../posting-value.js'
import { postingsOf } from '../postings.js'
import type { FiledPosting, StoredEnd, StoredIndexes, StoredPosition, StoredPosting } from '../stored-indexes.js'
import type { TimeBlock } from '../time-blocks.js'
import { corrupt, readError } from './errors.js'
import { type HeadState, readHeadState, readOpenBlocks } from './head.js'
import { indexOfValue, partialValueKeys, postingValueKey } from './posting-rows.js'
import { type Ask, askThrough, type Server } from './server.js'

/** Rows of one page. */
const PAGE_LENGTH = 1_000
/** Positions of one row at most: more entries than any commit has. */
const MAX_POSITIONS = 2 ** 20

/** The place of a log, for reading its indexes. */
export interface IndexedLog {
  readonly server: Server
  readonly log: number
  readonly location: string
  /** Receives each head that is read. */
  readonly see: (head: HeadState) => void
}

/** The rows that commits have written beside entries and tiles. */
export class PostgresIndexes implements StoredIndexes {
  readonly #of: IndexedLog

  constructor(of: IndexedLog) {
    this.#of = of
  }

  end(): Promise<StoredEnd> {
    return this.#atOneMoment(async (ask, { size, root }) => {
      const { log } = this.#of
      const [row] = await ask<{ runs_from: string }>('select runs_from from spanledger.log where log = $1', [log])
      return { size, root, openBlocks: await readOpenBlocks(ask, log, size), openRunsFrom: Number(row?.runs_from) }
    })
  }

  filed(entries: readonly FiledEntry[], firstSeq: number): readonly FiledPosting[] {
    // Postings are made of events alone.
    const sealed = entries as readonly SealedEntry[]
    const whole = postingsOf(sealed, firstSeq).map(({ index, value, seqs }) => {
      return { index, valueKey: postingValueKey(index, value), seqs }
    })
    const partial = partialValueKeys(sealed, firstSeq).map(([valueKey, seqs]) => {
      return { index: 'session' as const, valueKey, seqs }
    })
    return [...whole, ...partial]
  }

  async *postings({ from, to }: SeqRange): AsyncGenerator<readonly StoredPosting[]> {
    const select = `select value, last_seq, first_seq, count, positions from spanledger.posting
      where log = $1 and (value, last_seq) > ($2, $3) and last_seq >= $4 and first_seq < $5
      order by value, last_seq limit ${PAGE_LENGTH}`
    for (let after: readonly [Buffer, string] = [Buffer.alloc(0), '-1']; ; ) {
      const rows = await this.#ask<PostingRow>(select, [...after, from, to])
      if (rows.length > 0) yield rows.map(storedPosting)
      const last = rows.at(-1)
      if (!last || rows.length < PAGE_LENGTH) return
      after = [last.value, last.last_seq]
    }
  }

  async timeBlocks(level: number, first: number, last: number): Promise<readonly TimeBlock[]> {
    const rows = await this.#ask<{ block: string; min: string; max: string }>(
      `select block, min, max from spanledger.time_block
        where log = $1 and level = $2 and block between $3 and $4 order by block`,
      [level, first, last],
    )
    return rows.map(({ block, min, max }) => ({ level, block: Number(block), min, max }))
  }

  callerIds(): AsyncIterable<readonly StoredPosition[]> {
    return this.#positions((text, values) => this.#ask(text, values), 'id', 'caller_id')
  }

  async openRuns(use: (size: number, runs: AsyncIterable<readonly StoredPosition[]>) => Promise<void>): Promise<void> {
    await this.#atOneMoment(async (ask, { size }) => {
      const { log } = this.#of
      await use(
        size,
        this.#positions((text, values) => ask(text, [log, ...values]), 'run', 'open_run'),
      )
    })
  }

  async *#positions(
    ask: (text: string, values: readonly unknown[]) => Promise<{ key: Buffer; seq: string }[]>,
    column: 'id' | 'run',
    table: 'caller_id' | 'open_run',
  ): AsyncGenerator<readonly StoredPosition[]> {
    const select = `select ${column} as key, seq from spanledger.${table}
      where log = $1 and ${column} > $2 order by ${column} limit ${PAGE_LENGTH}`
    for (let after: Buffer = Buffer.alloc(0); ; ) {
      const rows = await ask(select, [after])
      if (rows.length > 0) yield rows.map(({ key, seq }) => ({ key, seq: Number(seq) }))
      const last = rows.at(-1)
      if (!last || rows.length < PAGE_LENGTH) return
      after = last.key
    }
  }

  /** Reads in one snapshot; the head comes with it. */
  async #atOneMoment<T>(use: (ask: Ask, head: HeadState) => Promise<T>): Promise<T> {
    const { server, log, location, see } = this.#of
    try {
      return await server.connected(async (client) => {
        const ask = askThrough(client)
        await client.query('begin isolation level repeatable read read only')
        const head = await readHeadState(ask, log, 'no lock')
        if (!head) throw corrupt(location, 'its head is missing')
        see(head)
        const result = await use(ask, head)
        await client.query('commit')
        return result
      })
    } catch (problem) {
      throw readError(problem, location)
    }
  }

  async #ask<R extends object>(text: string, values: readonly unknown[]): Promise<R[]> {
    const { server, log, location } = this.#of
    try {
      return (await server.ask(text, [log, ...values])) as R[]
    } catch (problem) {
      throw readError(problem, location)
    }
  }
}

interface PostingRow {
  readonly value: Buffer
  readonly last_seq: string
  readonly first_seq: string
  readonly count: number
  readonly positions: Buffer
}

function storedPosting(row: PostingRow): StoredPosting {
  const index: IndexName | undefined = indexOfValue(row.value)
  return { index, valueKey: row.value, seqs: positionsIn(row) }
}

/** The positions of a row, if all that it says of them fits together. */
function positionsIn({ last_seq, first_seq, count, positions }: PostingRow): readonly number[] | undefined {
  const [first, last] = [Number(first_seq), Number(last_seq)]
  try {
    const span = postingSpan(last, positions)
    if (span.first !== first || span.count !== count) return undefined
    if (first < 0 || count < 1 || count > last - first + 1 || count > MAX_POSITIONS) return undefined
    const seqs = decodePosting(last, positions)
    const isAscending = seqs.every((seq, at) => at === 0 || seq > (seqs[at - 1] as number))
    return isAscending && seqs[0] === first ? seqs : undefined
  } catch {
    return undefined
  }
}
