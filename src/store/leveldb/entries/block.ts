import { readSeq, SEQ_BYTES, writeSeq } from '../../seq-bytes.js'

/*
 * A block holds consecutive entries:
 *
 *   count u16 | slot u32 … | contents of the slots, one behind the other
 *   slot      = kind in the top two bits | end of its contents, counted from the first slot's start
 *
 *   kind 0  an entry                 contents: its bytes
 *   kind 1  an entry whose id is the caller's
 *   kind 2  removed                  contents: seq of the entry that records the removal
 *   kind 3  removed, and its id was the caller's: behind the seq, the key of that id in the index
 *
 * Numbers are big-endian. An entry is found in a block without a look at the others.
 */

const COUNT_BYTES = 2
const SLOT_BYTES = 4
const CALLER_ID = 1
const REMOVED = 2
const KIND_SHIFT = 30
const MAX_END = 2 ** KIND_SHIFT - 1
/** Most slots of a block. */
export const MAX_SLOTS = 0xffff
/** Bytes of the key that stands for a caller's id. */
export const ID_DIGEST_BYTES = 16

/** An entry as a block takes it. */
export interface BlockEntry {
  readonly bytes: Uint8Array
  /** Number of {@link bytes}. */
  readonly byteLength: number
  readonly callerId: boolean
}

/** An entry that was removed, as a block takes it. */
export interface RemovedSlot {
  /** Position of the entry that records the removal. */
  readonly removedUnder: number
  /** The key of the caller's id in the index, where its id was the caller's: an append that repeats it is recognised. */
  readonly idDigest: Uint8Array | undefined
}

export type BlockSlot = BlockEntry | RemovedSlot

/** Returns an entry of these bytes as a block takes it. */
export function entrySlot(bytes: Uint8Array, callerId: boolean): BlockEntry {
  return { bytes, byteLength: bytes.length, callerId }
}

/** Tells a removed entry from one that is there. */
export function isRemoved(slot: BlockSlot): slot is RemovedSlot {
  return 'removedUnder' in slot
}

/** Holds a block while it is built: most blocks fit. */
let scratch = Buffer.allocUnsafe(128 * 1024)

/** Returns a block's value. It is overwritten by the next call. @param slots - at least one, at most {@link MAX_SLOTS} */
export function encodeBlock(slots: readonly BlockSlot[]): Buffer {
  const count = slots.length
  let length = COUNT_BYTES + SLOT_BYTES * count
  for (const slot of slots) {
    length += isRemoved(slot) ? SEQ_BYTES + (slot.idDigest?.length ?? 0) : slot.byteLength
  }
  if (length > scratch.length) scratch = Buffer.allocUnsafe(2 * length)
  scratch.writeUInt16BE(count, 0)
  const start = COUNT_BYTES + SLOT_BYTES * count
  let end = 0
  for (let at = 0; at < count; at++) {
    const slot = slots[at] as BlockSlot
    let kind: number
    if (isRemoved(slot)) {
      kind = slot.idDigest ? REMOVED + CALLER_ID : REMOVED
      writeSeq(scratch, slot.removedUnder, start + end)
      end += SEQ_BYTES
      if (slot.idDigest) scratch.set(slot.idDigest, start + end)
      end += slot.idDigest?.length ?? 0
    } else {
      kind = slot.callerId ? CALLER_ID : 0
      const { bytes } = slot
      if (bytes.length !== slot.byteLength) throw new TypeError('An entry has other bytes than its byteLength says')
      scratch.set(bytes, start + end)
      end += bytes.length
    }
    scratch.writeUInt32BE(kind * 2 ** KIND_SHIFT + end, COUNT_BYTES + SLOT_BYTES * at)
  }
  return scratch.subarray(0, length)
}

/** A block that was read. */
export class Block {
  /** Position of its first slot. */
  readonly firstSeq: number
  /** Position behind its last slot. */
  readonly end: number
  /** Bytes that it takes in memory. */
  readonly bytes: number
  readonly #value: Buffer
  readonly #contents: number

  /**
   * Nothing of the value is believed: whoever made the directory may have written it.
   *
   * @throws RangeError when the value is no block
   */
  constructor(firstSeq: number, value: Uint8Array) {
    // Attacker-controlled: a stored block; every slot must lie within its value and be of a known kind.
    const block = Buffer.from(value.buffer, value.byteOffset, value.length)
    const count = block.length < COUNT_BYTES ? 0 : block.readUInt16BE(0)
    const contents = COUNT_BYTES + SLOT_BYTES * count
    if (count === 0 || contents > block.length || !Number.isSafeInteger(firstSeq + count)) {
      throw new RangeError(`The block of entry ${firstSeq} is malformed`)
    }
    let start = 0
    for (let at = 0; at < count; at++) {
      const slot = block.readUInt32BE(COUNT_BYTES + SLOT_BYTES * at)
      const end = slot & MAX_END
      const kind = slot >>> KIND_SHIFT
      const isPosition = kind < REMOVED || Number.isSafeInteger(readSeq(block, contents + start))
      if (end < start || !isPossible(kind, end - start) || !isPosition) {
        throw new RangeError(`The block of entry ${firstSeq} has a malformed slot for entry ${firstSeq + at}`)
      }
      start = end
    }
    if (contents + start !== block.length)
      throw new RangeError(`The block of entry ${firstSeq} does not end where it says`)
    this.firstSeq = firstSeq
    this.end = firstSeq + count
    this.bytes = block.length
    this.#value = block
    this.#contents = contents
  }

  has(seq: number): boolean {
    return seq >= this.firstSeq && seq < this.end
  }

  /** Returns the bytes of an entry of the block; `undefined` when it was removed. */
  entry(seq: number): Uint8Array | undefined {
    return this.isRemoved(seq) ? undefined : this.#slot(seq)
  }

  /** The value. Entries stand in it from {@link startOf} to before {@link endOf}. */
  get memory(): Buffer {
    return this.#value
  }

  /** Returns where the contents of a slot begin in {@link memory}: behind its first byte. */
  startOf(seq: number): number {
    return seq === this.firstSeq ? this.#contents : this.endOf(seq - 1)
  }

  /** Returns where the contents of a slot end in {@link memory}. */
  endOf(seq: number): number {
    return this.#contents + (this.#value.readUInt32BE(COUNT_BYTES + SLOT_BYTES * (seq - this.firstSeq)) & MAX_END)
  }

  /** Returns whether an entry was removed. */
  isRemoved(seq: number): boolean {
    return this.#kind(seq - this.firstSeq) >= REMOVED
  }

  /** Returns whether the id of an entry, also of a removed one, is its caller's. */
  hasCallerId(seq: number): boolean {
    return this.#kind(seq - this.firstSeq) % 2 === CALLER_ID
  }

  /** Returns what is left of an entry that was removed; `undefined` for any other. */
  removed(seq: number): RemovedSlot | undefined {
    if (!this.isRemoved(seq)) return undefined
    const slot = this.#slot(seq)
    const idDigest = slot.length > SEQ_BYTES ? slot.subarray(SEQ_BYTES) : undefined
    return { removedUnder: readSeq(slot, 0), idDigest }
  }

  #kind(at: number): number {
    return this.#value.readUInt32BE(COUNT_BYTES + SLOT_BYTES * at) >>> KIND_SHIFT
  }

  #slot(seq: number): Uint8Array {
    const { buffer, byteOffset } = this.#value
    const start = this.startOf(seq)
    return new Uint8Array(buffer, byteOffset + start, this.endOf(seq) - start)
  }
}

function isPossible(kind: number, length: number): boolean {
  if (kind < REMOVED) return true
  return length === (kind === REMOVED ? SEQ_BYTES : SEQ_BYTES + ID_DIGEST_BYTES)
}
