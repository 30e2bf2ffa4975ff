import { isTimestamp } from '../events/time.js'
import { timeBlockKey } from '../store/leveldb/indexes/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { seqOfKey } from '../store/seq-bytes.js'
import type { Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import { walkRange } from './walk-range.js'

/** Positions of a time block of level 0; see `store/time-blocks`. */
const TIME_BLOCK_LENGTH = 256
const TIME_KEY_BYTES = 10

/** Earliest and latest time. */
export interface TimeSpan {
  readonly min: string
  readonly max: string
}

/** The times of one block of entries: a time block of level 1, and those of level 0 in it. Entries before `to` count. */
export class BlockTimes {
  readonly #from: number
  readonly #to: number
  readonly #spans: ({ min: string; max: string } | undefined)[] = []

  constructor(from: number, to: number) {
    this.#from = from
    this.#to = to
  }

  /** Over the whole block. */
  get whole(): TimeSpan | undefined {
    return joined(this.#spans)
  }

  add(seq: number, time: string): void {
    const at = Math.floor((seq - this.#from) / TIME_BLOCK_LENGTH)
    const span = this.#spans[at]
    if (!span) this.#spans[at] = { min: time, max: time }
    else if (time < span.min) span.min = time
    else if (time > span.max) span.max = time
  }

  /** Compares them with what is stored. */
  async compare(
    db: Database,
    isThinned: (from: number, to: number) => boolean,
    findings: Findings,
    location: string,
  ): Promise<void> {
    const first = this.#from / TIME_BLOCK_LENGTH
    const blocks = Math.ceil((this.#to - this.#from) / TIME_BLOCK_LENGTH)
    const spans = Array.from({ length: blocks }, (_, at) => this.#spans[at])
    const isOfThinned = (block: number) => isThinned(block * TIME_BLOCK_LENGTH, (block + 1) * TIME_BLOCK_LENGTH)
    await compareTimeBlocks(db, { level: 0, first, spans, isThinned: isOfThinned }, findings, location)
    const above = { level: 1, first: Math.floor(first / TIME_BLOCK_LENGTH), spans: [this.whole] }
    const isAnyThinned = () => isThinned(this.#from, this.#to)
    await compareTimeBlocks(db, { ...above, isThinned: isAnyThinned }, findings, location)
  }
}

/** Time blocks of a level that follow each other, as the entries have them; `undefined` where nothing is known. */
export interface ExpectedTimes {
  readonly level: number
  readonly first: number
  readonly spans: readonly (TimeSpan | undefined)[]
  /** Returns whether entries of a block were removed: their times may have made it wider. */
  readonly isThinned: (block: number) => boolean
}

export async function compareTimeBlocks(
  db: Database,
  { level, first, spans, isThinned }: ExpectedTimes,
  findings: Findings,
  location: string,
): Promise<void> {
  const length = TIME_BLOCK_LENGTH ** (level + 1)
  const differs = (block: number, what: string) => {
    const span = { from: block * length, to: (block + 1) * length }
    findings.add('time_block_altered', `time block ${block} of level ${level} ${what}`, span)
  }
  const isMissing = (block: number) => {
    if (spans[block - first]) differs(block, 'is missing')
  }
  let expected = first
  const range = { gte: timeBlockKey(level, first), lt: timeBlockKey(level, first + spans.length) }
  try {
    for await (const items of walkRange(db, range, location)) {
      for (const [key, value] of items) {
        if (key.length !== TIME_KEY_BYTES) {
          findings.add('record_unknown', `the key ${key.toString('hex')} between time blocks is none of theirs`)
          continue
        }
        const block = seqOfKey(key)
        for (; expected < block; expected++) isMissing(expected)
        expected++
        const span = spans[block - first]
        if (span && !isFitting(Buffer.from(value).toString('latin1'), span, isThinned(block))) {
          differs(block, 'is not that of its entries')
        }
      }
    }
  } catch (error) {
    const { message } = damageIn(error, location)
    findings.add('time_block_altered', `time blocks of level ${level} cannot be read: ${message}`)
    return
  }
  for (; expected < first + spans.length; expected++) isMissing(expected)
}

// Attacker-controlled: a stored time block; it is compared, and its times must have the form of times.
function isFitting(stored: string, { min, max }: TimeSpan, isThinned: boolean): boolean {
  if (!isThinned) return stored === `${min} ${max}`
  const [from = '', to = '', ...others] = stored.split(' ')
  return isTimestamp(from) && isTimestamp(to) && others.length === 0 && from <= min && to >= max
}

export function joined(spans: readonly (TimeSpan | undefined)[]): TimeSpan | undefined {
  let all: { min: string; max: string } | undefined
  for (const span of spans) {
    if (!span) continue
    if (!all) all = { ...span }
    if (span.min < all.min) all.min = span.min
    if (span.max > all.max) all.max = span.max
  }
  return all
}
