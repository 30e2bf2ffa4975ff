import type { SeqCursor, SeqRange } from '../../store/contract.js'

/**
 * One side of a {@link Join}: a set of positions, walked in one direction; `ahead` means further along it. It answers
 * from what it has at hand, without a promise; only when that runs out it loads more. Targets never move back.
 */
export interface PositionIterator {
  /** The first position at or ahead of `target`; {@link pastEnd} when there is none; `undefined` until it is loaded. */
  seek(target: number): number | undefined
  /** Reads on when `seek(target)` was `undefined`; it may take more than one load until there is an answer. */
  load(target: number): Promise<void>
  /** Share of all positions that the iterator has, by the last load. */
  readonly density: number
  /** Number of positions, its own or not, that one load answers for, by the last load. */
  readonly reach: number
  /** Returns the number of its positions that are loaded behind `target`. */
  countBehind(target: number): number
  close(): Promise<void>
}

/** Ahead of every position. */
export function pastEnd(reverse: boolean): number {
  return reverse ? -Infinity : Infinity
}

/** The positions filed under one value of an index. */
export class PostingsIterator implements PositionIterator {
  readonly #cursor: SeqCursor
  readonly #reverse: boolean
  #chunk: readonly number[] = []
  #at = 0
  #ended = false
  density = 1
  reach = Infinity

  constructor(cursor: SeqCursor, reverse: boolean) {
    this.#cursor = cursor
    this.#reverse = reverse
  }

  seek(target: number): number | undefined {
    this.#at = firstNotBehind(this.#chunk, this.#at, target, this.#reverse)
    return this.#chunk[this.#at] ?? (this.#ended ? pastEnd(this.#reverse) : undefined)
  }

  async load(target: number): Promise<void> {
    const chunk = await this.#cursor.next(target)
    this.#at = 0
    this.#chunk = chunk ?? []
    const last = this.#chunk.at(-1)
    this.#ended = last === undefined
    this.reach = last === undefined ? Infinity : Math.abs(last - target) + 1
    this.density = this.#chunk.length / this.reach
  }

  countBehind(target: number): number {
    return firstNotBehind(this.#chunk, this.#at, target, this.#reverse) - this.#at
  }

  close(): Promise<void> {
    return this.#cursor.close()
  }
}

/** The positions within any of the ranges, which come disjoint and in walking order. */
export class RangesIterator implements PositionIterator {
  // A range answers for all it spans, and never leads: the others are made of single positions.
  readonly density = Infinity
  readonly reach = Infinity
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

  async load(target: number): Promise<void> {
    do {
      const next = await this.#ranges.next()
      if (next.done) this.#ended = true
      else this.#range = next.value
    } while (this.seek(target) === undefined)
  }

  countBehind(): number {
    return 0
  }

  async close(): Promise<void> {
    await this.#ranges.return?.()
  }
}

/** The positions that at least one of the iterators has, each once. */
export class UnionIterator implements PositionIterator {
  readonly #iterators: readonly PositionIterator[]
  readonly #reverse: boolean

  constructor(iterators: readonly PositionIterator[], reverse: boolean) {
    this.#iterators = iterators
    this.#reverse = reverse
  }

  seek(target: number): number | undefined {
    let nearest = pastEnd(this.#reverse)
    for (const iterator of this.#iterators) {
      const found = iterator.seek(target)
      if (found === undefined) return undefined
      if (this.#reverse ? found > nearest : found < nearest) nearest = found
    }
    return nearest
  }

  async load(target: number): Promise<void> {
    await Promise.all(
      this.#iterators.map((iterator) => (iterator.seek(target) === undefined ? iterator.load(target) : undefined)),
    )
  }

  get density(): number {
    return this.#iterators.reduce((sum, { density }) => sum + density, 0)
  }

  get reach(): number {
    return 1 / this.#iterators.reduce((loadsPerPosition, { reach }) => loadsPerPosition + 1 / reach, 0)
  }

  countBehind(target: number): number {
    return this.#iterators.reduce((sum, iterator) => sum + iterator.countBehind(target), 0)
  }

  close(): Promise<void> {
    return closeAll(this.#iterators)
  }
}

/** Returns the iterator's first position at or ahead of a target, and loads until there is an answer. */
export async function seek(iterator: PositionIterator, target: number): Promise<number> {
  for (;;) {
    const found = iterator.seek(target)
    if (found !== undefined) return found
    await iterator.load(target)
  }
}

export async function closeAll(iterators: readonly PositionIterator[]): Promise<void> {
  await Promise.all(iterators.map((iterator) => iterator.close()))
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
