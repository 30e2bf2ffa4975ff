import type { CallerId, IndexName } from '../../contract.js'
import { indexNumber } from '../../keys.js'
import { SEQ_BYTES, writeSeq } from '../../seq-bytes.js'
import type { NameHashes } from '../hash-key.js'

/*
 * The keys of the database `index`. They are compared byte by byte:
 *
 *   meta       01 | name
 *   posting    02 | index | hash of each part of the value … | seq of the last position in the posting
 *   caller id  03 | hash of tenant and id
 *   time       04 | level | block
 *   open run   05 | hash of tenant and run
 *   stretch    06 | seq
 *   run        07 | hash of tenant and run
 *
 * seq and block are 8 bytes, big-endian; index and level are one. A hash has 16 bytes, see `NameHashes`.
 */

const META = 0x01
const POSTING = 0x02
const CALLER_ID = 0x03
const TIME = 0x04
const OPEN_RUN = 0x05
const STRETCH = 0x06
const RUN_ROW = 0x07

export function metaKey(name: string): Buffer {
  return Buffer.from(`${String.fromCharCode(META)}${name}`, 'latin1')
}

/** The start of the keys of postings under values of an index that begin with parts of these hashes. */
export function valueKey(index: IndexName, hashes: readonly string[]): Buffer {
  return Buffer.from(String.fromCharCode(POSTING, indexNumber(index)) + hashes.join(''), 'latin1')
}

/** @param value - the {@link valueKey} of a full value */
export function postingKey(value: Buffer, lastSeq: number): Buffer {
  const key = Buffer.allocUnsafe(value.length + SEQ_BYTES)
  key.set(value)
  writeSeq(key, lastSeq, value.length)
  return key
}

/** Returns whether a posting's key files it under exactly this value. */
export function isPostingOf(key: Buffer, value: Buffer): boolean {
  // Attacker-controlled: a stored key; it counts only where its length and its value are those asked for.
  const { length } = value
  return key.length === length + SEQ_BYTES && key.compare(value, 0, length, 0, length) === 0
}

/** Returns the key of the value under which a posting is filed. */
export function valueKeyOf(key: Buffer): Buffer {
  return key.subarray(0, key.length - SEQ_BYTES)
}

export function callerIdKey(hashes: NameHashes, { tenantId, id }: CallerId): Buffer {
  return hashKey(CALLER_ID, hashes.ofPair(tenantId, id))
}

/** Returns the key of a caller's id of which only the hash is known. */
export function callerIdKeyOf(hash: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(CALLER_ID), hash])
}

export function openRunKey(hashes: NameHashes, tenantId: string, runId: string): Buffer {
  return hashKey(OPEN_RUN, hashes.ofPair(tenantId, runId))
}

/** Returns the key of the row of a run. */
export function runRowKey(hashes: NameHashes, tenantId: string, runId: string): Buffer {
  return hashKey(RUN_ROW, hashes.ofPair(tenantId, runId))
}

export function timeBlockKey(level: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(2 + SEQ_BYTES)
  key[0] = TIME
  key[1] = level
  writeSeq(key, block, 2)
  return key
}

/** Returns the key of what was filed in one batch, from this position on. */
export function stretchKey(seq: number): Buffer {
  const key = Buffer.allocUnsafe(1 + SEQ_BYTES)
  key[0] = STRETCH
  writeSeq(key, seq, 1)
  return key
}

export const CALLER_ID_PREFIX: Uint8Array = Uint8Array.of(CALLER_ID)
export const OPEN_RUN_PREFIX: Uint8Array = Uint8Array.of(OPEN_RUN)
export const STRETCH_PREFIX: Uint8Array = Uint8Array.of(STRETCH)
export const RUN_ROW_PREFIX: Uint8Array = Uint8Array.of(RUN_ROW)

function hashKey(kind: number, hash: string): Buffer {
  return Buffer.from(String.fromCharCode(kind) + hash, 'latin1')
}
