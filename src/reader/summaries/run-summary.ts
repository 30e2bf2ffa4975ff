import type { RecordedError } from '../../events/recorded-fields.js'
import type { Timestamp } from '../../events/time.js'
import type { StoredEvent, TokenUsage } from '../../events/types.js'
import type { RunOverview } from '../../store/runs/run-overview.js'

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

/**
 * One run, summed up from its own events: its overview and the lists of what happened in it. Lists are in append order
 * and hold the events as they were recorded; `finishReason`, `reason` and `error` are whole.
 */
export interface RunSummary extends RunOverview {
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
  /** Policies that were asked, and what they said, decisions not to act included. */
  readonly policyDecisions: readonly StoredEvent<'policy_decision'>[]
  /** Verdicts of guardrails, passes included. What was broken is in {@link policyViolations} besides. */
  readonly guardrails: readonly StoredEvent<'guardrail_evaluated'>[]
  /** Changes of memory: what was written, and what was deleted. */
  readonly memoryWrites: readonly StoredEvent<'memory_written' | 'memory_deleted'>[]
  /** Acts of somebody outside the agent, such as a kill switch. */
  readonly interventions: readonly StoredEvent<'intervention'>[]
  /**
   * The number of items that the lists leave out: each holds the first {@link MAX_LISTED} at most. `log.run(id).steps()` has
   * them all.
   */
  readonly omitted: number
}

/** One run with everything below it. */
export interface RunTree extends RunSummary {
  /** The usage of this run and of all runs below it. */
  readonly totalUsage: TokenUsage
  /**
   * The runs that this one invoked, or that name it as their parent, in the order of their starts. A run that several
   * claim is under one of them only: the one nearest to the top, and of those the one that started first.
   */
  readonly subRuns: readonly RunTree[]
  /** Number of the log in which `firstSeq` is the position of the first event, in a ledger of several logs. Its events have a `log` as well. */
  readonly log?: number
  /** Number of the log in which `lastSeq` is the position of the newest event, in a ledger of several logs. */
  readonly lastLog?: number
  /**
   * The run above, where nothing but the trace says so: a run of another process that started in the trace of that run, while it went
   * on, and names no parent. It is the caller's word.
   */
  readonly claimedParentRunId?: string
}

/** The maximum length of each list of a `RunSummary`, so that a run of any length can be summed up. */
export const MAX_LISTED = 1000
