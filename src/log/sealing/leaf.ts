import { hashPrefixedEntry, LEAF_PREFIX } from '../../tree/index.js'

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

/** @param prefixed - 0x00 ‖ bytes */
function leafOf(prefixed: Uint8Array): Leaf {
  return {
    bytes: new Uint8Array(prefixed.buffer, prefixed.byteOffset + 1, prefixed.length - 1),
    leafHash: hashPrefixedEntry(prefixed),
  }
}
