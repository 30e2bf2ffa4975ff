import type { AuditEventType, StoredEvent } from '../../events/types.js'
import type { ToolCallSummary } from '../summaries/run-summary.js'

/** The kind of step that an event of a type is; the events of tool calls are steps by pairs. */
const KIND_OF = {
  sub_agent_invoked: 'sub_agent',
  agent_handoff: 'handoff',
  memory_recall: 'memory_recall',
  context_compacted: 'compaction',
  usage_limit_exceeded: 'limit',
  error_occurred: 'error',
  tool_approval_requested: 'approval',
  tool_approval_granted: 'approval',
  tool_approval_denied: 'approval',
  policy_violation: 'policy_violation',
} as const satisfies { readonly [T in AuditEventType]?: string }

type KindOf = typeof KIND_OF

/** A step that one event tells of. */
export interface EventStep<K extends KindOf[keyof KindOf] = KindOf[keyof KindOf]> {
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
 * One thing that happened in a run: what the lists of a `RunSummary` have, one by one. Told apart by `kind`.
 *
 * ```ts
 * for await (const step of log.run('r-1').steps()) {
 *   if (step.kind === 'tool_call') console.log(step.seq, step.call.name, step.call.status)
 *   else console.log(step.seq, step.kind, step.event.data)
 * }
 * ```
 */
export type RunStep = ToolCallStep | { readonly [K in KindOf[keyof KindOf]]: EventStep<K> }[KindOf[keyof KindOf]]

/** The step that an event is by itself; `undefined` for any other event. */
export function stepOf(event: StoredEvent): RunStep | undefined {
  const { type, seq } = event
  if (!Object.hasOwn(KIND_OF, type)) return undefined
  return { kind: KIND_OF[type as keyof KindOf], seq, event } as RunStep
}

/** Tells whether an event of this type is a step or a part of one. */
export function isOfStep(type: string): boolean {
  return Object.hasOwn(KIND_OF, type) || isOfCall(type)
}

/** Tells whether an event of this type begins or ends a tool call. */
export function isOfCall(type: string): boolean {
  return type === 'tool_call_started' || type === 'tool_call_completed' || type === 'tool_call_failed'
}
