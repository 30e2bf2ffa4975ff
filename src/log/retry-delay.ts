/** Wait after the first failed attempt of an episode; it doubles with each further one. */
export const FIRST_RETRY_DELAY_MILLIS = 100
/** Longest wait between two attempts to write. */
export const LAST_RETRY_DELAY_MILLIS = 30_000

/** Returns the wait after so many attempts that failed. */
export function retryDelayMillis(failedAttempts: number): number {
  return Math.min(FIRST_RETRY_DELAY_MILLIS * 2 ** (failedAttempts - 1), LAST_RETRY_DELAY_MILLIS)
}
