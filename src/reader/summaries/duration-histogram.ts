import type { Durations } from './stats-report.js'

/** The greatest error of a quantile, as a share of the exact one. */
const ERROR = 0.01
/*
 * Bucket n counts the values in (GAMMA^(n-1), GAMMA^n], and stands for the one that none of them is further from than
 * ERROR. See DDSketch, https://arxiv.org/abs/1908.10693.
 */
const GAMMA = (1 + ERROR) / (1 - ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** A microsecond and 30,000 years: what lies beyond is counted with these. With the bounds there are 2,100 buckets. */
const SHORTEST_MS = 1e-3
const LONGEST_MS = 1e15

/** Counts durations so that their quantiles can be told, in memory that does not grow with their number. */
export class DurationHistogram {
  readonly #buckets = new Map<number, number>()
  #count = 0
  #sum = 0
  #min = Infinity
  #max = 0

  add(millis: number): void {
    this.#count++
    this.#sum += millis
    if (millis < this.#min) this.#min = millis
    if (millis > this.#max) this.#max = millis
    const bucket = Math.ceil(Math.log(Math.min(Math.max(millis, SHORTEST_MS), LONGEST_MS)) / LOG_GAMMA)
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1)
  }

  /** `undefined` when nothing was counted. */
  durations(): Durations | undefined {
    if (this.#count === 0) return undefined
    const [p50Ms, p95Ms] = [this.#quantile(0.5), this.#quantile(0.95)]
    return { count: this.#count, minMs: this.#min, meanMs: this.#sum / this.#count, p50Ms, p95Ms, maxMs: this.#max }
  }

  /** By nearest rank: the smallest value that so large a share of all values does not exceed. */
  #quantile(share: number): number {
    const rank = Math.ceil(share * this.#count)
    let counted = 0
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      counted += count
      if (counted >= rank) return this.#within((2 * GAMMA ** bucket) / (GAMMA + 1))
    }
    return this.#max
  }

  #within(millis: number): number {
    return Math.min(Math.max(millis, this.#min), this.#max)
  }
}
