import { createHash } from 'node:crypto'
import { type Bookmark, decodeCursor, digestOfQuery, encodeCursor } from '../../src/reader/query/cursor.js'
import { claim, coded, parsed, same } from '../support/oracle.js'

/*
 * Cursors. An input is a cursor, and besides the bytes of one whose checksum is put right.
 *
 * Oracle: a cursor that is accepted is encoded as the same text, and leads to positions of a log.
 */
const query = digestOfQuery('events', { tenantId: 't' })
const isRefusal = coded('AUDIT_CURSOR_INVALID')
const start: Bookmark = { size: 1_000, position: 42, mark: 7, left: Infinity }

export function fuzz(bytes: Buffer): void {
  read(bytes.toString())
  read(bytes.toString('base64url'))
  read(mended(bytes))
}

function read(cursor: string): void {
  const bookmark = parsed(isRefusal, () => decodeCursor(cursor, query))
  if (!bookmark) return
  const { size, position, left } = bookmark
  const areWhole = [size, position].every(Number.isSafeInteger) && (left === Infinity || Number.isSafeInteger(left))
  claim(areWhole, 'a cursor leads to no position')
  same(encodeCursor(query, bookmark), cursor, 'a cursor is encoded in another form')
}

/** The bytes as a cursor of the right version, query and checksum: whoever makes one up knows how to. */
function mended(bytes: Buffer): string {
  const whole = Buffer.from(encodeCursor(query, start), 'base64url')
  const numbers = bytes.subarray(0, 28)
  whole.set(numbers, 9)
  return withChecksum(whole)
}

function withChecksum(bytes: Buffer): string {
  bytes.set(createHash('sha256').update(bytes.subarray(0, 37)).digest().subarray(0, 4), 37)
  return bytes.toString('base64url')
}

export function seeds(): Buffer[] {
  const cursors = [start, { ...start, left: 3 }].map((bookmark) => encodeCursor(query, bookmark))
  return [...cursors.map((cursor) => Buffer.from(cursor)), Buffer.alloc(28), Buffer.alloc(28, 0xff)]
}
