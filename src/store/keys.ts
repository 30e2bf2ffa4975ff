import { createHash } from 'node:crypto'
import type { IndexName } from './contract.js'

/*
 * Names (ids, types …) as keys. Keys are compared byte by byte:
 *
 *   value      03 | index | component …
 *   open run   06 | component(tenant) | component(run)
 *   caller id  08 | component(tenant) | component(id)
 *
 * A component is  tag | varint length | bytes,  so it says itself where it ends: no value can run into the next, and the
 * key of a value's first parts is a prefix of the keys of exactly the values that begin with these parts.
 */

const VALUE = 3
const UNSCOPED_CALLER_ID = 4
const OPEN_RUN = 6
const CALLER_ID = 8

const INDEX: Readonly<Record<IndexName, number>> = {
  session: 1,
  run: 2,
  type: 3,
  agent: 4,
  tenant: 5,
  parent: 6,
  actor: 7,
  tool: 8,
  superseding: 9,
}

/** A well-formed string as UTF-8; an ill-formed one (lone surrogates), which UTF-8 cannot express, as UTF-16LE. */
const UTF8 = 1
const UTF16 = 2
/** SHA-256 of the UTF-16LE bytes of whatever is longer than {@link MAX_COMPONENT_BYTES} in its own encoding. */
const DIGEST = 3

/** Longest string, in bytes of its encoding, that a key holds as it is. */
export const MAX_COMPONENT_BYTES = 128

/** Holds every key while it is built: the longest has two full components. */
const scratch = Buffer.allocUnsafe(512)

/** Returns the number by which keys name an index. */
export function indexNumber(index: IndexName): number {
  return INDEX[index]
}

/** Returns a name as a component, in a text of one character a byte. */
export function encodeComponent(name: string): string {
  return scratch.toString('latin1', 0, writeComponent(name, 0))
}

/** The start of the keys of all values of `index` beginning with these parts; with all parts, the key of the value. */
export function postingPrefix(index: IndexName, parts: readonly string[]): Buffer {
  scratch[0] = VALUE
  scratch[1] = INDEX[index]
  let end = 2
  for (const part of parts) end = writeComponent(part, end)
  return built(end)
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

export function openRunKey(tenantId: string, runId: string): Buffer {
  scratch[0] = OPEN_RUN
  return built(writeComponent(runId, writeComponent(tenantId, 1)))
}

/** The smallest key that is greater than every key with this prefix. */
export function prefixEnd(prefix: Uint8Array): Buffer {
  let length = prefix.length
  while (prefix[length - 1] === 0xff) length--
  const end = Buffer.from(prefix.subarray(0, length))
  end[length - 1] = (end[length - 1] as number) + 1
  return end
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
