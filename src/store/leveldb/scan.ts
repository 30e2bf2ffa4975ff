import type { Database } from './load-level.js'

export type Item = [key: Buffer, value: Uint8Array]

/** A read begins small, for a first result soon, and each that follows takes this many times as much. */
const READ_GROWTH = 8
const FIRST_READ_LENGTH = 16
const LONGEST_READ_LENGTH = 512

/** The most items that one read returns, whatever their size; about as much memory as a chunk may take. */
export const READ_BYTES = 256 * 1024

/** The number of items to read next in one go. */
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

/** Returns whether a read of so many items came to the end of its range: one that returns fewer may also have come to the most bytes. */
export function isLastRead(items: readonly Item[], length: number): boolean {
  if (items.length >= length) return false
  return items.reduce((sum, [key, value]) => sum + key.length + value.length, 0) < READ_BYTES
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
