import { Block, type BlockEntry, type BlockSlot, encodeBlock, isRemoved, MAX_SLOTS, type RemovedSlot } from './block.js'
import type { BlockSpan } from './directory.js'

/** Bytes of entries from which on a block is full. */
export const FULL_BLOCK_BYTES = 16 * 1024

/** A block to be written. */
export interface NewBlock extends BlockSpan {
  readonly slots: readonly BlockSlot[]
}

/** Blocks that a commit writes and deletes. */
export interface BlockChange {
  /** In the order of their positions. */
  readonly added: readonly NewBlock[]
  /** First positions of the blocks whose entries stand in others from now on. */
  readonly removed: readonly number[]
  readonly open: OpenBlocks
}

/**
 * The small blocks at the end of a log:
 *
 * ```
 * │ full │ full │ full │ small │ small │ small │
 *                      └ openFrom              └ size
 * ```
 *
 * A commit writes its entries as a block of their own. Once the small blocks and the entries of a commit amount to a full
 * block, that commit writes all of them as full blocks and deletes the small ones: so each entry is written twice at most,
 * and that of a large commit once. It is a value: {@link add} returns another one.
 */
export class OpenBlocks {
  /** Position of the first entry in a small block. */
  readonly from: number
  /** First positions of the small blocks. */
  readonly #starts: readonly number[]
  /** Their slots. */
  readonly #slots: readonly BlockSlot[]
  readonly #bytes: number

  static startingAt(size: number): OpenBlocks {
    return new OpenBlocks(size, [], [])
  }

  /** @param starts - first positions of the small blocks, whose slots are `slots` */
  constructor(from: number, starts: readonly number[], slots: readonly BlockSlot[]) {
    this.from = from
    this.#starts = starts
    this.#slots = slots
    this.#bytes = slots.reduce((sum, slot) => sum + bytesOf(slot), 0)
  }

  /** There is no small block. */
  get isEmpty(): boolean {
    return this.#starts.length === 0
  }

  /** Returns the blocks that a commit of these entries writes and deletes. @param size - position of the first of them */
  add(entries: readonly BlockEntry[], size: number): BlockChange {
    let bytes = this.#bytes
    for (const entry of entries) bytes += entry.byteLength
    if (bytes < FULL_BLOCK_BYTES && this.#slots.length + entries.length < MAX_SLOTS) {
      const added = entries.length === 0 ? [] : [{ firstSeq: size, end: size + entries.length, slots: entries }]
      const starts = entries.length === 0 ? this.#starts : [...this.#starts, size]
      return { added, removed: [], open: new OpenBlocks(this.from, starts, [...this.#slots, ...entries]) }
    }
    const slots = this.#slots.length === 0 ? entries : [...this.#slots, ...entries]
    const added: NewBlock[] = []
    let start = 0
    let left = bytes
    let inBlock = 0
    for (let at = 0; at < slots.length; at++) {
      const slotBytes = bytesOf(slots[at] as BlockSlot)
      inBlock += slotBytes
      left -= slotBytes
      // What would not fill a block of its own goes into the last one.
      const isFull = (inBlock >= FULL_BLOCK_BYTES && left >= FULL_BLOCK_BYTES) || at + 1 - start === MAX_SLOTS
      if (!isFull && at + 1 < slots.length) continue
      added.push({ firstSeq: this.from + start, end: this.from + at + 1, slots: slots.slice(start, at + 1) })
      start = at + 1
      inBlock = 0
    }
    // The first of the new blocks takes the place of the first small one.
    return { added, removed: this.#starts.slice(1), open: OpenBlocks.startingAt(this.from + slots.length) }
  }

  has(seq: number): boolean {
    return seq >= this.from && seq < this.from + this.#slots.length
  }

  /** Returns a copy of the bytes of an entry, which a later commit writes; `undefined` when it was removed. */
  entry(seq: number): Uint8Array | undefined {
    const slot = this.#slots[seq - this.from]
    return slot && !isRemoved(slot) ? new Uint8Array(slot.bytes) : undefined
  }

  /** Returns what is left of an entry that was removed; `undefined` for any other. */
  removed(seq: number): RemovedSlot | undefined {
    const slot = this.#slots[seq - this.from]
    return slot && isRemoved(slot) ? slot : undefined
  }

  /** Returns all of them as one block; `undefined` where there are none. */
  asBlock(): Block | undefined {
    return this.isEmpty ? undefined : new Block(this.from, Buffer.from(encodeBlock(this.#slots)))
  }
}

function bytesOf(slot: BlockSlot): number {
  return isRemoved(slot) ? 0 : slot.byteLength
}
