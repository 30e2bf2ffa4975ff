import { trace } from '@opentelemetry/api'

/*
 * All copies of @opentelemetry/api 1.x in a process share one registry, an object that the first registration makes:
 *
 *     globalThis[Symbol.for('opentelemetry.js.api.1')] = { version, trace: ProxyTracerProvider, context, … }
 *
 * Each copy has a `trace` object and a proxy of its own; the one that registers puts its proxy into the registry, and all
 * copies then ask that one. So the registry is where a registration is seen, whichever copy makes it. Nothing is registered
 * here, and the registry is never made here: it belongs to the version of the copy that makes it.
 */
const REGISTRY = Symbol.for('opentelemetry.js.api.1')
const registered = globalThis as { [REGISTRY]?: Registry }

interface Registry {
  trace?: object
}

/**
 * Calls `onProvider` with each object that is, or becomes, the global tracer provider of this process: at once with what is
 * there, the proxy of this copy of the API before anything is registered.
 */
export function watchRegistrations(onProvider: (provider: object) => void): void {
  const registry = registered[REGISTRY]
  if (registry) watchRegistry(registry, onProvider)
  else if (Object.isExtensible(globalThis)) waitForRegistry((made) => watchRegistry(made, onProvider))
  onProvider(trace.getTracerProvider())
}

/** The object that is the global tracer provider just now, whichever copy of the API has registered it. */
export function registeredProvider(): object {
  return registered[REGISTRY]?.trace ?? trace.getTracerProvider()
}

/** The registry is an ordinary property again as soon as it is there: every copy of the API reads it at every call. */
function waitForRegistry(onRegistry: (registry: Registry) => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, REGISTRY)
  Object.defineProperty(globalThis, REGISTRY, {
    configurable: true,
    enumerable: true,
    get: () => undefined,
    set(registry: Registry | undefined) {
      Object.defineProperty(globalThis, REGISTRY, {
        value: registry,
        configurable: true,
        enumerable: true,
        writable: true,
      })
      // Another copy of this package may wait as well.
      before?.set?.call(globalThis, registry)
      if (typeof registry === 'object' && registry !== null) onRegistry(registry)
    },
  })
}

/**
 * A registration is an assignment to `trace`, and `trace.disable()` deletes it. An inherited accessor sees each assignment that
 * follows a deletion, and makes the property an ordinary one.
 */
function watchRegistry(registry: Registry, onProvider: (provider: object) => void): void {
  const above: object | null = Object.getPrototypeOf(registry)
  const accessor = Object.create(above, {
    trace: {
      configurable: true,
      get: () => undefined,
      set(this: Registry, provider: object) {
        const isSet = above !== null && Reflect.set(above, 'trace', provider, this)
        if (!isSet) {
          Object.defineProperty(this, 'trace', {
            value: provider,
            configurable: true,
            enumerable: true,
            writable: true,
          })
        }
        if (typeof provider === 'object' && provider !== null) onProvider(provider)
      },
    },
  }) as object
  try {
    Object.setPrototypeOf(registry, accessor)
  } catch {
    // It is frozen: what is registered already is all there will be.
  }
}
