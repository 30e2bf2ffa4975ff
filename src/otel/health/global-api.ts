import { context, createContextKey, ROOT_CONTEXT, type TracerProvider, trace } from '@opentelemetry/api'

/*
 * What is registered in OpenTelemetry's global API. All copies of `@opentelemetry/api` of one major version share the
 * registry under this symbol, which is the documented contract between them; each has a `trace` object of its own.
 */
const REGISTRY = Symbol.for('opentelemetry.js.api.1')
const PROBE_KEY = createContextKey('spanledger.context-probe')

/** Tells whether anybody has registered a tracer provider. */
export function hasGlobalProvider(): boolean {
  const registry = (globalThis as { [REGISTRY]?: { readonly trace?: unknown } })[REGISTRY]
  return registry?.trace !== undefined
}

/** Returns the tracer provider that was registered, without the API's proxy around it. */
function globalProvider(): TracerProvider {
  const provider = trace.getTracerProvider() as TracerProvider & { getDelegate?(): TracerProvider }
  return typeof provider.getDelegate === 'function' ? provider.getDelegate() : provider
}

/** Tells whether a context stays active for what runs in it. Without a context manager the API forgets it at once. */
export function hasContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(PROBE_KEY, true)
  return context.with(probe, () => context.active().getValue(PROBE_KEY) === true)
}

/**
 * Flushes the global tracer provider, which every SDK passes on to its span processors: those that hear of it are
 * registered there. No span has to be made for that, which other processors would export.
 *
 * @returns whether the provider can be flushed at all. What it rejects with is no concern of this package.
 */
export async function flushGlobalProvider(): Promise<boolean> {
  const provider = globalProvider() as TracerProvider & { forceFlush?(): Promise<void> }
  if (typeof provider.forceFlush !== 'function') return false
  try {
    await provider.forceFlush()
  } catch {
    // An exporter that cannot be reached.
  }
  return true
}
