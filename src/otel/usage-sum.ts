import type { TokenUsage } from '../events/index.js'

/** Some of what a report of token usage says. */
type Reported = { readonly [Field in keyof TokenUsage]?: TokenUsage[Field] | undefined }

const FIELDS = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'cachedInputTokens',
  'cacheCreationInputTokens',
  'reasoningTokens',
  'costUsd',
] as const satisfies readonly (keyof TokenUsage)[]

/** Adds every field that the report has; a field nobody reports stays away. */
export function usagePlus(sum: TokenUsage | undefined, report: Reported): TokenUsage {
  const total: TokenUsage = { inputTokens: 0, outputTokens: 0, totalTokens: 0, ...sum }
  for (const field of FIELDS) {
    const value = report[field]
    if (value !== undefined) total[field] = (total[field] ?? 0) + value
  }
  return total
}

/** What a report says beyond what is known already; nothing ever counts as less than none. */
export function usageBeyond<R extends Reported>(report: R, known: TokenUsage): R {
  const rest: { [Field in keyof TokenUsage]?: number | undefined } = {}
  for (const field of FIELDS) {
    const value = report[field]
    if (value !== undefined) rest[field] = Math.max(0, value - (known[field] ?? 0))
  }
  return { ...report, ...rest }
}
