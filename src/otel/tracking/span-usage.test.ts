import { describe, expect, test } from 'vitest'
import { SpanUsage } from './span-usage.js'

const tokens = (inputTokens: number, outputTokens = 0) => ({
  inputTokens,
  outputTokens,
  totalTokens: inputTokens + outputTokens,
})

describe('the usage of a span', () => {
  test('is the sum of what is counted, and of one reporter or of several', () => {
    const usage = new SpanUsage()
    expect([usage.counted, usage.countedBy]).toEqual([undefined, undefined])
    usage.count(tokens(3), 'a')
    usage.count(tokens(4), 'a')
    expect([usage.counted, usage.countedBy]).toEqual([tokens(7), 'a'])
    usage.count(tokens(1), 'b')
    usage.count(tokens(1), 'a')
    expect([usage.counted, usage.countedBy]).toEqual([tokens(9), '*'])
  })

  test('has no reporter of tokens that are of a run inside', () => {
    const usage = new SpanUsage()
    usage.count(tokens(3), undefined)
    expect([usage.counted, usage.countedBy]).toEqual([tokens(3), undefined])
    usage.count(tokens(3), 'a')
    usage.count(tokens(3), undefined)
    expect(usage.countedBy).toBe('a')
  })

  test('covers, with its sum, what had started inside of it by its end, once', () => {
    const usage = new SpanUsage()
    expect(usage.beyondSum(tokens(10), 1)).toEqual(tokens(10))
    usage.close(tokens(10), 5)
    expect(usage.beyondSum(tokens(6), 6)).toEqual(tokens(6))
    expect(usage.beyondSum(tokens(6), 5)).toEqual(tokens(0))
    expect(usage.beyondSum(tokens(6), 4)).toEqual(tokens(2))
    expect(usage.beyondSum(tokens(6), 3)).toEqual(tokens(6))
  })
})
