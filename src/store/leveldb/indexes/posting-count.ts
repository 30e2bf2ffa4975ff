import type { SeqRange } from '../../contract.js'
import { decodePosting } from '../../posting-value.js'
import { lowerBound } from '../../walk.js'
import { ReadLength } from '../scan.js'
import { PostingReader, type StoredPostings, type Values } from './posting-reader.js'
import { lowerPosting, type StoredPosting } from './posting-run.js'
import { valueKeys } from './value-keys.js'

/**
 * Counts positions by the heads of their postings; only the first and the last of a value may reach out of the range.
 *
 * @returns the number itself where the postings are in memory
 */
export function countPostings(
  stored: StoredPostings,
  values: Values,
  range: SeqRange,
  limit: number,
): number | Promise<number> {
  return countKnown(stored, values, range, limit) ?? countRead(stored, values, range, limit)
}

async function countRead(stored: StoredPostings, values: Values, range: SeqRange, limit: number): Promise<number> {
  const keys = await valueKeys(stored, values, range.to)
  const reader = new PostingReader(stored, values, { ...range, reverse: false })
  try {
    let count = 0
    for (const valueKey of keys) {
      const length = new ReadLength()
      for (let from = range.from; from < range.to && count < limit; ) {
        const { postings, ended } = await reader.read(valueKey, from, length.next())
        count += countFrom(postings, 0, range, limit - count)
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

/** Counts the positions of one value whose postings are all in memory. */
function countKnown(
  { cache }: StoredPostings,
  { key, isOne }: Values,
  range: SeqRange,
  limit: number,
): number | undefined {
  const run = isOne ? cache.run(key, false) : undefined
  if (!run || run.from > range.from || run.to < range.to) return undefined
  return Math.min(countFrom(run.postings, lowerPosting(run.postings, range.from), range, limit), limit)
}

/** Counts the positions of postings from one on, until there are as many as the limit or more. */
function countFrom(postings: readonly StoredPosting[], start: number, range: SeqRange, limit: number): number {
  let count = 0
  for (let at = start; at < postings.length && count < limit; at++) {
    const posting = postings[at] as StoredPosting
    if (posting.first >= range.to) break
    count += countWithin(posting, range)
  }
  return count
}

function countWithin({ count, first, last, value }: StoredPosting, { from, to }: SeqRange): number {
  if (first >= from && last < to) return count
  const seqs = decodePosting(last, value)
  return lowerBound(seqs, to) - lowerBound(seqs, from)
}
