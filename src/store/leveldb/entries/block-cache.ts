import type { Block } from './block.js'

/** Bytes of blocks that a log keeps at hand. */
const MAX_BYTES = 4 * 2 ** 20
/** Blocks that were read once and are remembered for it: those of one long walk do not reach so far. */
const MAX_SEEN = 1024
/** Pages of the directory that a log keeps at hand: those of a million entries. */
const MAX_PAGES = 4096

/**
 * Blocks and directory pages that were read last, within bounds. A block is kept when it is read again: those of a walk that
 * reads each block once would only push out the others, and memory that has grown old costs the garbage collector more.
 */
export class BlockCache {
  readonly #blocks = new Map<number, Block>()
  readonly #pages = new Map<number, Uint8Array>()
  /** First positions of blocks that were read once, the latest at the end. */
  readonly #seen = new Set<number>()
  #bytes = 0

  block(firstSeq: number): Block | undefined {
    const block = this.#blocks.get(firstSeq)
    if (!block) return undefined
    // The oldest come first in a Map: this one is the newest now.
    this.#blocks.delete(firstSeq)
    this.#blocks.set(firstSeq, block)
    return block
  }

  /** Takes a block that was read, to keep it if it is read for the second time. */
  addBlock(block: Block): void {
    if (!this.#seen.delete(block.firstSeq)) {
      this.#remember(block.firstSeq)
      return
    }
    this.#remove(block.firstSeq)
    this.#blocks.set(block.firstSeq, block)
    this.#bytes += block.bytes
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= MAX_BYTES) return
      this.#remove(oldest)
    }
  }

  page(page: number): Uint8Array | undefined {
    return this.#pages.get(page)
  }

  addPage(page: number, value: Uint8Array): void {
    if (this.#pages.size >= MAX_PAGES) this.#pages.clear()
    this.#pages.set(page, value)
  }

  #remember(firstSeq: number): void {
    this.#seen.add(firstSeq)
    if (this.#seen.size <= MAX_SEEN) return
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      return
    }
  }

  #remove(firstSeq: number): void {
    this.#bytes -= this.#blocks.get(firstSeq)?.bytes ?? 0
    this.#blocks.delete(firstSeq)
  }
}
