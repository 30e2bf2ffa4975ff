import type { SealedEntry } from '../../store/contract.js'
import { HASH_BYTES, LEAF_PREFIX, sha256 } from '../../tree/index.js'

/*
 * Entries are encoded one behind the other, each behind the head of its journal record, so that nothing is copied on its
 * way into the journal:
 *
 *   slab  │ length 4 │ leaf hash 32 │ MAC 16 │ entry bytes │ length 4 │ …
 *                                          └┬─────────────┘
 *                             zero, the prefix that the leaf hash needs
 *
 * The journal writes the length and the MAC.
 */

/** Entries share blocks of memory of this size. */
const SLAB_BYTES = 256 * 1024
/** A longer entry gets memory of its own, so that the rest of a slab is never wasted on the room it might need. */
const MAX_SLAB_TEXT_LENGTH = 4096
/** UTF-8 takes three bytes at most for a UTF-16 code unit. */
const MAX_UNIT_BYTES = 3

/** The position of the leaf hash in the head of a record. */
export const LEAF_HASH_OFFSET = 4
/** Bytes of the head of a record. */
export const RECORD_HEAD_BYTES: number = LEAF_HASH_OFFSET + HASH_BYTES + 16

/** An entry's text, in parts. */
export interface EncodedText {
  readonly head: string
  readonly data: string
  readonly rest: string
}

/** The parts of an encoded entry. */
interface EncodedParts {
  readonly slab: Buffer
  /** The position of the entry's record in the slab. */
  readonly recordStart: number
  /** Position behind the entry's bytes. */
  readonly end: number
  readonly event: SealedEntry['event']
  readonly callerId: boolean
}

/** An entry where it was encoded: it holds no object of its own for its bytes. */
export class EncodedEntry implements SealedEntry {
  readonly slab: Buffer
  readonly recordStart: number
  readonly byteLength: number
  readonly event: SealedEntry['event']
  readonly callerId: boolean

  constructor({ slab, recordStart, end, event, callerId }: EncodedParts) {
    this.slab = slab
    this.recordStart = recordStart
    this.byteLength = end - recordStart - RECORD_HEAD_BYTES
    this.event = event
    this.callerId = callerId
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.slab.buffer, this.recordStart + RECORD_HEAD_BYTES, this.byteLength)
  }

  get leafHash(): Uint8Array {
    return new Uint8Array(this.slab.buffer, this.recordStart + LEAF_HASH_OFFSET, HASH_BYTES)
  }
}

/** Encodes entries. */
export class EntryEncoder {
  #slab = Buffer.alloc(SLAB_BYTES)
  #used = 0

  /** @returns `undefined` when the text takes more than `maxBytes` */
  encode(
    { head, data, rest }: EncodedText,
    event: SealedEntry['event'],
    callerId: boolean,
    maxBytes: number,
  ): EncodedEntry | undefined {
    const length = head.length + data.length + rest.length
    if (length > maxBytes) return undefined
    let slab = this.#slab
    let recordStart = this.#used
    if (length > MAX_SLAB_TEXT_LENGTH) {
      slab = Buffer.alloc(RECORD_HEAD_BYTES + MAX_UNIT_BYTES * length)
      recordStart = 0
    } else if (recordStart + RECORD_HEAD_BYTES + MAX_UNIT_BYTES * length > SLAB_BYTES) {
      slab = Buffer.alloc(SLAB_BYTES)
      recordStart = 0
      this.#slab = slab
    }
    const start = recordStart + RECORD_HEAD_BYTES
    let end = start + slab.write(head, start, 'utf8')
    if (data !== '') end += slab.write(data, end, 'utf8')
    if (rest !== '') end += slab.write(rest, end, 'utf8')
    if (end - start > maxBytes) return undefined
    if (slab === this.#slab) this.#used = end
    slab[start - 1] = LEAF_PREFIX
    slab.write(
      sha256(new Uint8Array(slab.buffer, start - 1, end - start + 1)),
      recordStart + LEAF_HASH_OFFSET,
      'latin1',
    )
    return new EncodedEntry({ slab, recordStart, end, event, callerId })
  }
}
