import type { Fact } from '../contract.js'
import type { SpanError } from './outcome.js'

const QUOTA_CODES = new Set(['insufficient_quota', 'quota_exceeded', 'billing_hard_limit_reached'])
const QUOTA_TEXT =
  /insufficient_quota|exceeded your current quota|quota (?:has been )?(?:exceeded|exhausted)|credit balance is too low/i

/** Tells whether an error says that a quota is used up, as distinct from a rate limit that passes. */
function isQuotaExhausted(code: string, message: string): boolean {
  return QUOTA_CODES.has(code) || QUOTA_TEXT.test(message)
}

/**
 * Returns the facts on limits that a failed model call tells of: a quota that is used up is one, a rate limit that passes is an
 * error like any other. Most instrumentations tell them apart in the wording only.
 */
export function quotaFacts({ code, message }: SpanError): readonly Fact[] | undefined {
  if (!isQuotaExhausted(code, message)) return undefined
  const confidence = QUOTA_CODES.has(code) ? undefined : 'heuristic'
  return [{ type: 'usage_limit_exceeded', data: { axis: 'quota' }, confidence }]
}
