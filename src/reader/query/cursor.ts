import { createHash } from 'node:crypto'
import { AuditLogError } from '../../events/errors.js'
import { readSeq, writeSeq } from '../../store/seq-bytes.js'

/** The end of a page of a query. */
export interface Bookmark {
  /** Size of the log when the first page was read: all pages are of that moment. */
  readonly size: number
  /** Position in the log of what the page ended with. */
  readonly position: number
  /** The mark of the entry at that position, see {@link entryMark}. */
  readonly mark: number
  /** Number of items that the query's `limit` has left; `Infinity` without one. */
  readonly left: number
}

/*
 *   version (1) | query (8) | size (8) | position (8) | left (8) | mark (4) | checksum (4)     as base64url
 *
 * The query is there as a digest of what it asks for, so that a cursor goes on with no other. The mark ties it to the
 * log that it is of. The checksum finds what was cut or mistyped; it is no secret, and protects from nobody: a cursor
 * leads nowhere that its query, which is given again with it, does not.
 */
const VERSION = 1
const [AT_QUERY, AT_SIZE, AT_POSITION, AT_LEFT, AT_MARK, AT_CHECKSUM] = [1, 9, 17, 25, 33, 37]
const LENGTH = 41

/** The digest of a query, in 8 bytes. */
export type QueryDigest = Buffer

/**
 * @param kind - what it lists
 * @param query - checked, so that what means the same is the same
 */
export function digestOfQuery(kind: string, query: Readonly<Record<string, unknown>>): QueryDigest {
  const asked = Object.entries(query)
    .map(([field, value]) => [field, Array.isArray(value) ? [...value].sort() : value] as const)
    .filter(([field, value]) => !(field === 'order' && value === 'asc') && !(field === 'afterSeq' && value === -1))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return digest(JSON.stringify([kind, asked])).subarray(0, AT_SIZE - AT_QUERY)
}

/** Returns a number by which an entry differs from that at its position in another log. */
export function entryMark(bytes: Uint8Array): number {
  return digest(bytes).readUInt32BE(0)
}

export function encodeCursor(query: QueryDigest, { size, position, left, mark }: Bookmark): string {
  const bytes = Buffer.alloc(LENGTH)
  bytes[0] = VERSION
  bytes.set(query, AT_QUERY)
  writeSeq(bytes, size, AT_SIZE)
  writeSeq(bytes, position, AT_POSITION)
  writeSeq(bytes, left === Infinity ? 0 : left, AT_LEFT)
  bytes.writeUInt32BE(mark, AT_MARK)
  bytes.set(checksum(bytes), AT_CHECKSUM)
  return bytes.toString('base64url')
}

/** @throws AuditLogError `AUDIT_CURSOR_INVALID` */
export function decodeCursor(cursor: unknown, query: QueryDigest): Bookmark {
  if (typeof cursor !== 'string') throw invalidCursor(`expected the text that came with a page, not a ${typeof cursor}`)
  // Attacker-controlled: any text may come from a client; its length, checksum and query are checked before a number of it counts.
  const bytes = Buffer.from(cursor.slice(0, 2 * LENGTH), 'base64url')
  const isWhole =
    bytes.length === LENGTH &&
    bytes.toString('base64url') === cursor &&
    bytes.subarray(AT_CHECKSUM).equals(checksum(bytes)) &&
    bytes[0] === VERSION
  if (!isWhole) throw invalidCursor('it is not, or not all of, what came with a page')
  if (!bytes.subarray(AT_QUERY, AT_SIZE).equals(query)) {
    throw invalidCursor('it is of another query; every page takes the query that the first page took')
  }
  const [size, position, left] = [AT_SIZE, AT_POSITION, AT_LEFT].map((at) => readSeq(bytes, at)) as [
    number,
    number,
    number,
  ]
  if (![size, position, left].every(Number.isSafeInteger)) throw invalidCursor('it leads to no position')
  return { size, position, left: left || Infinity, mark: bytes.readUInt32BE(AT_MARK) }
}

export function invalidCursor(message: string): AuditLogError {
  return new AuditLogError('AUDIT_CURSOR_INVALID', `Invalid cursor: ${message}`)
}

function checksum(bytes: Buffer): Buffer {
  return digest(bytes.subarray(0, AT_CHECKSUM)).subarray(0, LENGTH - AT_CHECKSUM)
}

function digest(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}
