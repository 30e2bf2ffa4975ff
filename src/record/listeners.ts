import type { Attributes, Context, Span, TimeInput } from '@opentelemetry/api'

/** Hears what is recorded by hand. `AuditSpanProcessor` registers one; libraries that record need not know of it. */
export interface RecordListener {
  /**
   * Tells whether events added to this span reach the listener through the span itself.
   *
   * @param attributes - of the event that has just been added: the very object that the span was given
   */
  hears(span: Span, attributes: Attributes): boolean
  /** An event that no span this listener hears carries. Must not throw. */
  onRecord(name: string, attributes: Attributes, time: TimeInput | undefined, context: Context): void
  /** `withRun` has started this span, and it is recorded. Must not throw. */
  onRunSpan?(span: Span): void
  /** Auditing is switched off for a flow of calls. Must not throw. @param outer - the context around the flow */
  onSwitchedOff?(stretch: object, outer: Context): void
  /** The flow in which auditing was off has ended. Must not throw. */
  onSwitchedOn?(stretch: object): void
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
