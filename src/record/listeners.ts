import type { Attributes, Context, Span, TimeInput } from '@opentelemetry/api'

/**
 * Takes what is recorded by hand. `AuditSpanProcessor` registers one; libraries that record need not know of it. Several
 * copies of this package share the registry, so that the names of its members stay as they are.
 */
export interface RecordListener {
  /**
   * Tells whether events added to this span reach the listener through the span itself.
   *
   * @param attributes - of the event that has just been added: the very object that the span was given
   */
  hears(span: Span, attributes: Attributes): boolean
  /** An event that no span carries of which {@link hears} is true. Must not throw. */
  onRecord(name: string, attributes: Attributes, time: TimeInput | undefined, context: Context): void
  /** This package has started a span that records. The listener may not know its provider. Must not throw. */
  onSpanStarted?(span: Span, name: string, attributes: Attributes, context: Context): void
  /** Auditing is switched off for a flow of calls. Must not throw. @param outer - the context around the flow */
  onSwitchedOff?(flow: object, outer: Context): void
  /** The flow in which auditing was off has ended. Must not throw. */
  onSwitchedOn?(flow: object): void
  /** A sampler has kept a span from starting, since auditing is off in its context. Must not throw. */
  onSpanNotStarted?(context: Context): void
}

// As in @opentelemetry/api: one registry per process, whichever copy of the package a library brings.
const REGISTRY = Symbol.for('spanledger.listeners.v1')

export function recordListeners(): Set<RecordListener> {
  const registry = globalThis as { [REGISTRY]?: Set<RecordListener> }
  registry[REGISTRY] ??= new Set()
  return registry[REGISTRY]
}
