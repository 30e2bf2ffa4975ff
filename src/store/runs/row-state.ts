import type { RecordedError } from '../../events/recorded-fields.js'
import type { RunStatus } from '../../events/run-status.js'
import type { Timestamp } from '../../events/time.js'
import type { AgentRef, TokenUsage } from '../../events/types.js'
import type { Named, ToolCounts } from './named-items.js'

/** The latest end of a run, as its event tells it. */
export interface Ending {
  readonly at: Timestamp
  readonly durationMs: number | undefined
  readonly finishReason: string | undefined
  readonly reason: string | undefined
  readonly error: RecordedError | undefined
  readonly confidence: string | undefined
  /** The id of the end that it supersedes. */
  readonly supersedes: string | undefined
}

/** All that is known of a run after some of its events: what the next ones are added to. Bounded. */
export interface RowState {
  readonly tenantId: string
  readonly runId: string
  readonly firstSeq: number
  readonly firstTime: Timestamp
  /** Session of the first event. */
  readonly firstSessionId: string
  lastSeq: number
  eventCount: number
  status: RunStatus | undefined
  parentRunId: string | undefined
  actorId: string | undefined
  /** The latest session that stands in for nothing else. */
  sessionId: string | undefined
  traceSessionId: string | undefined
  /** The agent of the run's start and end; other events may be those of an agent that took over. */
  agent: AgentRef | undefined
  otherAgent: AgentRef | undefined
  model: string | undefined
  modelOfUsage: string | undefined
  startedAt: Timestamp | undefined
  startFromEnd: Timestamp | undefined
  startConfidence: string | undefined
  /** Gone again when the run goes on. */
  ending: Ending | undefined
  /** The ids of its latest ends, without those that were superseded; of the last one that there is, the last. Bounded. */
  readonly endIds: string[]
  wentOn: boolean
  resumed: number
  claimedResumed: number
  usage: TokenUsage | undefined
  usageFromEnd: TokenUsage | undefined
  /** In the order of `COUNTED_TYPES`. */
  readonly counts: number[]
  claimed: number
  readonly agents: Named<AgentRef>
  readonly tools: Named<ToolCounts>
  readonly models: Named<string>
  /** By type of the events that begin, resume or end a run: the position of the first. */
  readonly firstSeqs: Map<string, number>
}
