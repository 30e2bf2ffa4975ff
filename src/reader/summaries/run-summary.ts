import type { RecordedError } from '../../events/recorded-fields.js'
import type { RunStatus } from '../../events/run-status.js'
import type { Timestamp } from '../../events/time.js'
import type { AgentRef, StoredEvent, TokenUsage } from '../../events/types.js'

/** One call of a tool: its start and its end taken together. */
export interface ToolCallSummary {
  readonly callId: string
  readonly name: string
  /** `unfinished`: the run is over, and the log does not say how the call ended. */
  readonly status: 'running' | 'completed' | 'failed' | 'unfinished'
  /** The ground of its start or its end when it is not evidence: `heuristic`, or the weaker `claimed`. */
  readonly confidence?: string
  /** Absent when only the end of the call was recorded. */
  readonly startedAt?: Timestamp
  readonly endedAt?: Timestamp
  /** As reported with the end, or else the time from start to end. */
  readonly durationMs?: number
  readonly error?: RecordedError
}

/** One run, summed up from its own events. Lists are in append order and hold the events as they were recorded. */
export interface RunSummary {
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
  /** When the run began: by its `run_started`, by its end when that tells, or else by its first event. */
  readonly startedAt: Timestamp
  /** When it ended, or was last suspended. */
  readonly endedAt?: Timestamp
  /** From start to end: as reported with the end or, for a run that was resumed, the whole time between. */
  readonly durationMs?: number
  /** As the run itself names it: its calls may use others. */
  readonly model?: string
  /** As the run's end tells. */
  readonly finishReason?: string
  /** Why the run was cancelled, suspended or interrupted. */
  readonly reason?: string
  /** What the run failed of. */
  readonly error?: RecordedError
  /**
   * Sum of the run's own token reports, sub-runs apart; where it has none, what its end reports. Fields that nothing
   * reported are absent, except for the three counts.
   */
  readonly usage: TokenUsage
  /** Started, or ended without a recorded start. */
  readonly toolCalls: readonly ToolCallSummary[]
  readonly subAgents: readonly StoredEvent<'sub_agent_invoked'>[]
  readonly handoffs: readonly StoredEvent<'agent_handoff'>[]
  readonly memoryRecalls: readonly StoredEvent<'memory_recall'>[]
  readonly compactions: readonly StoredEvent<'context_compacted'>[]
  /** Limits that were hit. */
  readonly limits: readonly StoredEvent<'usage_limit_exceeded'>[]
  /** Errors that did not end the run; see `error` for what did. */
  readonly errors: readonly StoredEvent<'error_occurred'>[]
  /**
   * The requests for approval, and the answers. An approval whose `source.confidence` is `claimed` is no evidence: only
   * a client of the application says so.
   */
  readonly approvals: readonly StoredEvent<
    'tool_approval_requested' | 'tool_approval_granted' | 'tool_approval_denied'
  >[]
  readonly policyViolations: readonly StoredEvent<'policy_violation'>[]
  /** How many items the lists leave out: each holds the first {@link MAX_LISTED} at most. */
  readonly omitted: number
  /** The number of times that the run was resumed or is claimed to have been. */
  readonly resumedCount: number
  /** The number of resumptions that only a client claims; absent when there are none. */
  readonly claimedResumedCount?: number
  /** Of the run's own events, sub-runs apart. */
  readonly eventCount: number
  /** Of its first event. */
  readonly firstSeq: number
  /** Of its newest event. */
  readonly lastSeq: number
}

/** One run with everything below it. */
export interface RunTree extends RunSummary {
  /** The usage of this run and of all runs below it. */
  readonly totalUsage: TokenUsage
  /**
   * The runs that this one invoked, or that name it as their parent, in the order of their first events. A run that
   * several claim is under the first of them only.
   */
  readonly subRuns: readonly RunTree[]
}

/** Items that each list of a {@link RunSummary} holds at most, so that a run of any length can be summed up. */
export const MAX_LISTED = 1000
