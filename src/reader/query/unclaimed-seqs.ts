import type { Walk } from '../../store/contract.js'
import { type Leg, pastEnd, seek } from './legs.js'

/** Positions that are looked at together. */
const WINDOW = 1024

/** Options of {@link UnclaimedSeqs}. */
export interface UnclaimedOptions {
  /** The positions to walk; all of them where it is left out. */
  readonly candidates?: Leg | undefined
  /** Candidates after which the walk ends. */
  readonly limit: number
}

/**
 * Walks positions and leaves out those that were claimed on the way: once one entry of a session is read, the index tells which
 * other positions are of that session.
 */
export class UnclaimedSeqs {
  readonly #walk: Walk
  readonly #candidates: Leg | undefined
  readonly #claims = new Set<Leg>()
  /** Of the positions from `#start` on, in walking order: 1 for a candidate that nobody has claimed. */
  readonly #window = new Uint8Array(WINDOW)
  #start: number
  #at = 0
  #length = 0
  #left: number

  constructor(walk: Walk, { candidates, limit }: UnclaimedOptions) {
    this.#walk = walk
    this.#candidates = candidates
    this.#left = limit
    this.#start = walk.reverse ? walk.to - 1 : walk.from
  }

  /** Number of legs that claim positions ahead. */
  get claims(): number {
    return this.#claims.size
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

  /** Leaves out the positions of a leg from now on. The walk closes the leg. */
  async claim(leg: Leg): Promise<void> {
    this.#claims.add(leg)
    await this.#leaveOut(leg)
  }

  async close(): Promise<void> {
    const legs = this.#candidates ? [this.#candidates, ...this.#claims] : [...this.#claims]
    await Promise.all(legs.map((leg) => leg.close()))
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
    await Promise.all([...this.#claims].map((leg) => this.#leaveOut(leg)))
    return true
  }

  async #leaveOut(leg: Leg): Promise<void> {
    if ((await this.#mark(leg, 0)) !== pastEnd(this.#walk.reverse)) return
    this.#claims.delete(leg)
    await leg.close()
  }

  /** Marks the positions of a leg that are left of the window. @returns the leg's first position behind these */
  async #mark(leg: Leg, mark: 0 | 1): Promise<number> {
    for (let at = this.#at; ; ) {
      const found = await seek(leg, this.#seqAt(at))
      at = this.#walk.reverse ? this.#start - found : found - this.#start
      if (at >= this.#length) return found
      this.#window[at++] = mark
    }
  }

  #seqAt(at: number): number {
    return this.#walk.reverse ? this.#start - at : this.#start + at
  }
}
