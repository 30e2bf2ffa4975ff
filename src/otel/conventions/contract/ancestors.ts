import type { AgentRef } from '../../../events/index.js'
import type { RecognisedSpan } from './activity.js'

/**
 * The moment in the life of a span at which a convention reads it. Most instrumentations set their attributes after
 * `onStart`: see docs/conventions.md.
 */
export type SpanPhase = 'start' | 'microtask' | 'end'

/** State that conventions keep for the life of a run, each under keys of its own. A `Map` is one. */
export interface ConventionState {
  get(key: string): unknown
  has(key: string): boolean
  set(key: string, value: unknown): void
  delete(key: string): boolean
}

/**
 * The ancestors of a span, as far as they are tracked.
 *
 * @example
 * A call of a tool by an agent `Support`, whose span is a child of one of the model's:
 * ```ts
 * const ancestors: Ancestors = {
 *   parent: { convention: 'my-framework', activity: { kind: 'model', operation: 'chat' }, span, outer: supportRun },
 *   parentScope: 'my-framework-instrumentation',
 *   run: { runId: '0c6e…', agent: { name: 'Support' } },
 *   runState: new Map([['my-framework.turns', 3]]),
 * }
 * ```
 */
export interface Ancestors {
  /** The nearest ancestor that a convention has recognised. */
  readonly parent: RecognisedSpan | undefined
  /** Name of the instrumentation scope of the direct parent, recognised or not, while that is open. */
  readonly parentScope?: string | undefined
  /** The run the span belongs to (for a run: the run that encloses it). */
  readonly run: { readonly runId: string; readonly agent: AgentRef } | undefined
  /** State that conventions keep for the life of that run. Bounded: at most 64 keys. */
  readonly runState: ConventionState | undefined
  /** For a span that is a run: the state kept for its own life. */
  readonly ownState?: ConventionState | undefined
  /** For an `unnested` convention: its spans that are open below the same parent, in the order of their start. */
  readonly open?: readonly RecognisedSpan[] | undefined
}
