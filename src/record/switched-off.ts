import { type Context, createContextKey } from '@opentelemetry/api'
import { recordListeners } from './listeners.js'

const FLOW_KEY = createContextKey('spanledger.switched-off.v1')

/** A flow of calls in which auditing is switched off: one identity for all that runs in it. */
export type SuppressedCalls = object

/** Returns the innermost such flow that the context is in. Auditing may have been switched on again inside of it. */
export function suppressedCallsIn(context: Context): SuppressedCalls | undefined {
  return context.getValue(FLOW_KEY) as SuppressedCalls | undefined
}

/** Returns a context that begins such a flow. */
export function withSuppressedCalls(context: Context): Context {
  return context.setValue(FLOW_KEY, Object.freeze({}))
}

/**
 * Reports to the listeners when such a flow begins and when it ends: with `run`, or with the promise that it returns. Whatever
 * else it returns that can be awaited is handed on untouched, and its end is not known.
 *
 * @param outer - the context around the flow
 */
export function runReporting<T>(flow: SuppressedCalls, outer: Context, run: () => T): T {
  for (const listener of recordListeners()) listener.onSwitchedOff?.(flow, outer)
  let result: T
  try {
    result = run()
  } catch (thrown) {
    reportEnd(flow)
    throw thrown
  }
  if (isPlainPromise(result)) return result.finally(() => reportEnd(flow)) as T
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') reportEnd(flow)
  return result
}

/** Reports to the listeners that a span was not even started, since auditing is off. */
export function reportSpanNotStarted(context: Context): void {
  for (const listener of recordListeners()) listener.onSpanNotStarted?.(context)
}

function reportEnd(flow: SuppressedCalls): void {
  for (const listener of recordListeners()) listener.onSwitchedOn?.(flow)
}

/** Others are lazy, or more than a promise: what they are must not change. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && value.constructor === Promise
}
