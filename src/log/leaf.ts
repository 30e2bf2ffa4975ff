import crypto from 'node:crypto'

/** RFC 6962 section 2.1: a leaf is hashed behind this byte, an inner node behind 0x01. */
const LEAF_PREFIX = 0x00
/** Entries share blocks of memory of this size. */
const SLAB_BYTES = 64 * 1024
/** A longer entry gets memory of its own, so that the rest of a slab is never wasted on the room it might need. */
const MAX_SLAB_TEXT_LENGTH = 4096

/** An entry's bytes and their leaf hash. */
export interface Leaf {
  readonly bytes: Uint8Array
  readonly leafHash: Uint8Array
}

/**
 * Encodes entries one behind the other, each with the prefix its hash needs in front of it, so that nothing is copied:
 *
 * ```
 * slab: │ 00 │ entry bytes │ 00 │ entry bytes │ … room left │
 *         └── leaf hash ──┘
 * ```
 */
export class LeafEncoder {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #used = 0

  encode(text: string): Leaf {
    if (text.length > MAX_SLAB_TEXT_LENGTH) return leafOf(Buffer.from(`\0${text}`))
    if (this.#used + 1 + 3 * text.length > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    const start = this.#used
    this.#slab[start] = LEAF_PREFIX
    this.#used = start + 1 + this.#slab.write(text, start + 1, 'utf8')
    return leafOf(new Uint8Array(this.#slab.buffer, start, this.#used - start))
  }
}

/** SHA-256(0x00 ‖ bytes). */
export function leafHashOf(bytes: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([Uint8Array.of(LEAF_PREFIX), bytes]))
}

/** @param prefixed - 0x00 ‖ bytes */
function leafOf(prefixed: Uint8Array): Leaf {
  return {
    bytes: new Uint8Array(prefixed.buffer, prefixed.byteOffset + 1, prefixed.length - 1),
    leafHash: sha256(prefixed),
  }
}

/** One-shot hashing came with Node 20.12. As a `binary` string a digest costs half of what it does as a Buffer. */
const sha256: (input: Uint8Array) => Uint8Array =
  typeof crypto.hash === 'function'
    ? (input) => Buffer.from(crypto.hash('sha256', input, 'binary'), 'latin1')
    : (input) => crypto.createHash('sha256').update(input).digest()
