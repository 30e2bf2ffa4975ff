import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DurationHistogram } from './duration-histogram.js'

function exact(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] as number
}

test('quantiles are within one per cent of the exact ones, from microseconds to years', () => {
  const millis = fc.oneof(fc.double({ min: 0.001, max: 1e12, noNaN: true }), fc.integer({ min: 1, max: 500 }))
  fc.assert(
    fc.property(fc.array(millis, { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = new DurationHistogram()
      for (const value of values) histogram.add(value)
      const sorted = values.toSorted((a, b) => a - b)
      const { count, p50Ms, p95Ms, minMs, maxMs } = histogram.durations() ?? expect.unreachable()
      expect([count, minMs, maxMs]).toEqual([values.length, sorted[0], sorted.at(-1)])
      for (const [told, share] of [
        [p50Ms, 0.5],
        [p95Ms, 0.95],
      ] as const) {
        expect(Math.abs(told - exact(sorted, share)) / exact(sorted, share)).toBeLessThanOrEqual(0.010001)
      }
    }),
  )
})

test('nothing, next to nothing and far too much are counted', () => {
  const histogram = new DurationHistogram()
  expect(histogram.durations()).toBeUndefined()
  for (const value of [0, 1e-9, Number.MAX_VALUE]) histogram.add(value)
  expect(histogram.durations()).toMatchObject({ count: 3, minMs: 0, maxMs: Number.MAX_VALUE })
})
