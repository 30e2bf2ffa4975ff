import type { Attributes, Context, Span, TimeInput } from '@opentelemetry/api'

/** Hears what is recorded by hand. `AuditSpanProcessor` registers one; libraries that record need not know of it. */
export interface RecordListener {
  /** Whether events added to this span reach the listener through the span itself. */
  hears(span: Span): boolean
  /** An event that no span this listener hears carries. Must not throw. */
  onRecord(name: string, attributes: Attributes, time: TimeInput | undefined, context: Context): void
}

// As in @opentelemetry/api: one registry per process, whichever copy of the package a library brings.
const REGISTRY = Symbol.for('spanledger.listeners.v1')

export function recordListeners(): Set<RecordListener> {
  const registry = globalThis as { [REGISTRY]?: Set<RecordListener> }
  registry[REGISTRY] ??= new Set()
  return registry[REGISTRY]
}
