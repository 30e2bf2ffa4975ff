import type { Tracer, TracerProvider } from '@opentelemetry/api'
import { AwaitedTracer, watchTracer } from './watched-tracer.js'

const WATCHED = Symbol('spanledger.watched')

type GetTracer = (name: string, version?: string, options?: object) => Tracer

/** `ProxyTracerProvider` of the API, whichever copy's: the registered provider is its delegate. */
interface Proxy {
  getDelegate(): TracerProvider
  setDelegate(delegate: TracerProvider): void
  getDelegateTracer(name: string, version?: string, options?: object): Tracer | undefined
}

/** Watches the tracers of the global provider: the proxy in front of it, and what is registered behind that. */
export function watchProvider(provider: object): void {
  if (WATCHED in provider) return
  try {
    if (isProxy(provider)) watchProxy(provider)
    else watchTracersOf(provider as TracerProvider)
  } catch {
    // It is frozen, and no proxy of the API: nothing can be seen of it.
  }
}

function isProxy(provider: object): provider is Proxy {
  const { setDelegate, getDelegateTracer } = provider as Partial<Proxy>
  return typeof setDelegate === 'function' && typeof getDelegateTracer === 'function'
}

function watchProxy(proxy: Proxy): void {
  const { setDelegate, getDelegateTracer } = proxy
  const find: Proxy['getDelegateTracer'] = (name, version, options) => {
    const tracer = getDelegateTracer.call(proxy, name, version, options)
    return tracer && watchTracer(tracer, { name, version })
  }
  define(proxy, 'setDelegate', (delegate: TracerProvider) => {
    setDelegate.call(proxy, delegate)
    watchProvider(delegate)
  })
  define(proxy, 'getDelegateTracer', (name: string, version?: string, options?: object) => {
    return find(name, version, options) ?? new AwaitedTracer({ name, version }, () => find(name, version, options))
  })
  define(proxy, WATCHED, true)
  // Without a provider the delegate is an object that all of the API shares, which stays as it is.
  if (getDelegateTracer.call(proxy, 'spanledger')) watchProvider(proxy.getDelegate())
}

/** Also who has the provider itself, and not by the API, gets tracers that are watched. */
function watchTracersOf(provider: TracerProvider): void {
  const { getTracer } = provider
  define(provider, 'getTracer', ((name, version, options) =>
    watchTracer(getTracer.call(provider, name, version, options), { name, version })) satisfies GetTracer)
  define(provider, WATCHED, true)
}

function define(object: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true, writable: true, enumerable: false })
}
