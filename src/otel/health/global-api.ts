import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'

/*
 * The registrations in OpenTelemetry's global API. All copies of `@opentelemetry/api` of one major version share the
 * registry under this symbol, which is the documented contract between them; each has a `trace` object of its own.
 */
const REGISTRY = Symbol.for('opentelemetry.js.api.1')
const PROBE_KEY = createContextKey('spanledger.context-probe')

/** Tells whether anybody has registered a tracer provider. */
export function hasGlobalProvider(): boolean {
  const registry = (globalThis as { [REGISTRY]?: { readonly trace?: unknown } })[REGISTRY]
  return registry?.trace !== undefined
}

/** Tells whether a context stays active for what runs in it. Without a context manager the API forgets it at once. */
export function hasContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(PROBE_KEY, true)
  return context.with(probe, () => context.active().getValue(PROBE_KEY) === true)
}
