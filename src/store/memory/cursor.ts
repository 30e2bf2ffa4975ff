import type { SeqCursor, Walk } from '../contract.js'
import { lowerBound } from '../walk.js'

/** The most positions or entries that one read returns. */
export const CHUNK_LENGTH = 256

/** Walks an ascending array that may grow behind the walk. */
export class ArrayCursor implements SeqCursor {
  readonly #seqs: readonly number[]
  readonly #reverse: boolean
  readonly #assertOpen: () => void
  /** The indexes that are left: `[#from, #to)`. */
  #from: number
  #to: number

  constructor(seqs: readonly number[], walk: Walk, assertOpen: () => void) {
    this.#seqs = seqs
    this.#reverse = walk.reverse
    this.#assertOpen = assertOpen
    this.#from = lowerBound(seqs, walk.from)
    this.#to = lowerBound(seqs, walk.to)
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    this.#assertOpen()
    if (target !== undefined) {
      if (this.#reverse) this.#to = Math.min(this.#to, lowerBound(this.#seqs, target + 1))
      else this.#from = Math.max(this.#from, lowerBound(this.#seqs, target))
    }
    if (this.#from >= this.#to) return undefined
    if (this.#reverse) {
      const end = this.#to
      this.#to = Math.max(this.#from, end - CHUNK_LENGTH)
      return this.#seqs.slice(this.#to, end).reverse()
    }
    const start = this.#from
    this.#from = Math.min(this.#to, start + CHUNK_LENGTH)
    return this.#seqs.slice(start, this.#from)
  }

  async close(): Promise<void> {
    this.#to = this.#from
  }
}
