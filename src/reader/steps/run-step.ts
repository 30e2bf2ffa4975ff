import type { StoredEvent } from '../../events/types.js'
import type { ToolCallSummary } from '../summaries/run-summary.js'
import type { RunEvent } from '../summaries/skimmed-event.js'
import { type EventStepKind, type KindOf, kindOf } from '../summaries/step-kinds.js'

/** A step that a single event records. */
export interface EventStep<K extends EventStepKind = EventStepKind> {
  readonly kind: K
  /** Position of the event. */
  readonly seq: number
  /** As it was recorded. */
  readonly event: StoredEvent<{ [T in keyof KindOf]: KindOf[T] extends K ? T : never }[keyof KindOf]>
}

/** A call of a tool: its start and its end taken together. */
export interface ToolCallStep {
  readonly kind: 'tool_call'
  /** Position of its start or, where only its end was recorded, of that. */
  readonly seq: number
  readonly call: ToolCallSummary
}

/**
 * One thing that happened in a run; the lists of a `RunSummary` as single items. Told apart by `kind`.
 *
 * ```ts
 * for await (const step of log.run('r-1').steps()) {
 *   if (step.kind === 'tool_call') console.log(step.seq, step.call.name, step.call.status)
 *   else console.log(step.seq, step.kind, step.event.data)
 * }
 * ```
 */
export type RunStep = ToolCallStep | { readonly [K in EventStepKind]: EventStep<K> }[EventStepKind]

/** The step that an event is by itself; `undefined` for any other event. */
export function stepOf(event: RunEvent): RunStep | undefined {
  const kind = kindOf(event.type)
  return kind && ({ kind, seq: event.seq, event } as RunStep)
}

/** Tells whether an event of this type is a step or a part of one. */
export function isOfStep(type: string): boolean {
  return kindOf(type) !== undefined || isOfCall(type)
}

/** Tells whether an event of this type begins or ends a tool call. */
export function isOfCall(type: string): boolean {
  return type === 'tool_call_started' || type === 'tool_call_completed' || type === 'tool_call_failed'
}
