import type { AuditEventType, StoredEvent } from '../../events/types.js'
import type { RunSummary } from './run-summary.js'
import type { RunEvent } from './skimmed-event.js'

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
  policy_decision: 'policy_decision',
  guardrail_evaluated: 'guardrail',
  memory_written: 'memory_write',
  memory_deleted: 'memory_write',
  intervention: 'intervention',
} as const satisfies { readonly [T in AuditEventType]?: string }

export type KindOf = typeof KIND_OF

/** The kind of a step that one event tells of. */
export type EventStepKind = KindOf[keyof KindOf]

/** The list of a summary that has the steps of a kind. */
const LIST_OF = {
  sub_agent: 'subAgents',
  handoff: 'handoffs',
  memory_recall: 'memoryRecalls',
  compaction: 'compactions',
  limit: 'limits',
  error: 'errors',
  approval: 'approvals',
  policy_violation: 'policyViolations',
  policy_decision: 'policyDecisions',
  guardrail: 'guardrails',
  memory_write: 'memoryWrites',
  intervention: 'interventions',
} as const satisfies { readonly [K in EventStepKind]: keyof RunSummary }

/** A list of events in a summary. */
export type EventList = (typeof LIST_OF)[EventStepKind]

/** The lists of events in a summary. */
export const EVENT_LISTS: readonly EventList[] = Object.values(LIST_OF)

/** Returns the kind of step that an event of a type is by itself; `undefined` for any other type. */
export function kindOf(type: string): EventStepKind | undefined {
  return Object.hasOwn(KIND_OF, type) ? KIND_OF[type as keyof KindOf] : undefined
}

/** Tells whether an event is a step by itself. */
export function isStep(event: RunEvent): event is StoredEvent<keyof KindOf> {
  return kindOf(event.type) !== undefined
}

/** Returns the list that takes events of a type. */
export function listOf(type: keyof KindOf): EventList {
  return LIST_OF[KIND_OF[type]]
}

/** Returns the types of the events that a list takes. */
export function typesOfList(list: EventList): readonly AuditEventType[] {
  return (Object.keys(KIND_OF) as (keyof KindOf)[]).filter((type) => listOf(type) === list)
}
