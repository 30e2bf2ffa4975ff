import { TILE_WIDTH } from '../../../tree/index.js'
import { readSeq, SEQ_BYTES, writeSeq } from '../../seq-bytes.js'

/*
 * The keys of the database `entries`. They are compared byte by byte:
 *
 *   meta        00 | name                                  written once
 *   head        01 | number of entries | 00
 *   checkpoint  01 | number of entries at its commit | 01
 *   block       01 | first position | 02
 *   page        01 | last position | 03
 *   tile        01 | last position under its first hash | 04 | level
 *
 * Positions are 8 bytes, big-endian. Whatever a commit of full blocks writes comes behind all that was written before, so
 * that each table of LevelDB is about positions of its own. It need not merge tables then, which would compress each
 * entry three times. Only small blocks, which give way to others, make it merge the tables that hold them.
 */

const META = 0x00
const LOG = 0x01
const HEAD = 0x00
const CHECKPOINT = 0x01
const BLOCK = 0x02
const PAGE = 0x03
const TILE = 0x04

const KIND_AT = 1 + SEQ_BYTES
const KEY_BYTES = KIND_AT + 1
const TILE_KEY_BYTES = KEY_BYTES + 1
/** Positions of a page of the directory. */
export const PAGE_POSITIONS = 256

export function metaKey(name: string): Buffer {
  return Buffer.concat([Uint8Array.of(META), Buffer.from(name, 'latin1')])
}

/** Returns the key of the head of a log of so many entries. The last head is that of the log. */
export function headKey(size: number): Buffer {
  return keyOf(size, HEAD)
}

/** Returns the key of a checkpoint. @param size - number of entries when it was stored */
export function checkpointKey(size: number): Buffer {
  return keyOf(size, CHECKPOINT)
}

/** Returns the key of the block whose first slot has this position. */
export function blockKey(seq: number): Buffer {
  return keyOf(seq, BLOCK)
}

/** Returns the key of a page of the directory of blocks. */
export function pageKey(page: number): Buffer {
  return keyOf((page + 1) * PAGE_POSITIONS - 1, PAGE)
}

/**
 * Returns the key of the hashes that one commit added to a tile of the tree.
 *
 * @param first - slot in the tile of the first of them, 0 to 255
 */
export function tileKey(level: number, index: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(TILE_KEY_BYTES)
  writeKey(key, (index * TILE_WIDTH + first + 1) * TILE_WIDTH ** level - 1, TILE)
  key[KEY_BYTES] = level
  return key
}

/** A key of `entries`, read. */
export type ReadKey =
  | { readonly kind: 'head' | 'checkpoint' | 'block'; readonly seq: number }
  | { readonly kind: 'page'; readonly page: number }
  /** `node`: number of the first hash in its level. */
  | { readonly kind: 'tile'; readonly level: number; readonly node: number }

/** Reads a key; `undefined` for one that is no key of these, and for a {@link metaKey}. */
export function readKey(key: Uint8Array): ReadKey | undefined {
  // Attacker-controlled: a stored key; its length is that of its kind, and its position a safe integer.
  if (key[0] !== LOG || key.length < KEY_BYTES) return undefined
  const seq = readSeq(key, 1)
  if (!Number.isSafeInteger(seq)) return undefined
  const kind = key[KIND_AT]
  if (kind === TILE && key.length === TILE_KEY_BYTES) {
    const level = key[KEY_BYTES] as number
    const node = (seq + 1) / TILE_WIDTH ** level - 1
    return Number.isInteger(node) && node >= 0 ? { kind: 'tile', level, node } : undefined
  }
  if (key.length !== KEY_BYTES) return undefined
  if (kind === BLOCK) return { kind: 'block', seq }
  if (kind === HEAD) return { kind: 'head', seq }
  if (kind === CHECKPOINT) return { kind: 'checkpoint', seq }
  const page = (seq + 1) / PAGE_POSITIONS - 1
  return kind === PAGE && Number.isInteger(page) ? { kind: 'page', page } : undefined
}

/** Returns the first position of a block by its key; `undefined` for another key. */
export function blockStartOf(key: Uint8Array): number | undefined {
  return key[0] === LOG && key.length === KEY_BYTES && key[KIND_AT] === BLOCK ? readSeq(key, 1) : undefined
}

/** Returns the position in a key of {@link readKey}. */
export function positionOf(key: Uint8Array): number {
  return readSeq(key, 1)
}

/** Returns whether a key is that of a head. */
export function isHeadKey(key: Uint8Array): boolean {
  return key[0] === LOG && key.length === KEY_BYTES && key[KIND_AT] === HEAD
}

function keyOf(seq: number, kind: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES)
  writeKey(key, seq, kind)
  return key
}

function writeKey(key: Buffer, seq: number, kind: number): void {
  key[0] = LOG
  writeSeq(key, seq, 1)
  key[KIND_AT] = kind
}
