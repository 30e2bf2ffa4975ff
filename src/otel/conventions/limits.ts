const QUOTA_CODES = new Set(['insufficient_quota', 'quota_exceeded', 'billing_hard_limit_reached'])
const QUOTA_TEXT =
  /insufficient_quota|exceeded your current quota|quota (?:has been )?(?:exceeded|exhausted)|credit balance is too low/i

/** Whether an error says that a quota is used up, as distinct from a rate limit that passes. */
export function isQuotaExhausted(code: string, message: string): boolean {
  return QUOTA_CODES.has(code) || QUOTA_TEXT.test(message)
}
