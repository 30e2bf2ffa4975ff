import { readSeq, SEQ_BYTES, writeSeq } from '../../seq-bytes.js'
import { PAGE_POSITIONS } from './keys.js'

/*
 * The directory tells in which block an entry is. A page is about 256 positions:
 *
 *   first slot's position of the block that the page's first position is in (8) | for each position, a bit: a block begins
 *
 * With it an entry takes two reads of one key each, and nothing is searched for. A page is stored once all its blocks are
 * full; what those at the end of a log say follows from the blocks.
 */

const PAGE_BYTES = SEQ_BYTES + PAGE_POSITIONS / 8

export function pageOf(seq: number): number {
  return Math.floor(seq / PAGE_POSITIONS)
}

/**
 * Returns the first position of the block that has a position.
 *
 * @param page - the value of the page of `seq`
 * @throws RangeError when the page tells what no log has
 */
export function blockOf(seq: number, page: Uint8Array): number {
  // Attacker-controlled: a page of the directory; its length is fixed, and it may name no block behind the entry.
  if (page.length !== PAGE_BYTES) throw new RangeError(`The directory page of entry ${seq} is malformed`)
  const start = pageOf(seq) * PAGE_POSITIONS
  for (let at = seq - start; at >= 0; at--) {
    if (((page[SEQ_BYTES + (at >> 3)] as number) >> (at & 7)) & 1) return start + at
  }
  const before = readSeq(page, 0)
  if (before >= start) throw new RangeError(`The directory page of entry ${seq} tells of no block for it`)
  return before
}

/** A block that begins or that gave way to another one. */
export interface BlockSpan {
  readonly firstSeq: number
  /** Position behind its last slot. */
  readonly end: number
}

/**
 * The pages that blocks may still change, those from the oldest small block on. It is a value: {@link change} returns
 * another one, so that nothing has to be undone when a commit fails.
 */
export class OpenPages {
  readonly #pages: ReadonlyMap<number, Buffer>

  constructor(pages: ReadonlyMap<number, Buffer> = new Map()) {
    this.#pages = pages
  }

  /** The value of a page; `undefined` for one that does not change any more. */
  page(page: number): Uint8Array | undefined {
    return this.#pages.get(page)
  }

  /**
   * Returns the pages after a commit, and those that do not change any more from then on.
   *
   * @param removed - positions at which no block begins any more
   * @param added - in the order of their positions
   * @param openFrom - the first position of the oldest small block
   */
  change(
    removed: readonly number[],
    added: readonly BlockSpan[],
    openFrom: number,
  ): { readonly pages: OpenPages; readonly closed: readonly (readonly [page: number, value: Buffer])[] } {
    const pages = new Map(this.#pages)
    const changed = new Set<number>()
    const writable = (page: number, firstSeq: number): Buffer => {
      const before = pages.get(page)
      if (before && changed.has(page)) return before
      const value = before ? Buffer.from(before) : newPage(firstSeq)
      pages.set(page, value)
      changed.add(page)
      return value
    }
    for (const seq of removed) {
      const byte = byteOf(seq)
      const page = writable(pageOf(seq), seq)
      page[byte] = (page[byte] as number) & ~(1 << (seq & 7))
    }
    for (const { firstSeq, end } of added) {
      const byte = byteOf(firstSeq)
      const page = writable(pageOf(firstSeq), firstSeq)
      page[byte] = (page[byte] as number) | (1 << (firstSeq & 7))
      for (let spanned = pageOf(firstSeq) + 1; spanned * PAGE_POSITIONS < end; spanned++) {
        writeSeq(writable(spanned, firstSeq), firstSeq, 0)
      }
    }
    const oldest = pageOf(openFrom)
    const closed = [...pages].filter(([page]) => page < oldest)
    for (const [page] of closed) pages.delete(page)
    return { pages: new OpenPages(pages), closed }
  }
}

/** Returns the byte in a page that has the bit of a position. */
function byteOf(seq: number): number {
  return SEQ_BYTES + ((seq % PAGE_POSITIONS) >> 3)
}

function newPage(before: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES)
  writeSeq(page, before, 0)
  return page
}
