import { readError } from '../store/leveldb/errors.js'
import type { Database } from '../store/leveldb/load-level.js'
import type { Item } from '../store/leveldb/scan.js'

/** Items of one read, and bytes: enough that a read's own cost does not matter. */
const READ_LENGTH = 2_000
const READ_BYTES = 1024 * 1024

/** `gte` inclusive, `lt` exclusive. */
export interface KeySpan {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

/** Reads all keys of a span in large chunks, the next one while the last is looked at. */
export async function* walkRange(db: Database, { gte, lt }: KeySpan, location: string): AsyncGenerator<Item[]> {
  const iterator = db.iterator({
    gte: gte as Buffer,
    lt: lt as Buffer,
    highWaterMarkBytes: READ_BYTES,
    fillCache: false,
  })
  let reading: Promise<Item[]> | undefined
  try {
    reading = iterator.nextv(READ_LENGTH)
    for (;;) {
      const items = await reading
      if (items.length === 0) return
      reading = iterator.nextv(READ_LENGTH)
      // It may fail while the last chunk is looked at, before anybody waits for it.
      reading.catch(() => undefined)
      yield items
    }
  } catch (error) {
    throw readError(error, location)
  } finally {
    await reading?.catch(() => undefined)
    await iterator.close()
  }
}
