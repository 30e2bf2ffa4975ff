import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api'

// One for all copies of the package, like the registry of listeners.
const FALLBACK = Symbol.for('spanledger.flow.v1')

function fallback(): AsyncLocalStorage<Context> {
  const registry = globalThis as { [FALLBACK]?: AsyncLocalStorage<Context> }
  registry[FALLBACK] ??= new AsyncLocalStorage()
  return registry[FALLBACK]
}

/** The active context; in an application without OpenTelemetry's context manager, the one that {@link runIn} keeps. */
export function activeContext(): Context {
  const active = context.active()
  return active === ROOT_CONTEXT ? (fallback().getStore() ?? active) : active
}

/**
 * Runs `fn` with a context active for it and all asynchronous work it starts. Every SDK registers a context manager that
 * sees to it; without one OpenTelemetry forgets the context at once, and it is kept here instead.
 */
export function runIn<T>(within: Context, fn: () => T): T {
  return context.with(within, () => (context.active() === within ? fn() : fallback().run(within, fn)))
}
