/*
 * Stand-ins for exports of `src/timers/real-timers` where a test replaces timers:
 *
 *   vi.mock(import('../timers/real-timers.js'), async (actual) => ({
 *     ...(await actual()),
 *     ...(await import('../../test/support/replaceable-timers.js')),
 *   }))
 */

export function startUnrefTimer(delayMillis: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMillis)
  timer.unref()
  return () => clearTimeout(timer)
}

export function startUnrefInterval(delayMillis: number, callback: () => void): () => void {
  const timer = setInterval(callback, delayMillis)
  timer.unref()
  return () => clearInterval(timer)
}
