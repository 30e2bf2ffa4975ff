import { createHash } from 'node:crypto'
import type { IndexName } from './contract.js'

/*
 * The one place that knows what a stored key looks like. Keys are compared byte by byte:
 *
 *   meta      01 | component(name)
 *   entry     02 | seq
 *   posting   03 | index | component … | seq of the last position in the posting
 *   caller id 04 | component(id)                      only in logs that version 0.1 wrote: of whichever tenant
 *   time      05 | level | block
 *   open run  06 | component(tenant) | component(run)
 *   tile      07 | level | index | first hash
 *   caller id 08 | component(tenant) | component(id)
 *
 * seq, block and index are 8 bytes, big-endian; level and first hash are one. A component is  tag | varint length | bytes,  so it says itself where it ends:
 * no value can run into the next, and the key of a value's first parts is a prefix of the keys of exactly the values
 * that begin with these parts.
 */

/** The first byte of each {@link metaKey}. */
export const META_KEY = 1
const ENTRY = 2
const POSTING = 3
const UNSCOPED_CALLER_ID = 4
const TIME = 5
const OPEN_RUN = 6
const TILE = 7
const CALLER_ID = 8

const INDEX: Readonly<Record<IndexName, number>> = { session: 1, run: 2, type: 3, agent: 4, tenant: 5, parent: 6 }

/** A well-formed string as UTF-8; an ill-formed one (lone surrogates), which UTF-8 cannot express, as UTF-16LE. */
const UTF8 = 1
const UTF16 = 2
/** SHA-256 of the UTF-16LE bytes of whatever is longer than {@link MAX_COMPONENT_BYTES} in its own encoding. */
const DIGEST = 3

/** Longest string, in bytes of its encoding, that a key holds as it is. */
export const MAX_COMPONENT_BYTES = 128

const SEQ_BYTES = 8

/** Holds every key while it is built: the longest is a posting of two full components. */
const scratch = Buffer.allocUnsafe(512)

export function metaKey(name: string): Buffer {
  scratch[0] = META_KEY
  return built(writeComponent(name, 1))
}

export function entryKey(seq: number): Buffer {
  const key = Buffer.allocUnsafe(1 + SEQ_BYTES)
  key[0] = ENTRY
  writeSeq(key, seq, 1)
  return key
}

/** The start of all keys that file postings under values of `index` beginning with these parts. */
export function postingPrefix(index: IndexName, parts: readonly string[]): Buffer {
  scratch[0] = POSTING
  scratch[1] = INDEX[index]
  let end = 2
  for (const part of parts) end = writeComponent(part, end)
  return built(end)
}

/** @param valueKey - the {@link postingPrefix} of a full value */
export function postingKey(valueKey: Buffer, lastSeq: number): Buffer {
  const key = Buffer.allocUnsafe(valueKey.length + SEQ_BYTES)
  key.set(valueKey)
  writeSeq(key, lastSeq, valueKey.length)
  return key
}

/** Whether a posting's key files it under exactly this value. */
export function isPostingOf(key: Buffer, valueKey: Buffer): boolean {
  const { length } = valueKey
  return key.length === length + SEQ_BYTES && key.compare(valueKey, 0, length, 0, length) === 0
}

/** The key of the value under which a posting is filed. */
export function valueKeyOf(key: Buffer): Buffer {
  return key.subarray(0, key.length - SEQ_BYTES)
}

/** Returns the key of the position of an entry whose id its caller chose. Each tenant has ids of its own. */
export function callerIdKey(tenantId: string, id: string): Buffer {
  scratch[0] = CALLER_ID
  return built(writeComponent(id, writeComponent(tenantId, 1)))
}

/** Returns the key at which version 0.1 kept that position, with one id space for all tenants. */
export function unscopedCallerIdKey(id: string): Buffer {
  scratch[0] = UNSCOPED_CALLER_ID
  return built(writeComponent(id, 1))
}

/** The starts of the keys of callers' ids, in the order of the keys. */
export const CALLER_ID_PREFIXES: readonly Uint8Array[] = [Uint8Array.of(UNSCOPED_CALLER_ID), Uint8Array.of(CALLER_ID)]

export function openRunKey(tenantId: string, runId: string): Buffer {
  scratch[0] = OPEN_RUN
  return built(writeComponent(runId, writeComponent(tenantId, 1)))
}

/** The start of the keys of all open runs. */
export const OPEN_RUN_PREFIX: Uint8Array = Uint8Array.of(OPEN_RUN)

export function timeBlockKey(level: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(2 + SEQ_BYTES)
  key[0] = TIME
  key[1] = level
  writeSeq(key, block, 2)
  return key
}

/**
 * Where hashes of a tile of the tree are kept: those that one commit added to it.
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

/** The number that ends a key of an entry, a posting or a time block. */
export function seqOfKey(key: Uint8Array): number {
  return readSeq(key, key.length - SEQ_BYTES)
}

/** The smallest key that is greater than every key with this prefix. */
export function prefixEnd(prefix: Uint8Array): Buffer {
  let length = prefix.length
  while (prefix[length - 1] === 0xff) length--
  const end = Buffer.from(prefix.subarray(0, length))
  end[length - 1] = (end[length - 1] as number) + 1
  return end
}

/** 8 bytes, big-endian; exact for every safe integer. */
export function writeSeq(target: Buffer, seq: number, offset: number): void {
  target.writeUInt32BE(Math.floor(seq / 0x1_0000_0000), offset)
  target.writeUInt32BE(seq % 0x1_0000_0000, offset + 4)
}

export function readSeq(source: Uint8Array, offset: number): number {
  let seq = 0
  for (let at = offset; at < offset + SEQ_BYTES; at++) seq = seq * 256 + (source[at] as number)
  return seq
}

function built(length: number): Buffer {
  return Buffer.from(scratch.subarray(0, length))
}

function writeComponent(value: string, offset: number): number {
  const wellFormed = value.isWellFormed()
  const length = wellFormed ? Buffer.byteLength(value) : value.length * 2
  if (length > MAX_COMPONENT_BYTES) {
    const digest = createHash('sha256').update(Buffer.from(value, 'utf16le')).digest()
    const start = writeComponentHead(DIGEST, digest.length, offset)
    scratch.set(digest, start)
    return start + digest.length
  }
  const start = writeComponentHead(wellFormed ? UTF8 : UTF16, length, offset)
  scratch.write(value, start, wellFormed ? 'utf8' : 'utf16le')
  return start + length
}

/** The length as a varint: up to {@link MAX_COMPONENT_BYTES}, so one byte or two. */
function writeComponentHead(tag: number, length: number, offset: number): number {
  scratch[offset] = tag
  if (length < 0x80) {
    scratch[offset + 1] = length
    return offset + 2
  }
  scratch[offset + 1] = (length & 0x7f) | 0x80
  scratch[offset + 2] = length >>> 7
  return offset + 3
}
