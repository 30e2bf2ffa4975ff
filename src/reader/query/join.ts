import type { Walk } from '../../store/contract.js'
import { closeAll, type PositionIterator, pastEnd } from './position-iterators.js'

/**
 * The fewest entries that a load has to settle for it to be cheaper than reading them. Entries that lie apart stand in blocks of
 * their own.
 */
const WORTHWHILE = 4
/** The most positions in a row for which an iterator is not asked: it may have changed, or ended. */
const MAX_UNASKED = 16

/**
 * A leapfrog join: the positions that all of the iterators have.
 *
 *     session  ──3───7──────────21──22──▶   each iterator is asked for the first position at or ahead of the furthest
 *     type     ──────7────12────21──────▶   that another has reached; where all stand at the same one, it is found:
 *     time     ─────[7 … 15]──[20 … 30]─▶   7, 21
 *
 * The sparsest iterator leads. An iterator that is so dense beside it that a load would settle next to nothing is not asked, and
 * the entries have to tell: the position is one that the join is {@link unsure} of.
 */
export class Join {
  readonly #iterators: readonly PositionIterator[]
  readonly #reverse: boolean
  /** For each iterator, how many positions it has not been asked about since its last load. */
  readonly #unasked: number[]
  #target: number
  #unsure: number[] = []

  constructor(iterators: readonly PositionIterator[], { from, to, reverse }: Walk) {
    this.#iterators = iterators
    this.#unasked = iterators.map(() => 0)
    this.#reverse = reverse
    this.#target = reverse ? to - 1 : from
  }

  /** Those of the positions taken last that some iterator may not have. */
  get unsure(): readonly number[] {
    return this.#unsure
  }

  /** The next positions, `count` of them unless the walk ends before. */
  async take(count: number): Promise<readonly number[]> {
    const taken: number[] = []
    this.#unsure = []
    const end = pastEnd(this.#reverse)
    while (taken.length < count) {
      const found = this.#seek()
      if (found === end) break
      if (found === undefined) {
        await this.#load()
        continue
      }
      taken.push(found)
      this.#target = this.#reverse ? found - 1 : found + 1
    }
    return taken
  }

  async close(): Promise<void> {
    await closeAll(this.#iterators)
  }

  /** The first position at or ahead of the target on which all iterators agree; `undefined` when one has to load more. */
  #seek(): number | undefined {
    const end = pastEnd(this.#reverse)
    let candidate = this.#target
    let agreeing = 0
    let assumed = false
    for (let at = 0; agreeing < this.#iterators.length; at = (at + 1) % this.#iterators.length) {
      const found = (this.#iterators[at] as PositionIterator).seek(candidate)
      if (found === end) return end
      if (found === undefined) {
        if (this.#isWorthAsking(at, candidate)) {
          this.#target = candidate
          return undefined
        }
        assumed = true
      }
      agreeing = found === undefined || found === candidate ? agreeing + 1 : 1
      candidate = found ?? candidate
    }
    if (assumed) {
      this.#unsure.push(candidate)
      this.#countUnasked(candidate)
    }
    return candidate
  }

  async #load(): Promise<void> {
    const target = this.#target
    const loads = this.#iterators.map((iterator, at) => {
      if (iterator.seek(target) !== undefined || !this.#isWorthAsking(at, target)) return undefined
      this.#unasked[at] = 0
      return iterator.load(target)
    })
    await Promise.all(loads)
  }

  /** Tells whether one load of this iterator from `target` on would settle what the sparsest iterator has loaded. */
  #isWorthAsking(at: number, target: number): boolean {
    const iterator = this.#iterators[at] as PositionIterator
    if (iterator.reach === Infinity || (this.#unasked[at] as number) >= MAX_UNASKED) return true
    let sparsest = iterator
    for (const other of this.#iterators) if (other.density < sparsest.density) sparsest = other
    if (sparsest === iterator) return true
    return sparsest.countBehind(this.#reverse ? target - iterator.reach : target + iterator.reach) >= WORTHWHILE
  }

  #countUnasked(position: number): void {
    for (const [at, iterator] of this.#iterators.entries()) {
      if (iterator.seek(position) === undefined) this.#unasked[at] = (this.#unasked[at] as number) + 1
    }
  }
}
