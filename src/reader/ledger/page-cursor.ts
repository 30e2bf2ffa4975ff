import { createHash } from 'node:crypto'
import { readSeq, writeSeq } from '../../store/seq-bytes.js'
import { entryMark, invalidCursor, type QueryDigest } from '../query/cursor.js'
import { invalidQuery } from '../query/parse-query.js'

/** The size of each log, by its number. */
export type Sizes = ReadonlyMap<number, number>

/** The end of a page of a query over several logs. */
export interface LedgerBookmark {
  /** The size of each log when the first page was read: all pages are of that moment. */
  readonly sizes: Sizes
  /** The position of the last item of each source that has given one, by the number of the source. */
  readonly positions: ReadonlyMap<number, number>
  /** The number of items that the query's `limit` has left; `Infinity` without one. */
  readonly left: number
}

/** Returns the id of a log's store, by which it differs from other logs; `undefined` for one that is not there. */
export type IdOf = (log: number) => string | undefined

/*
 *   page:      2 | query (8) | left (8) | logs (2) | [number (4) | mark of the id (4) | size (8)] …
 *                | sources (2) | [number (4) | position (8)] … | checksum (4)                              as base64url
 *   position:  3 | logs (2) | [number (4) | mark of the id (4) | size (8)] … | checksum (4)
 *
 * The marks tie a cursor to its ledger. The checksum finds what was cut or mistyped; it is no secret.
 */
const PAGE = 2
const POSITION = 3
const CHECKSUM = 4
const DIGEST = 8
/** Characters of a cursor that are looked at: more than 10,000 logs need. */
const MAX_LENGTH = 1_000_000

/** Tells whether a cursor is one of a page over several logs, whole or not. */
export function isLedgerCursor(cursor: unknown): cursor is string {
  // Attacker-controlled: any text may come from a client; its first byte alone is read.
  return typeof cursor === 'string' && Buffer.from(cursor.slice(0, 4), 'base64url')[0] === PAGE
}

/** Writes the cursor of the page that follows. */
export function encodePageCursor(query: QueryDigest, bookmark: LedgerBookmark, idOf: IdOf): string {
  const { sizes, positions, left } = bookmark
  const head = Buffer.alloc(1 + DIGEST + 8)
  head[0] = PAGE
  head.set(query, 1)
  writeSeq(head, left === Infinity ? 0 : left, 1 + DIGEST)
  const placed = [...positions].map(([source, position]) => {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt32BE(source)
    writeSeq(bytes, position, 4)
    return bytes
  })
  return sealed([head, ...sizesOf(sizes, idOf), count(placed.length), ...placed])
}

/** @throws AuditLogError `AUDIT_CURSOR_INVALID` */
export function decodePageCursor(cursor: string, query: QueryDigest, idOf: IdOf): LedgerBookmark {
  const bytes = new Fields(cursor, (message) => invalidCursor(message))
  bytes.skip(1)
  if (!bytes.take(DIGEST).equals(query)) {
    throw invalidCursor('it is of another query; every page takes the query that the first page took')
  }
  const left = bytes.seq()
  const sizes = bytes.sizes(idOf)
  const positions = new Map<number, number>()
  for (let n = bytes.count(); n > 0; n--) positions.set(bytes.number(), bytes.seq())
  bytes.end()
  return { sizes, positions, left: left || Infinity }
}

/** Writes the position that reading has reached in each log. */
export function encodePosition(sizes: Sizes, idOf: IdOf): string {
  return sealed([Buffer.of(POSITION), ...sizesOf(sizes, idOf)])
}

/**
 * @param field - that has the cursor
 * @param idOf - tells whether it is of these logs; left out, that is not looked at
 * @throws AuditLogError `AUDIT_QUERY_INVALID`
 */
export function decodePosition(cursor: unknown, field: string, idOf?: IdOf): Sizes {
  if (typeof cursor !== 'string') throw invalidQuery(field, `expected the text of a cursor, not a ${typeof cursor}`)
  const bytes = new Fields(cursor, (message) => invalidQuery(field, message))
  if (bytes.take(1)[0] !== POSITION) throw invalidQuery(field, 'it is no cursor of a reader')
  const sizes = bytes.sizes(idOf)
  bytes.end()
  return sizes
}

function sizesOf(sizes: Sizes, idOf: IdOf): readonly Buffer[] {
  const written = [...sizes].map(([log, size]) => {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32BE(log)
    bytes.writeUInt32BE(markOf(idOf(log) ?? ''), 4)
    writeSeq(bytes, size, 8)
    return bytes
  })
  return [count(written.length), ...written]
}

function count(length: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(length)
  return bytes
}

function sealed(parts: readonly Buffer[]): string {
  const content = Buffer.concat(parts)
  return Buffer.concat([content, checksum(content)]).toString('base64url')
}

function checksum(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest().subarray(0, CHECKSUM)
}

function markOf(id: string): number {
  return entryMark(Buffer.from(id))
}

/** The fields of a cursor, which anybody may have made. */
class Fields {
  readonly #bytes: Buffer
  readonly #problem: (message: string) => Error
  #at = 0

  constructor(cursor: string, problem: (message: string) => Error) {
    this.#problem = problem
    // Attacker-controlled: any text may come from a client; its length is bounded, and its numbers lead to no more than the query does.
    const bytes = Buffer.from(cursor.slice(0, MAX_LENGTH), 'base64url')
    const content = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM))
    const isWhole = bytes.toString('base64url') === cursor && bytes.subarray(content.length).equals(checksum(content))
    if (!isWhole) throw this.#broken()
    this.#bytes = content
  }

  skip(length: number): void {
    this.take(length)
  }

  take(length: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    if (taken.length < length) throw this.#broken()
    this.#at += length
    return taken
  }

  count(): number {
    return this.take(2).readUInt16BE()
  }

  number(): number {
    return this.take(4).readUInt32BE()
  }

  seq(): number {
    const seq = readSeq(this.take(8), 0)
    if (!Number.isSafeInteger(seq)) throw this.#broken()
    return seq
  }

  sizes(idOf?: IdOf): Sizes {
    const sizes = new Map<number, number>()
    for (let n = this.count(); n > 0; n--) {
      const log = this.number()
      const mark = this.number()
      const id = idOf?.(log)
      if (idOf && (id === undefined || markOf(id) !== mark)) {
        throw this.#problem(`it is of other logs: log ${log} is not the one that it tells of`)
      }
      sizes.set(log, this.seq())
    }
    return sizes
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#broken()
  }

  #broken(): Error {
    return this.#problem('it is not, or not all of, what a reader gave')
  }
}
