import { describe, expect, test } from 'vitest'
import type { UsageReport } from '../contract.js'
import { meaningOf } from './usage-meaning.js'

const UNKNOWN = 'my-agent'

function counts(report: UsageReport, scope = UNKNOWN): unknown {
  const { inputTokens, outputTokens, totalTokens } = meaningOf(report, scope)?.usage ?? {}
  return [inputTokens, outputTokens, totalTokens]
}

function confidence(report: UsageReport, scope = UNKNOWN): string | undefined {
  return meaningOf(report, scope)?.confidence
}

describe('the input includes the cache', () => {
  test('where the counts show that it was left out', () => {
    const report = { inputTokens: 3, outputTokens: 4, cachedInputTokens: 17_024, cacheCreationInputTokens: 120 }
    expect(counts(report)).toEqual([17_147, 4, 17_151])
    expect(meaningOf(report, UNKNOWN)).not.toHaveProperty('confidence', 'heuristic')
  })

  test('where the total shows it', () => {
    expect(counts({ inputTokens: 500, outputTokens: 10, totalTokens: 810, cachedInputTokens: 300 })).toEqual([
      800, 10, 810,
    ])
  })

  test('where the instrumentation is known to leave it out, or says so', () => {
    const report = { inputTokens: 500, outputTokens: 10, totalTokens: 510, cachedInputTokens: 300 }
    expect(counts(report, '@traceloop/instrumentation-anthropic')).toEqual([800, 10, 810])
    expect(counts({ ...report, cache: 'beside' })).toEqual([800, 10, 810])
  })

  test('as it was told, where the instrumentation is known to include it', () => {
    const report = { inputTokens: 500, outputTokens: 10, cachedInputTokens: 300, provider: 'anthropic' }
    const scope = '@arizeai/openinference-instrumentation-anthropic'
    expect(counts(report, scope)).toEqual([500, 10, 510])
    expect(confidence(report, scope)).toBeUndefined()
  })

  test('as a guess, where nothing tells and the provider leaves it out', () => {
    const report = { inputTokens: 500, outputTokens: 10, cachedInputTokens: 300 }
    expect(counts({ ...report, provider: 'anthropic' })).toEqual([500, 10, 510])
    expect(confidence({ ...report, model: 'claude-5' })).toBe('heuristic')
    expect(confidence({ ...report, provider: 'openai' })).toBeUndefined()
  })
})

describe('the output includes reasoning', () => {
  test('where the total, or the counts, show that it was left out', () => {
    expect(counts({ inputTokens: 100, outputTokens: 10, totalTokens: 610, reasoningTokens: 500 })).toEqual([
      100, 510, 610,
    ])
    expect(counts({ inputTokens: 100, outputTokens: 600, totalTokens: 1200, reasoningTokens: 500 })).toEqual([
      100, 1100, 1200,
    ])
    expect(counts({ inputTokens: 100, outputTokens: 10, reasoningTokens: 500 })).toEqual([100, 510, 610])
  })

  test('as it was told, where the total is the sum', () => {
    expect(counts({ inputTokens: 100, outputTokens: 600, totalTokens: 700, reasoningTokens: 500 })).toEqual([
      100, 600, 700,
    ])
  })

  test("where only Gemini's total knows of thoughts, as a guess", () => {
    const report = { inputTokens: 100, outputTokens: 10, totalTokens: 610, provider: 'gcp.gemini' }
    expect(counts(report)).toEqual([100, 510, 610])
    expect(confidence(report)).toBe('heuristic')
  })

  test('together with the cache, both left out', () => {
    const report = { inputTokens: 5, outputTokens: 10, totalTokens: 145, cachedInputTokens: 100, reasoningTokens: 30 }
    expect(counts(report)).toEqual([105, 40, 145])
  })
})

describe('what cannot be kept is marked', () => {
  test('a total that is no sum', () => {
    const meant = meaningOf({ inputTokens: 5, outputTokens: 2, totalTokens: 99 }, UNKNOWN)
    expect(meant?.usage.totalTokens).toBe(7)
    expect(meant?.altered).toEqual([{ field: 'data.totalTokens', reason: 'invalid' }])
  })

  test('a total alone', () => {
    const meant = meaningOf({ totalTokens: 12 }, UNKNOWN)
    expect(meant?.usage).toMatchObject({ inputTokens: 12, outputTokens: 0, totalTokens: 12 })
    expect(meant?.altered).toEqual([{ field: 'data.outputTokens', reason: 'missing' }])
  })

  test('nothing at all is no report', () => {
    expect(meaningOf({}, UNKNOWN)).toBeUndefined()
    expect(meaningOf({ inputTokens: 0, outputTokens: 0 }, UNKNOWN)).toBeUndefined()
    expect(meaningOf({ inputTokens: Number.NaN, costUsd: -1 }, UNKNOWN)).toBeUndefined()
  })
})

/** A generator of numbers that gives the same ones in every run of the tests. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

test('whatever is reported, the parts are no more than the whole, and the total is the sum', () => {
  const random = numbers(7)
  const next = () => random.next().value
  const odd = [
    0,
    1,
    -5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1.5,
    Number.MAX_SAFE_INTEGER,
    2 ** 60,
    '7',
    null,
    undefined,
  ]
  const any = () => (next() < 0.2 ? odd[Math.floor(next() * odd.length)] : Math.floor(next() * 1000))
  const fields = [
    'inputTokens',
    'outputTokens',
    'totalTokens',
    'cachedInputTokens',
    'cacheCreationInputTokens',
  ] as const
  const providers = [undefined, 'anthropic', 'gcp.gemini', 'openai']
  for (let i = 0; i < 20_000; i++) {
    const told = [...fields, 'reasoningTokens', 'costUsd'].filter(() => next() < 0.7).map((field) => [field, any()])
    const provider = providers[Math.floor(next() * providers.length)]
    const report = { ...Object.fromEntries(told), provider } as UsageReport
    const usage = meaningOf(report, next() < 0.5 ? UNKNOWN : '@traceloop/instrumentation-anthropic')?.usage
    if (!usage) continue
    const { inputTokens, outputTokens, totalTokens, cachedInputTokens = 0, cacheCreationInputTokens = 0 } = usage
    const isSound =
      totalTokens === inputTokens + outputTokens &&
      [inputTokens, outputTokens, totalTokens, cachedInputTokens].every((n) => Number.isSafeInteger(n) && n >= 0) &&
      cachedInputTokens + cacheCreationInputTokens <= inputTokens &&
      (usage.reasoningTokens ?? 0) <= outputTokens
    expect(isSound, JSON.stringify({ report, usage })).toBe(true)
  }
})
