import type { SeqRange } from '../../contract.js'
import { decodePosting, postingSpan } from '../../posting-value.js'
import { seqOfKey } from '../../seq-bytes.js'
import { lowerBound } from '../../walk.js'
import type { Database } from '../database.js'
import { type Item, ReadLength } from '../scan.js'
import { type Values, valueKeys } from './posting-cursor.js'
import { PostingReader } from './posting-reader.js'

/** Counts positions by the heads of their postings; only the first and the last of a value may reach out of the range. */
export async function countPostings(db: Database, values: Values, range: SeqRange, limit: number): Promise<number> {
  const reader = new PostingReader(db, values.key, false)
  try {
    let count = 0
    for (const valueKey of await valueKeys(db, values, range.to)) {
      const length = new ReadLength()
      for (let from = range.from; from < range.to && count < limit; ) {
        const { items, ended } = await reader.read(valueKey, from, length.next())
        from = range.to
        for (const item of items) {
          count += countWithin(item, range)
          from = postingSpan(seqOfKey(item[0]), item[1]).last + 1
        }
        if (ended) break
      }
    }
    return Math.min(count, limit)
  } finally {
    await reader.close()
  }
}

function countWithin(item: Item, { from, to }: SeqRange): number {
  const { count, first, last } = postingSpan(seqOfKey(item[0]), item[1])
  if (first >= from && last < to) return count
  const seqs = decodePosting(seqOfKey(item[0]), item[1])
  return lowerBound(seqs, to) - lowerBound(seqs, from)
}
