import type { TokenUsage } from './types.js'

/** The fields of a report of token usage. */
export const USAGE_FIELDS = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'cachedInputTokens',
  'cacheCreationInputTokens',
  'reasoningTokens',
  'costUsd',
] as const satisfies readonly (keyof TokenUsage)[]

export const NO_USAGE: TokenUsage = Object.freeze({ inputTokens: 0, outputTokens: 0, totalTokens: 0 })

/**
 * Adds every field that the report has; a field nobody reports stays away. What was recorded without validation may
 * hold anything, so that what is no number is passed over.
 */
export function usagePlus(sum: TokenUsage = NO_USAGE, report: { readonly [field: string]: unknown }): TokenUsage {
  const total = { ...sum }
  for (const field of USAGE_FIELDS) {
    const value = report[field]
    if (typeof value === 'number') total[field] = (total[field] ?? 0) + value
  }
  return total
}

/**
 * What a report says beyond what is known already; nothing ever counts as less than none, the total is the sum of input and
 * output, and neither the cache nor reasoning exceeds what it is a part of.
 */
export function usageBeyond<R extends TokenUsage>(report: R, known: TokenUsage): R {
  const beyond = (field: keyof TokenUsage, limit = Number.POSITIVE_INFINITY) => {
    const value = report[field]
    return value === undefined ? undefined : Math.min(Math.max(0, value - (known[field] ?? 0)), limit)
  }
  const inputTokens = beyond('inputTokens') ?? 0
  const outputTokens = beyond('outputTokens') ?? 0
  const cachedInputTokens = beyond('cachedInputTokens', inputTokens)
  return {
    ...report,
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    cachedInputTokens,
    cacheCreationInputTokens: beyond('cacheCreationInputTokens', inputTokens - (cachedInputTokens ?? 0)),
    reasoningTokens: beyond('reasoningTokens', outputTokens),
    costUsd: beyond('costUsd'),
  }
}
