import { prefixEnd } from '../../keys.js'
import { type Item, isLastRead, READ_BYTES } from '../scan.js'
import { valueKeyOf } from './keys.js'
import type { FirstOfValue } from './posting-cache.js'
import type { StoredPostings, Values } from './posting-reader.js'
import { type StoredPosting, storedPosting } from './posting-run.js'

/** Postings of the first read: all that most prefixes have. */
const FIRST_LENGTH = 16

/** Returns the keys of those of the values that have positions before `to`. */
export async function valueKeys(
  stored: StoredPostings,
  { key, isOne }: Values,
  to: number,
): Promise<readonly Buffer[]> {
  if (isOne) return [key]
  const known = stored.cache.values(key, stored.covered)
  const values = known ?? (await readValues(stored, key))
  if (!known) stored.cache.addValues(key, stored.covered, values)
  return values.filter(({ first }) => first < to).map(({ key }) => key)
}

/** Reads the values below a prefix: few, which may have many postings each. */
async function readValues(stored: StoredPostings, prefix: Buffer): Promise<readonly FirstOfValue[]> {
  const iterator = stored.db.iterator({ gte: prefix, lt: prefixEnd(prefix), highWaterMarkBytes: READ_BYTES })
  try {
    const values: FirstOfValue[] = []
    for (let length = FIRST_LENGTH; ; length = 1) {
      const items: Item[] = await iterator.nextv(length)
      const byValue = groupByValue(items)
      for (const [key, postings] of byValue) values.push({ key, first: (postings[0] as StoredPosting).first })
      const last = byValue.at(-1)
      if (!last) return values
      // That was all, and what is asked for next is at hand.
      if (length > 1 && isLastRead(items, length)) {
        for (const [key, postings] of byValue) keepAll(stored, key, postings)
        return values
      }
      iterator.seek(prefixEnd(last[0]))
    }
  } finally {
    await iterator.close()
  }
}

function groupByValue(items: readonly Item[]): (readonly [key: Buffer, postings: StoredPosting[]])[] {
  const groups: (readonly [Buffer, StoredPosting[]])[] = []
  for (const item of items) {
    const key = valueKeyOf(item[0])
    const group = groups.at(-1)
    if (group?.[0].equals(key)) group[1].push(storedPosting(item))
    else groups.push([key, [storedPosting(item)]])
  }
  return groups
}

function keepAll({ cache, covered }: StoredPostings, key: Buffer, postings: readonly StoredPosting[]): void {
  const run = { from: 0, to: covered, postings: postings.filter(({ last }) => last < covered) }
  cache.addRun(key, false, run)
  cache.addRun(key, true, run)
}
