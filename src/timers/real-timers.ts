import { clearImmediate, clearTimeout, setImmediate, setTimeout } from 'node:timers'
import { afterThisTurn, startUnstoppedTimer } from './unstopped-timer.js'

/*
 * Tests replace timers by fake ones that stand still: `useFakeTimers()` of Vitest, Jest and Sinon, `mock.timers` of
 * node:test. A log that waited for those would never answer. So the real ones are taken here, once, when the package is loaded,
 * and no other source file uses a timer. Fakes that are there before the package are told by their looks, and a timer
 * that nobody replaces is used instead.
 *
 * The times of events are another matter: they are the application's own. `Date` and `performance.now()` are asked for
 * them at each event, so that a test that sets the time finds it in its events.
 */

/** Calls back once after a delay. @returns what cancels it */
export type StartTimer = (delayMillis: number, callback: () => void) => () => void

const realSetTimeout = realOf(setTimeout, globalThis.setTimeout)
const realClearTimeout = realOf(clearTimeout, globalThis.clearTimeout)
const realSetImmediate = realOf(setImmediate, globalThis.setImmediate)
const realClearImmediate = realOf(clearImmediate, globalThis.clearImmediate)
const uptime = process.uptime
const settled = Promise.resolve()

/** Starts a timer that keeps the process alive until it has called back. */
export function startTimer(delayMillis: number, callback: () => void): () => void {
  if (!realSetTimeout || !realClearTimeout) return startUnstoppedTimer(delayMillis, callback, true)
  const timer = realSetTimeout(callback, delayMillis)
  return () => realClearTimeout(timer)
}

/** Starts a timer that does not keep the process alive. */
export function startUnrefTimer(delayMillis: number, callback: () => void): () => void {
  if (!realSetTimeout || !realClearTimeout) return startUnstoppedTimer(delayMillis, callback, false)
  const timer = realSetTimeout(callback, delayMillis)
  timer.unref()
  return () => realClearTimeout(timer)
}

/** Calls back again and again without keeping the process alive. @returns what ends it */
export function startUnrefInterval(delayMillis: number, callback: () => void): () => void {
  let cancel = () => {}
  const next = () => {
    cancel = startUnrefTimer(delayMillis, () => {
      next()
      callback()
    })
  }
  next()
  return () => cancel()
}

/** Calls back at the end of this turn of the event loop, and keeps the process alive until then. @returns what cancels it */
export function atEndOfTurn(callback: () => void): () => void {
  if (!realSetImmediate || !realClearImmediate) return afterThisTurn(callback, true)
  const immediate = realSetImmediate(callback)
  return () => realClearImmediate(immediate)
}

/** Calls back at the end of this turn of the event loop, unless the process ends before. */
export function atEndOfTurnUnref(callback: () => void): void {
  if (!realSetImmediate) afterThisTurn(callback, false)
  else realSetImmediate(callback).unref()
}

/** Resolves at the end of this turn of the event loop. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    atEndOfTurn(resolve)
  })
}

/** Calls back before this turn of the event loop goes on. The callback must not throw. */
export function soon(callback: () => void): void {
  settled.then(callback)
}

/** Resolves after a delay, or as soon as the signal aborts. Keeps the process alive until then. */
export function delay(delayMillis: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const cancel = startTimer(delayMillis, end)
    signal?.addEventListener('abort', end)
  })
}

/** Returns milliseconds since the process began, by a clock that is never set. */
export function monotonicMillis(): number {
  return uptime.call(process) * 1000
}

function realOf<Timer extends object>(...timers: readonly Timer[]): Timer | undefined {
  return timers.find((timer) => !isFake(timer))
}

/** Tells a timer of Sinon's (Vitest, Jest), of Jest's older kind, or of node:test. */
function isFake(timer: object & { readonly name?: string }): boolean {
  return 'clock' in timer || '_isMockFunction' in timer || timer.name?.startsWith('bound ') === true
}
