import type { StoredEnd, StoredIndexes } from '../store/stored-indexes.js'
import { TIME_LEVELS, type TimeBlock } from '../store/time-blocks.js'
import type { Findings } from '../verify/findings.js'
import { joined, type TimeSpan } from './block-times.js'

/** Blocks of a level that make up a block of the level above: they are compared with one question. */
const FAN_OUT = 256

/** The stored time blocks to compare, and the findings to add to. */
export interface ComparedTimes {
  readonly indexes: Pick<StoredIndexes, 'timeBlocks'>
  readonly end: StoredEnd
  readonly findings: Findings
}

/** Compares the time blocks of a store with the times of its entries, which come in their order. */
export class TimeComparison {
  readonly #of: ComparedTimes
  /** Times of the blocks that are not compared yet, by level. The last block of each level is still growing. */
  readonly #levels: Level[] = Array.from({ length: TIME_LEVELS }, () => ({ first: 0, spans: [] }))

  constructor(of: ComparedTimes) {
    this.#of = of
  }

  /** Returns whether earlier entries must be compared before this one is added. */
  isAhead(seq: number): boolean {
    const { first } = this.#levels[0] as Level
    return Math.floor(seq / FAN_OUT) >= first + FAN_OUT
  }

  /** Compares all entries before this one. */
  async advance(seq: number): Promise<void> {
    await this.#compare(0, Math.floor(seq / FAN_OUT))
  }

  /** Takes the time of an entry. */
  add(seq: number, time: string): void {
    this.#widen(0, Math.floor(seq / FAN_OUT), { min: time, max: time })
  }

  async finish(): Promise<void> {
    for (let level = 0; level < TIME_LEVELS; level++) await this.#compare(level, 0)
  }

  #widen(level: number, block: number, times: TimeSpan): void {
    const { first, spans } = this.#levels[level] as Level
    const known = spans[block - first]
    if (!known) spans[block - first] = { ...times }
    else {
      if (times.min < known.min) known.min = times.min
      if (times.max > known.max) known.max = times.max
    }
  }

  /** Compares the blocks that are known of a level, and hands them to the level above. @param next - block that comes then */
  async #compare(level: number, next: number): Promise<void> {
    const { indexes, end, findings } = this.#of
    const { first, spans } = this.#levels[level] as Level
    this.#levels[level] = { first: next - (next % FAN_OUT), spans: [] }
    if (spans.length === 0) return
    const stored = new Map<number, TimeBlock>()
    for (const each of await indexes.timeBlocks(level, first, first + spans.length - 1)) stored.set(each.block, each)
    // The blocks of `end` replace those that later entries have widened since.
    for (const each of end.openBlocks) if (each.level === level) stored.set(each.block, each)
    for (const [at, span] of spans.entries()) {
      if (!span) continue
      const block = first + at
      const found = stored.get(block)
      if (found?.min === span.min && found.max === span.max) continue
      const length = FAN_OUT ** (level + 1)
      const what = `time block ${block} of level ${level} ${found ? 'is not that of its entries' : 'is missing'}`
      findings.add('time_block_altered', what, { from: block * length, to: Math.min((block + 1) * length, end.size) })
    }
    const whole = joined(spans)
    const above = first / FAN_OUT
    if (!whole || level + 1 === TIME_LEVELS) return
    if (above >= (this.#levels[level + 1] as Level).first + FAN_OUT) await this.#compare(level + 1, above)
    this.#widen(level + 1, above, whole)
  }
}

interface Level {
  readonly first: number
  readonly spans: ({ min: string; max: string } | undefined)[]
}
