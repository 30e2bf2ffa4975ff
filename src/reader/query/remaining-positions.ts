import type { Walk } from '../../store/contract.js'
import { type PositionIterator, pastEnd, seek } from './position-iterators.js'

/** Positions that are looked at together. */
const WINDOW = 1024

/** Options of {@link RemainingPositions}. */
export interface RemainingOptions {
  /** The positions to walk; all of them where it is left out. */
  readonly candidates?: PositionIterator | undefined
  /** Candidates after which the walk ends. */
  readonly limit: number
}

/**
 * Walks positions and leaves out those that were excluded on the way: once one entry of a session is read, the index has the
 * other positions of that session.
 */
export class RemainingPositions {
  readonly #walk: Walk
  readonly #candidates: PositionIterator | undefined
  readonly #exclusions = new Set<PositionIterator>()
  /** For each position from `#start` on, in walking order: 1 for a candidate that is not excluded. */
  readonly #window = new Uint8Array(WINDOW)
  #start: number
  #at = 0
  #length = 0
  #left: number

  constructor(walk: Walk, { candidates, limit }: RemainingOptions) {
    this.#walk = walk
    this.#candidates = candidates
    this.#left = limit
    this.#start = walk.reverse ? walk.to - 1 : walk.from
  }

  /** Number of iterators that exclude positions ahead. */
  get exclusions(): number {
    return this.#exclusions.size
  }

  /** Position of the walk behind which, in walking order, nothing was taken or left out yet. */
  get reached(): number {
    return this.#seqAt(this.#at - 1)
  }

  /** Tells that the walk ended at its limit, before its end. */
  get isCut(): boolean {
    return this.#left <= 0 && this.#at >= this.#length
  }

  /** Returns the next positions, `count` of them unless the walk ends before. */
  async take(count: number): Promise<readonly number[]> {
    const taken: number[] = []
    while (taken.length < count) {
      const at = this.#window.subarray(0, this.#length).indexOf(1, this.#at)
      if (at >= 0) {
        this.#at = at + 1
        taken.push(this.#seqAt(at))
      } else {
        this.#at = this.#length
        if (!(await this.#moveOn())) break
      }
    }
    return taken
  }

  /** Leaves out the positions of an iterator from now on. The walk closes the iterator. */
  async exclude(iterator: PositionIterator): Promise<void> {
    this.#exclusions.add(iterator)
    await this.#leaveOut(iterator)
  }

  async close(): Promise<void> {
    const iterators = this.#candidates ? [this.#candidates, ...this.#exclusions] : [...this.#exclusions]
    await Promise.all(iterators.map((iterator) => iterator.close()))
  }

  /** Opens the next window. @returns false at the end of the walk */
  async #moveOn(): Promise<boolean> {
    if (this.#left <= 0) return false
    const { from, to, reverse } = this.#walk
    const next = this.#seqAt(this.#length)
    const start = this.#candidates ? await seek(this.#candidates, next) : next
    const length = reverse ? start - from + 1 : to - start
    if (!(length > 0)) return false
    this.#start = start
    this.#at = 0
    this.#length = Math.min(length, WINDOW)
    this.#window.fill(this.#candidates ? 0 : 1)
    if (this.#candidates) await this.#mark(this.#candidates, 1)
    for (let at = 0; at < this.#length; at++) this.#left -= this.#window[at] as number
    await Promise.all([...this.#exclusions].map((iterator) => this.#leaveOut(iterator)))
    return true
  }

  async #leaveOut(iterator: PositionIterator): Promise<void> {
    if ((await this.#mark(iterator, 0)) !== pastEnd(this.#walk.reverse)) return
    this.#exclusions.delete(iterator)
    await iterator.close()
  }

  /** Marks the positions of an iterator that are left of the window. @returns the iterator's first position behind these */
  async #mark(iterator: PositionIterator, mark: 0 | 1): Promise<number> {
    for (let at = this.#at; ; ) {
      const found = await seek(iterator, this.#seqAt(at))
      at = this.#walk.reverse ? this.#start - found : found - this.#start
      if (at >= this.#length) return found
      this.#window[at++] = mark
    }
  }

  #seqAt(at: number): number {
    return this.#walk.reverse ? this.#start - at : this.#start + at
  }
}
