import type { TokenUsage } from './types.js'

/** Some of what a report of token usage says. */
type Reported = { readonly [Field in keyof TokenUsage]?: TokenUsage[Field] | undefined }

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

/** What a report says beyond what is known already; nothing ever counts as less than none. */
export function usageBeyond<R extends Reported>(report: R, known: TokenUsage): R {
  const rest: { [Field in keyof TokenUsage]?: number | undefined } = {}
  for (const field of USAGE_FIELDS) {
    const value = report[field]
    if (value !== undefined) rest[field] = Math.max(0, value - (known[field] ?? 0))
  }
  return { ...report, ...rest }
}
