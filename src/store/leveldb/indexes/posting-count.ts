import type { SeqRange } from '../../contract.js'
import { decodePosting } from '../../posting-value.js'
import { lowerBound } from '../../walk.js'
import { ReadLength } from '../scan.js'
import { PostingReader, type StoredPostings, type Values } from './posting-reader.js'
import type { StoredPosting } from './posting-run.js'
import { valueKeys } from './value-keys.js'

/** Counts positions by the heads of their postings; only the first and the last of a value may reach out of the range. */
export async function countPostings(
  stored: StoredPostings,
  values: Values,
  range: SeqRange,
  limit: number,
): Promise<number> {
  const keys = await valueKeys(stored, values, range.to)
  const reader = new PostingReader(stored, values, { ...range, reverse: false })
  try {
    let count = 0
    for (const valueKey of keys) {
      const length = new ReadLength()
      for (let from = range.from; from < range.to && count < limit; ) {
        const { postings, ended } = await reader.read(valueKey, from, length.next())
        for (const posting of postings) {
          if (posting.first >= range.to || count >= limit) break
          count += countWithin(posting, range)
        }
        const last = postings.at(-1)
        if (!last || ended) break
        from = last.last + 1
      }
    }
    return Math.min(count, limit)
  } finally {
    await reader.close()
  }
}

function countWithin({ count, first, last, value }: StoredPosting, { from, to }: SeqRange): number {
  if (first >= from && last < to) return count
  const seqs = decodePosting(last, value)
  return lowerBound(seqs, to) - lowerBound(seqs, from)
}
