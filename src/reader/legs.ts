import type { SeqCursor, SeqRange, Walk } from '../store/contract.js'

/*
 * A leapfrog join. Every leg is a set of positions that is walked in one direction, `ahead` meaning further along it.
 * A leg answers from what it has at hand, without a promise; only when that runs out it is fetched for.
 *
 *   session  ──3───7──────────21──22──▶     each leg is asked for the first position at or ahead of the furthest
 *   type     ─────7────12─────21──────▶     that another has reached; where all stand at the same one, it is found:
 *   time     ─────[7 … 15]──[20 … 30]─▶     7, 21
 */

/** One side of a join. Targets never move back. */
export interface Leg {
  /** The first position at or ahead of `target`; {@link pastEnd} when there is none; `undefined` until it is fetched. */
  seek(target: number): number | undefined
  /** Reads on when `seek(target)` was `undefined`; it may take more than one fetch until there is an answer. */
  fetch(target: number): Promise<void>
  close(): Promise<void>
}

/** Ahead of every position. */
export function pastEnd(reverse: boolean): number {
  return reverse ? -Infinity : Infinity
}

/** The positions filed under one value of an index. */
export class CursorLeg implements Leg {
  readonly #cursor: SeqCursor
  readonly #reverse: boolean
  #chunk: readonly number[] = []
  #at = 0
  #ended = false

  constructor(cursor: SeqCursor, reverse: boolean) {
    this.#cursor = cursor
    this.#reverse = reverse
  }

  seek(target: number): number | undefined {
    this.#at = firstNotBehind(this.#chunk, this.#at, target, this.#reverse)
    return this.#chunk[this.#at] ?? (this.#ended ? pastEnd(this.#reverse) : undefined)
  }

  async fetch(target: number): Promise<void> {
    const chunk = await this.#cursor.next(target)
    this.#ended = chunk === undefined
    this.#chunk = chunk ?? []
    this.#at = 0
  }

  close(): Promise<void> {
    return this.#cursor.close()
  }
}

/** The positions within any of the ranges, which come disjoint and in walking order. */
export class RangesLeg implements Leg {
  readonly #ranges: AsyncIterator<SeqRange>
  readonly #reverse: boolean
  #range: SeqRange | undefined
  #ended = false

  constructor(ranges: AsyncIterable<SeqRange>, reverse: boolean) {
    this.#ranges = ranges[Symbol.asyncIterator]()
    this.#reverse = reverse
  }

  seek(target: number): number | undefined {
    if (this.#ended) return pastEnd(this.#reverse)
    if (!this.#range) return undefined
    const { from, to } = this.#range
    if (this.#reverse) return target >= from ? Math.min(target, to - 1) : undefined
    return target < to ? Math.max(target, from) : undefined
  }

  async fetch(target: number): Promise<void> {
    do {
      const next = await this.#ranges.next()
      if (next.done) this.#ended = true
      else this.#range = next.value
    } while (this.seek(target) === undefined)
  }

  async close(): Promise<void> {
    await this.#ranges.return?.()
  }
}

/** The positions that at least one of the legs has, each once. */
export class UnionLeg implements Leg {
  readonly #legs: readonly Leg[]
  readonly #reverse: boolean

  constructor(legs: readonly Leg[], reverse: boolean) {
    this.#legs = legs
    this.#reverse = reverse
  }

  seek(target: number): number | undefined {
    let nearest = pastEnd(this.#reverse)
    for (const leg of this.#legs) {
      const found = leg.seek(target)
      if (found === undefined) return undefined
      if (this.#reverse ? found > nearest : found < nearest) nearest = found
    }
    return nearest
  }

  async fetch(target: number): Promise<void> {
    await Promise.all(this.#legs.map((leg) => (leg.seek(target) === undefined ? leg.fetch(target) : undefined)))
  }

  close(): Promise<void> {
    return closeAll(this.#legs)
  }
}

/** The positions that all of the legs have. */
export class IntersectionLeg implements Leg {
  readonly #legs: readonly Leg[]
  readonly #reverse: boolean
  #ended = false

  constructor(legs: readonly Leg[], reverse: boolean) {
    this.#legs = legs
    this.#reverse = reverse
  }

  seek(target: number): number | undefined {
    const end = pastEnd(this.#reverse)
    if (this.#ended) return end
    let candidate = target
    let agreeing = 0
    while (agreeing < this.#legs.length) {
      for (const leg of this.#legs) {
        const found = leg.seek(candidate)
        if (found === undefined || found === end) return found
        agreeing = found === candidate ? agreeing + 1 : 1
        candidate = found
        if (agreeing === this.#legs.length) break
      }
    }
    return candidate
  }

  async fetch(target: number): Promise<void> {
    const end = pastEnd(this.#reverse)
    let candidate = target
    const waiting: Leg[] = []
    for (const leg of this.#legs) {
      const found = leg.seek(candidate)
      if (found === undefined) waiting.push(leg)
      else candidate = found
    }
    this.#ended = candidate === end
    if (!this.#ended) await Promise.all(waiting.map((leg) => leg.fetch(candidate)))
  }

  close(): Promise<void> {
    return closeAll(this.#legs)
  }
}

/** Takes the positions of a leg within a walk, a batch at a time. */
export class PositionWalk {
  readonly #leg: Leg
  readonly #reverse: boolean
  #target: number

  constructor(leg: Leg, { from, to, reverse }: Walk) {
    this.#leg = leg
    this.#reverse = reverse
    this.#target = reverse ? to - 1 : from
  }

  /** The next positions, `count` of them unless the walk ends before. */
  async take(count: number): Promise<readonly number[]> {
    const taken: number[] = []
    const end = pastEnd(this.#reverse)
    while (taken.length < count) {
      const found = this.#leg.seek(this.#target)
      if (found === undefined) {
        await this.#leg.fetch(this.#target)
        continue
      }
      if (found === end) break
      taken.push(found)
      this.#target = this.#reverse ? found - 1 : found + 1
    }
    return taken
  }

  close(): Promise<void> {
    return this.#leg.close()
  }
}

async function closeAll(legs: readonly Leg[]): Promise<void> {
  await Promise.all(legs.map((leg) => leg.close()))
}

/** Index of the first position of a chunk, from `start` on, that is at or ahead of `target`. */
function firstNotBehind(chunk: readonly number[], start: number, target: number, reverse: boolean): number {
  let low = start
  let high = chunk.length
  // Walking on in step with the others asks for the next one mostly: no need to search for it.
  if (low < high && !isBehind(chunk[low] as number, target, reverse)) return low
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBehind(chunk[middle] as number, target, reverse)) low = middle + 1
    else high = middle
  }
  return low
}

function isBehind(position: number, target: number, reverse: boolean): boolean {
  return reverse ? position > target : position < target
}
