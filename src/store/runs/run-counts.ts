import type { RunCounts } from './run-overview.js'

/** Types of events that are counted, each in its place. */
export const COUNTED_TYPES = [
  'tool_call_started',
  'tool_call_completed',
  'tool_call_failed',
  'tool_approval_requested',
  'tool_approval_granted',
  'tool_approval_denied',
  'sub_agent_invoked',
  'agent_handoff',
  'memory_recall',
  'context_compacted',
  'usage_limit_exceeded',
  'error_occurred',
  'policy_violation',
  'policy_decision',
  'guardrail_evaluated',
  'memory_written',
  'memory_deleted',
  'intervention',
] as const

const COUNTER: ReadonlyMap<string, number> = new Map(COUNTED_TYPES.map((type, at) => [type, at]))

/** Returns the counts of a run that has no event yet, in the order of {@link COUNTED_TYPES}. */
export function newCounts(): number[] {
  return COUNTED_TYPES.map(() => 0)
}

/** Counts an event. @returns false for one of a type that is not counted */
export function countEvent(counts: number[], type: string): boolean {
  const counter = COUNTER.get(type)
  if (counter === undefined) return false
  counts[counter] = (counts[counter] as number) + 1
  return true
}

/** Returns counts by what they count. @param claimed - of all the events, those that only a client claims */
export function countsOf(counts: readonly number[], claimed: number): RunCounts {
  const [
    started = 0,
    completed = 0,
    failed = 0,
    requested = 0,
    granted = 0,
    denied = 0,
    subAgents = 0,
    handoffs = 0,
    memoryRecalls = 0,
    compactions = 0,
    limits = 0,
    errors = 0,
    policyViolations = 0,
    policyDecisions = 0,
    guardrails = 0,
    written = 0,
    deleted = 0,
    interventions = 0,
  ] = counts
  return {
    toolCalls: { started, completed, failed },
    approvals: { requested, granted, denied },
    subAgents,
    handoffs,
    memoryRecalls,
    compactions,
    limits,
    errors,
    policyViolations,
    policyDecisions,
    guardrails,
    memoryWrites: { written, deleted },
    interventions,
    claimed,
  }
}
