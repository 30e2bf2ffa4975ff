import { type PostingSpan, postingSpan } from '../../posting-value.js'
import { seqOfKey } from '../../seq-bytes.js'
import type { Item } from '../scan.js'

/** A posting as it was read, with what the head of its value tells. */
export interface StoredPosting extends PostingSpan {
  readonly value: Uint8Array
}

/** @throws RangeError when it tells of positions that no log has */
export function storedPosting([key, value]: Item): StoredPosting {
  // Attacker-controlled: a stored posting; positions that no log has are refused.
  const { count, first, last } = postingSpan(seqOfKey(key), value)
  return { count, first, last, value }
}

/** All postings of one value whose last position lies in a range. */
export interface PostingRun {
  readonly from: number
  readonly to: number
  /** Ascending. */
  readonly postings: readonly StoredPosting[]
}

/** Joins runs of a value that overlap or adjoin; of others the newer one is left. */
export function joinRuns(older: PostingRun, newer: PostingRun): PostingRun {
  if (newer.to < older.from || newer.from > older.to) return newer
  const before = older.postings.slice(0, lowerPosting(older.postings, newer.from))
  const after = older.postings.slice(lowerPosting(older.postings, newer.to))
  return {
    from: Math.min(older.from, newer.from),
    to: Math.max(older.to, newer.to),
    postings: [...before, ...newer.postings, ...after],
  }
}

/** Returns the index of the first posting whose last position is not below `seq`. */
export function lowerPosting(ascending: readonly StoredPosting[], seq: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as StoredPosting).last < seq) low = middle + 1
    else high = middle
  }
  return low
}
