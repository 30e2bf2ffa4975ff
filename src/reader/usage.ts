import type { TokenUsage } from '../events/types.js'

const FIELDS = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'cachedInputTokens',
  'cacheCreationInputTokens',
  'reasoningTokens',
  'costUsd',
] as const satisfies readonly (keyof TokenUsage)[]

/** The sum of two reports. A field that neither has stays away, except for the three counts every sum has. */
export function sumOfUsage(sum: TokenUsage, report: Readonly<Record<string, unknown>>): TokenUsage {
  const next = { ...sum }
  for (const field of FIELDS) {
    const value = report[field]
    // What was recorded without validation may hold anything.
    if (typeof value === 'number') next[field] = (next[field] ?? 0) + value
  }
  return next
}

export const NO_USAGE: TokenUsage = Object.freeze({ inputTokens: 0, outputTokens: 0, totalTokens: 0 })
