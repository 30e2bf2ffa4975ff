import { seqOfKey } from '../../seq-bytes.js'
import { blockLength, FAN_OUT, type TimeBlock } from '../../time-blocks.js'
import type { Database } from '../load-level.js'
import type { Item } from '../scan.js'
import { timeBlockKey } from './keys.js'
import { decodeTimeBlock } from './time-block-value.js'

/** Groups that are kept, each of 60 KiB if all of its blocks are there. */
const MAX_GROUPS = 32

/** The time blocks of one level that have the same block above them, ascending. */
interface Group {
  readonly blocks: readonly TimeBlock[]
  /** The number of entries that the index covered when they were read. */
  readonly covered: number
}

/**
 * Reads time blocks by groups, each in one go, and keeps those that it read last, within bounds. A block is final once the index
 * covers all of its positions.
 */
export class TimeBlockCache {
  readonly #db: Database
  /** Those that were asked for last at the end. */
  readonly #groups = new Map<string, Group>()

  constructor(db: Database) {
    this.#db = db
  }

  /** Reads a group as of so many entries that the index covers. @throws RangeError when a block is malformed */
  async group(level: number, group: number, covered: number): Promise<readonly TimeBlock[]> {
    const name = `${level} ${group}`
    const kept = this.#groups.get(name)
    this.#groups.delete(name)
    const end = (group + 1) * FAN_OUT * blockLength(level)
    const isKept = kept && (kept.covered >= end || kept.covered === covered)
    const current = isKept ? kept : { blocks: await this.#read(level, group), covered }
    this.#groups.set(name, current)
    if (this.#groups.size > MAX_GROUPS) this.#groups.delete(this.#groups.keys().next().value as string)
    return current.blocks
  }

  async #read(level: number, group: number): Promise<readonly TimeBlock[]> {
    const [gte, lt] = [timeBlockKey(level, group * FAN_OUT), timeBlockKey(level, (group + 1) * FAN_OUT)]
    const iterator = this.#db.iterator({ gte, lt })
    try {
      const blocks: TimeBlock[] = []
      for (;;) {
        const items: Item[] = await iterator.nextv(FAN_OUT)
        for (const [key, value] of items) blocks.push(decodeTimeBlock(level, seqOfKey(key), value))
        if (items.length === 0 || blocks.length >= FAN_OUT) return blocks
      }
    } finally {
      await iterator.close()
    }
  }
}
