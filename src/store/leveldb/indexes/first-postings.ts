import { prefixEnd } from '../../keys.js'
import type { Database } from '../load-level.js'
import { type Item, READ_BYTES, ReadLength } from '../scan.js'
import { valueKeyOf } from './keys.js'

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
