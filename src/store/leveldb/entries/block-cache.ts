import type { Block } from './block.js'

/** Bytes of blocks that a log keeps at hand. */
const MAX_BYTES = 4 * 2 ** 20
/** Pages of the directory that a log keeps at hand: those of a million entries. */
const MAX_PAGES = 4096

/** Blocks and directory pages that were read last, within bounds. */
export class BlockCache {
  readonly #blocks = new Map<number, Block>()
  readonly #pages = new Map<number, Uint8Array>()
  #bytes = 0

  block(firstSeq: number): Block | undefined {
    const block = this.#blocks.get(firstSeq)
    if (!block) return undefined
    // The oldest come first in a Map: this one is the newest now.
    this.#blocks.delete(firstSeq)
    this.#blocks.set(firstSeq, block)
    return block
  }

  addBlock(block: Block): void {
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

  #remove(firstSeq: number): void {
    this.#bytes -= this.#blocks.get(firstSeq)?.bytes ?? 0
    this.#blocks.delete(firstSeq)
  }
}
