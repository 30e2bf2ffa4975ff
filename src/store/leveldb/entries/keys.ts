import { SEQ_BYTES, writeSeq } from '../../seq-bytes.js'

/*
 * The keys of the database `entries`. They are compared byte by byte:
 *
 *   block      01 | seq of its first slot
 *   directory  02 | page
 *   tile       03 | level | index | first hash
 *   meta       f0 | name
 *
 * seq, page and index are 8 bytes, big-endian; level and first hash are one. What grows with the log comes in the order of
 * the entries, and what every commit writes anew comes last. A table of LevelDB then spans what was new when it was
 * written, so that merging tables rewrites little that is older.
 */

const BLOCK = 0x01
const PAGE = 0x02
const TILE = 0x03
/** The first byte of each {@link metaKey}. */
export const META_KEY = 0xf0

/** Returns the key of the block whose first slot has this position. */
export function blockKey(seq: number): Buffer {
  return numbered(BLOCK, seq)
}

/** Returns the key of a page of the directory of blocks. */
export function pageKey(page: number): Buffer {
  return numbered(PAGE, page)
}

/**
 * Returns the key of the hashes that one commit added to a tile of the tree.
 *
 * @param first - slot in the tile of the first of them, 0 to 255
 */
export function tileKey(level: number, index: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(3 + SEQ_BYTES)
  key[0] = TILE
  key[1] = level
  writeSeq(key, index, 2)
  key[2 + SEQ_BYTES] = first
  return key
}

export function metaKey(name: string): Buffer {
  return Buffer.from(`\xf0${name}`, 'latin1')
}

function numbered(kind: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(1 + SEQ_BYTES)
  key[0] = kind
  writeSeq(key, number, 1)
  return key
}
