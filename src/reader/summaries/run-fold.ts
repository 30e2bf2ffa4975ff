import { confidenceOf, weakest } from '../../events/confidence.js'
import {
  errorIn,
  type Fields,
  fieldsOf,
  numberIn,
  present,
  type RecordedError,
  textIn,
} from '../../events/recorded-fields.js'
import { type RunStatus, statusAfter } from '../../events/run-status.js'
import { millisBetween, parseTimestamp, type Timestamp } from '../../events/time.js'
import type { AgentRef, AuditEventType, StoredEvent, TokenUsage } from '../../events/types.js'
import { NO_USAGE, usagePlus } from '../../events/usage.js'
import { MAX_LISTED, type RunSummary } from './run-summary.js'
import { ToolCallFold } from './tool-call-fold.js'

/** Which list of a summary the events of a type go to. */
const LIST_OF = {
  sub_agent_invoked: 'subAgents',
  agent_handoff: 'handoffs',
  memory_recall: 'memoryRecalls',
  context_compacted: 'compactions',
  usage_limit_exceeded: 'limits',
  error_occurred: 'errors',
  tool_approval_requested: 'approvals',
  tool_approval_granted: 'approvals',
  tool_approval_denied: 'approvals',
  policy_violation: 'policyViolations',
} as const satisfies { readonly [T in AuditEventType]?: keyof RunSummary }

type ListName = (typeof LIST_OF)[keyof typeof LIST_OF]

/** What the latest end of a run says; gone again when the run goes on. */
interface Ending {
  readonly at: Timestamp
  readonly durationMs?: number
  readonly finishReason?: string
  readonly reason?: string
  readonly error?: RecordedError
  readonly confidence?: string
}

/**
 * Sums up a run while its events stream by in append order; what it keeps does not grow with their number. Their
 * `data` is not trusted: an event can be recorded without validation, or by a version to come.
 */
export class RunFold {
  readonly #runId: string
  readonly #first: StoredEvent
  readonly #toolCalls = new ToolCallFold()
  readonly #lists: Record<ListName, StoredEvent[]> = {
    subAgents: [],
    handoffs: [],
    memoryRecalls: [],
    compactions: [],
    limits: [],
    errors: [],
    approvals: [],
    policyViolations: [],
  }
  #last: StoredEvent
  #eventCount = 0
  #omitted = 0
  #status: RunStatus | undefined
  #startedAt: Timestamp | undefined
  #startToldByEnd: Timestamp | undefined
  #ending: Ending | undefined
  #wentOn = false
  #resumedCount = 0
  #claimedResumedCount: number | undefined
  #startConfidence: string | undefined
  #parentRunId: string | undefined
  #sessionId: string | undefined
  #traceSessionId: string | undefined
  /** The agent of the run's start and end; other events may be those of an agent that took over. */
  #agent: AgentRef | undefined
  #otherAgent: AgentRef | undefined
  #actor: { readonly id: string } | undefined
  #model: string | undefined
  #modelOfUsage: string | undefined
  #usage: TokenUsage | undefined
  #usageToldByEnd: TokenUsage | undefined

  /** @param first - the run's first event; it is to be added like the others */
  constructor(runId: string, first: StoredEvent) {
    this.#runId = runId
    this.#first = first
    this.#last = first
  }

  get tenantId(): string {
    return this.#first.tenantId
  }

  get hasBegunOrEnded(): boolean {
    return this.#status !== undefined
  }

  add(event: StoredEvent): void {
    this.#last = event
    this.#eventCount++
    this.#parentRunId ??= event.parentRunId
    this.#actor ??= event.actor
    this.#noteSession(event)
    const data = fieldsOf(event.data)
    const status = statusAfter(event.type)
    if (status === undefined) this.#note(event, data)
    else if (status === 'running') this.#begin(event, data)
    else this.#end(event, data)
    this.#status = status ?? this.#status
  }

  summary(): RunSummary {
    const ending = this.#ending
    const startedAt = this.#startedAt ?? this.#startToldByEnd ?? this.#first.time
    const durationMs = this.#wentOn ? undefined : ending?.durationMs
    const status = this.#status ?? 'running'
    return {
      runId: this.#runId,
      ...present({ parentRunId: this.#parentRunId }),
      tenantId: this.#first.tenantId,
      sessionId: this.#sessionId ?? this.#first.sessionId,
      ...present({ agent: this.#status ? this.#agent : this.#otherAgent, actor: this.#actor }),
      status,
      ...present({ confidence: weakest(this.#startConfidence, ending?.confidence) }),
      startedAt,
      ...(ending && { endedAt: ending.at, durationMs: durationMs ?? millisBetween(startedAt, ending.at) }),
      ...present({
        model: this.#model ?? this.#modelOfUsage,
        finishReason: ending?.finishReason,
        reason: ending?.reason,
        error: ending?.error,
      }),
      usage: this.#usage ?? this.#usageToldByEnd ?? NO_USAGE,
      toolCalls: this.#toolCalls.calls(status),
      // The lists are filled by type: see LIST_OF.
      ...(this.#lists as Pick<RunSummary, ListName>),
      omitted: this.#omitted + this.#toolCalls.omitted,
      resumedCount: this.#resumedCount,
      ...present({ claimedResumedCount: this.#claimedResumedCount }),
      eventCount: this.#eventCount,
      firstSeq: this.#first.seq,
      lastSeq: this.#last.seq,
    }
  }

  #noteSession({ sessionId, trace }: StoredEvent): void {
    if (sessionId === trace?.traceId) this.#traceSessionId = sessionId
    // Also where it comes without the trace: what the log itself adds after a crash repeats the session only.
    const isDerived = sessionId === this.#traceSessionId || sessionId === this.#runId
    if (!isDerived) this.#sessionId = sessionId
  }

  #begin(event: StoredEvent, data: Fields): void {
    if (this.#ending) this.#wentOn = true
    this.#ending = undefined
    const confidence = confidenceOf(event)
    if (event.type === 'resumed') {
      this.#resumedCount++
      if (confidence === 'claimed') this.#claimedResumedCount = (this.#claimedResumedCount ?? 0) + 1
    } else {
      this.#startConfidence = weakest(this.#startConfidence, confidence)
      this.#startedAt ??= event.time
      this.#model ??= textIn(data, 'model')
    }
    this.#noteAgent(event.agent ?? agentIn(data))
  }

  #end(event: StoredEvent, data: Fields): void {
    this.#startToldByEnd ??= parseTimestamp(data.startedAt)
    this.#noteAgent(event.agent)
    if (data.usage !== undefined) this.#usageToldByEnd = usagePlus(NO_USAGE, fieldsOf(data.usage))
    this.#ending = {
      at: event.time,
      ...present({
        durationMs: numberIn(data, 'durationMs'),
        finishReason: textIn(data, 'finishReason'),
        reason: textIn(data, 'reason'),
        error: errorIn(data),
        confidence: confidenceOf(event),
      }),
    }
  }

  #note(event: StoredEvent, data: Fields): void {
    this.#otherAgent ??= event.agent
    switch (event.type) {
      case 'token_usage_updated':
        this.#usage = usagePlus(this.#usage ?? NO_USAGE, data)
        this.#modelOfUsage ??= textIn(data, 'model')
        return
      case 'tool_call_started':
        this.#toolCalls.start(event, data)
        return
      case 'tool_call_completed':
        this.#toolCalls.end(event, data, 'completed')
        return
      case 'tool_call_failed':
        this.#toolCalls.end(event, data, 'failed')
        return
      default:
        if (Object.hasOwn(LIST_OF, event.type)) this.#list(LIST_OF[event.type as keyof typeof LIST_OF], event)
    }
  }

  #list(name: ListName, event: StoredEvent): void {
    if (this.#lists[name].length < MAX_LISTED) this.#lists[name].push(event)
    else this.#omitted++
  }

  /** The first to say which agent it is counts; a later one only adds the id or the name it lacks. */
  #noteAgent(agent: AgentRef | undefined): void {
    if (!agent) return
    const known = this.#agent
    if (!known || agrees(known.id, agent.id) || agrees(known.name, agent.name)) this.#agent = { ...agent, ...known }
  }
}

function agrees(known: string | undefined, said: string | undefined): boolean {
  return known !== undefined && known === said
}

function agentIn(data: Fields): AgentRef | undefined {
  const agent = fieldsOf(data.agent)
  const named = present({ id: textIn(agent, 'id'), name: textIn(agent, 'name') })
  return Object.keys(named).length > 0 ? named : undefined
}
