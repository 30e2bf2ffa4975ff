import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api'

// One for all copies of the package, like the registry of listeners. Made when it is first needed: where there is a
// context manager it never is, and asking it costs more than all else that a span of no agent kind costs.
const FALLBACK = Symbol.for('spanledger.flow.v1')
const registry = globalThis as { [FALLBACK]?: AsyncLocalStorage<Context> }

/** The active context; in an application without OpenTelemetry's context manager, the one that {@link runIn} keeps. */
export function activeContext(): Context {
  return orKept(context.active())
}

/** The same for a context that is at hand: an SDK without a context manager starts every span in the root context. */
export function orKept(active: Context): Context {
  return active === ROOT_CONTEXT ? (keptContext() ?? active) : active
}

/** The context that {@link keepIn} keeps here; `undefined` outside of it. */
export function keptContext(): Context | undefined {
  return registry[FALLBACK]?.getStore()
}

/**
 * Runs `fn` with a context active for it and all asynchronous work it starts. Every SDK registers a context manager that
 * sees to it; without one OpenTelemetry forgets the context at once, and it is kept here instead.
 */
export function runIn<T>(within: Context, fn: () => T): T {
  return context.with(within, () => (context.active() === within ? fn() : keepIn(within, fn)))
}

/** Runs `fn` with a context that {@link activeContext} returns where no context manager is registered. */
export function keepIn<T>(within: Context, fn: () => T): T {
  registry[FALLBACK] ??= new AsyncLocalStorage()
  return registry[FALLBACK].run(within, fn)
}
