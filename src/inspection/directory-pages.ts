import { pageOf } from '../store/leveldb/entries/directory.js'
import { PAGE_POSITIONS } from '../store/leveldb/entries/keys.js'
import { readSeq, SEQ_BYTES } from '../store/seq-bytes.js'
import type { Findings } from '../verify/findings.js'

const BITS_BYTES = PAGE_POSITIONS / 8

/** The pages of the directory, as the blocks of a span of positions make them. */
export class DirectoryPages {
  readonly #from: number
  readonly #to: number
  readonly #bits: Buffer
  /** By page: first position of the block that reaches into it from the page before. */
  readonly #reachingIn = new Map<number, number>()
  /** Pages of which a position is in no block. */
  readonly #incomplete = new Set<number>()
  readonly #stored = new Map<number, Buffer>()

  /** @param from - begins a page */
  constructor(from: number, to: number) {
    this.#from = from
    this.#to = to
    this.#bits = Buffer.alloc(Math.ceil((to - from) / PAGE_POSITIONS) * BITS_BYTES)
  }

  /** Takes a block. @param end - position behind its last slot */
  add(firstSeq: number, end: number): void {
    const at = firstSeq - this.#from
    if (at >= 0) this.#bits[at >> 3] = (this.#bits[at >> 3] as number) | (1 << (at & 7))
    const first = Math.max(Math.floor(firstSeq / PAGE_POSITIONS) + 1, this.#from / PAGE_POSITIONS)
    for (let page = first; page * PAGE_POSITIONS < Math.min(end, this.#to); page++) this.#reachingIn.set(page, firstSeq)
  }

  /** Takes positions that are in no block. */
  addMissing(from: number, to: number): void {
    const last = Math.floor((to - 1) / PAGE_POSITIONS)
    for (let page = Math.floor(from / PAGE_POSITIONS); page <= last; page++) this.#incomplete.add(page)
  }

  /** Takes a page that is stored. */
  addStored(page: number, value: Uint8Array): void {
    this.#stored.set(page, Buffer.from(value))
  }

  /**
   * Compares them with those that are stored.
   *
   * @param openFrom - position of the first entry in a small block: pages from there on are not stored
   */
  compare(openFrom: number, findings: Findings): void {
    const differs = (page: number, what: string) => {
      const span = { from: page * PAGE_POSITIONS, to: Math.min((page + 1) * PAGE_POSITIONS, this.#to) }
      findings.add('directory_altered', `page ${page} of the directory ${what}`, span)
    }
    const end = Math.min(pageOf(openFrom), Math.ceil(this.#to / PAGE_POSITIONS))
    for (let page = this.#from / PAGE_POSITIONS; page < end; page++) {
      const stored = this.#stored.get(page)
      if (!stored) differs(page, 'is missing')
      else if (!this.#incomplete.has(page) && !this.#isThat(page, stored)) differs(page, 'is not that of its blocks')
    }
    for (const page of this.#stored.keys()) {
      if (page >= end) findings.add('record_unknown', `page ${page} of the directory should not be there yet`)
    }
  }

  #isThat(page: number, value: Uint8Array): boolean {
    const at = (page - this.#from / PAGE_POSITIONS) * BITS_BYTES
    if (value.length !== SEQ_BYTES + BITS_BYTES) return false
    if (!this.#bits.subarray(at, at + BITS_BYTES).equals(value.subarray(SEQ_BYTES))) return false
    // Nobody asks which block reaches into a page where one begins at its first position.
    const reachingIn = this.#reachingIn.get(page)
    return reachingIn === undefined || readSeq(value, 0) === reachingIn
  }
}
