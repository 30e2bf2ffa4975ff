import type { RecordedError } from '../../events/recorded-fields.js'
import type { RunStatus } from '../../events/run-status.js'
import type { Timestamp } from '../../events/time.js'
import type { AgentRef, TokenUsage } from '../../events/types.js'

/** The maximum number of items in each `Listed` of a `RunOverview`. */
export const MAX_NAMED = 16

/** The first {@link MAX_NAMED} items of a kind that a run names. */
export interface Listed<T> {
  readonly items: readonly T[]
  /** The number of events that name another item than these. */
  readonly omitted: number
}

/** The calls of one tool in a run, by their events. */
export interface ToolUse {
  /** Empty where the events name none. */
  readonly name: string
  /** Number of `tool_call_started`. */
  readonly started: number
  /** Number of `tool_call_completed`. */
  readonly completed: number
  /** Number of `tool_call_failed`. */
  readonly failed: number
}

/** The numbers of events of a run, by what they record. */
export interface RunCounts {
  readonly toolCalls: Omit<ToolUse, 'name'>
  readonly approvals: { readonly requested: number; readonly granted: number; readonly denied: number }
  readonly subAgents: number
  readonly handoffs: number
  readonly memoryRecalls: number
  readonly compactions: number
  readonly limits: number
  readonly errors: number
  readonly policyViolations: number
  readonly policyDecisions: number
  /** Number of `guardrail_evaluated`. */
  readonly guardrails: number
  readonly memoryWrites: { readonly written: number; readonly deleted: number }
  readonly interventions: number
  /** Of all these, the events that only a client of the application claims: they are no evidence. */
  readonly claimed: number
}

/** One run in a list of runs, summed up from its own events, sub-runs apart. Its size does not grow with their number. */
export interface RunOverview {
  readonly runId: string
  readonly parentRunId?: string
  /** `default` where no event names one. */
  readonly tenantId: string
  /**
   * The session that the latest event names. The id of the trace or of the run itself, taken for want of a session,
   * gives way to a real one.
   */
  readonly sessionId: string
  /** As the run's start or end names it. */
  readonly agent?: AgentRef
  /** On whose behalf. */
  readonly actor?: { readonly id: string }
  readonly status: RunStatus
  /** The ground of its start or its latest end when it is not evidence: `heuristic`, or the weaker `claimed`. */
  readonly confidence?: string
  /** Time at which the run began: by its `run_started`, by its end when that tells, or else by its first event. */
  readonly startedAt: Timestamp
  /** Time at which it ended, or was last suspended. */
  readonly endedAt?: Timestamp
  /** From start to end: as reported with the end or, for a run that was resumed, the whole time between. */
  readonly durationMs?: number
  /** As the run itself names it: its calls may use others, see {@link models}. */
  readonly model?: string
  /** As the run's end tells. A text of more than 256 UTF-16 code units is cut and ends in `…`. */
  readonly finishReason?: string
  /** Reason why the run was cancelled, suspended or interrupted. Cut like {@link finishReason}. */
  readonly reason?: string
  /** The error that the run failed with. A message of more than 1,024 UTF-16 code units is cut and ends in `…`. */
  readonly error?: RecordedError
  /** The id of the event whose end of the run, mostly a guess, gave way to the end that counts. */
  readonly supersedes?: string
  /**
   * Sum of the run's own token reports, sub-runs apart; where it has none, what its end reports. Fields that nothing
   * reported are absent, except for the three counts.
   */
  readonly usage: TokenUsage
  /** Agents that the run's events name, in the order in which they do so first. */
  readonly agents: Listed<AgentRef>
  /** Tools that the run called. */
  readonly tools: Listed<ToolUse>
  /** Models that the run, or one of its token reports, names. */
  readonly models: Listed<string>
  readonly counts: RunCounts
  /** The number of times that the run was resumed or is claimed to have been. */
  readonly resumedCount: number
  /** The number of resumptions that only a client claims; absent when there are none. */
  readonly claimedResumedCount?: number
  /** Of the run's own events, sub-runs apart. */
  readonly eventCount: number
  /** Position of its first event. */
  readonly firstSeq: number
  /** Position of its newest event. */
  readonly lastSeq: number
}
