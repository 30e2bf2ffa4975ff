import type { SeqRange, Walk } from '../contract.js'

const SPAN_LENGTH = 256

/** Earliest and latest `time` of each 256 consecutive positions. A late event widens its own span only. */
export class TimeSpans {
  readonly #spans: { min: string; max: string }[] = []
  #size = 0

  push(time: string): void {
    const span = this.#spans[Math.floor(this.#size / SPAN_LENGTH)]
    if (!span) this.#spans.push({ min: time, max: time })
    else if (time < span.min) span.min = time
    else if (time > span.max) span.max = time
    this.#size++
  }

  *ranges(since: string | undefined, until: string | undefined, walk: Walk): Generator<SeqRange> {
    const { from, to, reverse } = walk
    if (from >= to) return
    const first = Math.floor(from / SPAN_LENGTH)
    const last = Math.floor((to - 1) / SPAN_LENGTH)
    for (let step = 0; step <= last - first; step++) {
      const span = reverse ? last - step : first + step
      const { min, max } = this.#spans[span] as { min: string; max: string }
      if ((since !== undefined && max < since) || (until !== undefined && min >= until)) continue
      yield { from: Math.max(from, span * SPAN_LENGTH), to: Math.min(to, (span + 1) * SPAN_LENGTH) }
    }
  }
}
