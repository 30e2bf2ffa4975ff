import { type LeafRange, readRangeHashes } from './read-tiles.js'
import type { TileReader } from './tiles.js'

/**
 * The inclusion proof of a leaf: the hashes beside its way up to the root, from its sibling on (RFC 6962 section 2.1.1).
 *
 * @throws TypeError unless 0 <= index < size
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a tile is missing or too short
 */
export async function proveInclusion(index: number, size: number, tiles: TileReader): Promise<Uint8Array[]> {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size)) {
    throw new TypeError(`an inclusion proof needs 0 <= index < size, not index ${index} and size ${size}`)
  }
  const beside: LeafRange[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = split(from, to)
    if (index < middle) {
      beside.push({ from: middle, to })
      to = middle
    } else {
      beside.push({ from, to: middle })
      from = middle
    }
  }
  return await readRangeHashes(beside.reverse(), size, tiles)
}

/**
 * The consistency proof that the first `size1` leaves of a tree of `size2` are still what they were
 * (RFC 6962 section 2.1.2). Empty when the sizes are the same.
 *
 * @throws TypeError unless 1 <= size1 <= size2: there is nothing to prove of the empty tree
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a tile is missing or too short
 */
export async function proveConsistency(size1: number, size2: number, tiles: TileReader): Promise<Uint8Array[]> {
  if (!(Number.isSafeInteger(size1) && Number.isSafeInteger(size2) && size1 >= 1 && size1 <= size2)) {
    throw new TypeError(`a consistency proof needs 1 <= size1 <= size2, not ${size1} and ${size2}`)
  }
  const beside: LeafRange[] = []
  let from = 0
  let to = size2
  while (to !== size1) {
    const middle = split(from, to)
    if (size1 <= middle) {
      beside.push({ from: middle, to })
      to = middle
    } else {
      beside.push({ from, to: middle })
      from = middle
    }
  }
  // What the old tree ends with is its whole root only if nothing was split off to the left of it: that, they know.
  if (from > 0) beside.push({ from, to })
  return await readRangeHashes(beside.reverse(), size2, tiles)
}

/**
 * Returns the leaf at which the tree over these leaves divides: behind the largest power of two of them that leaves some to
 * the right.
 */
function split(from: number, to: number): number {
  let leaves = 1
  while (leaves * 2 < to - from) leaves *= 2
  return from + leaves
}
