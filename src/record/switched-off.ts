import { type Context, createContextKey } from '@opentelemetry/api'
import { recordListeners } from './listeners.js'

const STRETCH_KEY = createContextKey('spanledger.switched-off.v1')

/** A flow of calls in which auditing is switched off: one identity for all that runs in it. */
export type Stretch = object

/** Returns the innermost stretch that the context is in. It tells nothing of whether auditing was switched on again. */
export function stretchIn(context: Context): Stretch | undefined {
  return context.getValue(STRETCH_KEY) as Stretch | undefined
}

/** A context that begins a stretch. */
export function withStretch(context: Context): Context {
  return context.setValue(STRETCH_KEY, Object.freeze({}))
}

/**
 * Tells the listeners when a stretch begins and when it ends: with `run`, or with the promise that it returns. Whatever
 * else it returns that can be awaited is handed on untouched, and its end is not known.
 *
 * @param outer - the context around the stretch
 */
export function runReporting<T>(stretch: Stretch, outer: Context, run: () => T): T {
  for (const listener of recordListeners()) listener.onSwitchedOff?.(stretch, outer)
  let result: T
  try {
    result = run()
  } catch (thrown) {
    reportSwitchedOn(stretch)
    throw thrown
  }
  if (isPlainPromise(result)) return result.finally(() => reportSwitchedOn(stretch)) as T
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') reportSwitchedOn(stretch)
  return result
}

/** Tells the listeners that a span was not even started, since auditing is off. */
export function reportSpanNotStarted(context: Context): void {
  for (const listener of recordListeners()) listener.onSpanNotStarted?.(context)
}

function reportSwitchedOn(stretch: Stretch): void {
  for (const listener of recordListeners()) listener.onSwitchedOn?.(stretch)
}

/** Others are lazy, or more than a promise: what they are must not change. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && value.constructor === Promise
}
