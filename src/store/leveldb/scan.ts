import { prefixEnd, valueKeyOf } from '../keys.js'
import type { Database } from './database.js'

export type Item = [key: Buffer, value: Uint8Array]

/** A read begins small, for a first result soon, and each that follows takes this many times as much. */
const READ_GROWTH = 8
const FIRST_READ_LENGTH = 16
const LONGEST_READ_LENGTH = 512

/** How many items one read returns at most, whatever they weigh; about as much memory as a chunk may take. */
export const READ_BYTES = 256 * 1024

/** How many items to read next in one go. */
export class ReadLength {
  #length = FIRST_READ_LENGTH

  next(): number {
    const length = this.#length
    this.#length = Math.min(length * READ_GROWTH, LONGEST_READ_LENGTH)
    return length
  }

  restart(): void {
    this.#length = FIRST_READ_LENGTH
  }
}

/** A span of keys, both ends included. */
export interface KeyRange {
  readonly first: Buffer
  readonly last: Buffer
  readonly reverse: boolean
}

/** Reads a range of keys in chunks. */
export async function* scan(db: Database, { first, last, reverse }: KeyRange): AsyncGenerator<Item[]> {
  const iterator = db.iterator({ gte: first, lte: last, reverse, highWaterMarkBytes: READ_BYTES })
  try {
    const length = new ReadLength()
    for (;;) {
      const items = await iterator.nextv(length.next())
      if (items.length === 0) return
      yield items
    }
  } finally {
    await iterator.close()
  }
}

/** The first posting of each of few values below an index prefix, which may have many postings each. */
export async function firstPostingsOfFew(db: Database, prefix: Buffer): Promise<readonly Item[]> {
  const iterator = db.iterator({ gte: prefix, lt: prefixEnd(prefix), highWaterMarkBytes: READ_BYTES })
  try {
    const firsts: Item[] = []
    for (;;) {
      const [item]: Item[] = await iterator.nextv(1)
      if (!item) return firsts
      firsts.push(item)
      iterator.seek(prefixEnd(valueKeyOf(item[0])))
    }
  } finally {
    await iterator.close()
  }
}

/** The first posting of each of many values below an index prefix. */
export async function* firstPostings(db: Database, prefix: Buffer): AsyncGenerator<Item> {
  const iterator = db.iterator({ gte: prefix, lt: prefixEnd(prefix), highWaterMarkBytes: READ_BYTES })
  try {
    const length = new ReadLength()
    let valueKey: Buffer | undefined
    for (;;) {
      const items: Item[] = await iterator.nextv(length.next())
      if (items.length === 0) return
      let changed = false
      for (const item of items) {
        const ofItem = valueKeyOf(item[0])
        if (valueKey?.equals(ofItem)) continue
        valueKey = ofItem
        changed = true
        yield item
      }
      if (changed || !valueKey) continue
      // The whole chunk was of one value, so it has many: step over the rest.
      iterator.seek(prefixEnd(valueKey))
      length.restart()
    }
  } finally {
    await iterator.close()
  }
}
