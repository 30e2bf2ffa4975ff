import { isClaim, weakest } from '../../events/confidence.js'
import { storedId } from '../../events/ids.js'
import { present } from '../../events/recorded-fields.js'
import { statusAfter } from '../../events/run-status.js'
import { millisBetween, type Timestamp } from '../../events/time.js'
import type { AgentRef } from '../../events/types.js'
import { NO_USAGE, usagePlus } from '../../events/usage.js'
import type { FiledEvent, WithRunFacts } from '../contract.js'
import { nameAgent, nameModel, nameTool } from './named-items.js'
import type { RowState } from './row-state.js'
import { countEvent, countsOf, newCounts } from './run-counts.js'
import type { RunFacts } from './run-facts.js'
import type { RunOverview } from './run-overview.js'
import type { RunKey, RunRow } from './run-row.js'

/** The fields of an event that a row is made of. */
export type RowEvent = Pick<
  FiledEvent,
  'type' | 'time' | 'tenantId' | 'sessionId' | 'parentRunId' | 'agent' | 'actorId' | 'toolName'
> &
  WithRunFacts

const TOOL_COUNT: ReadonlyMap<string, 'started' | 'completed' | 'failed'> = new Map([
  ['tool_call_started', 'started'],
  ['tool_call_completed', 'completed'],
  ['tool_call_failed', 'failed'],
])

/** Most ends of a run of which the id is kept. */
const MAX_ENDS = 16
/** In place of the id of an event that has none. */
const NO_ID = ''

const NO_FACTS: RunFacts = Object.freeze({})

/**
 * Sums up a run while its events come by in append order. What it keeps does not grow with their number, and can be stored
 * between any two of them.
 */
export class RunRowFold {
  readonly state: RowState
  /** The position of the latest end that was added. */
  #endSeq: number | undefined = undefined

  /** Begins with a run's first event, which is to be added like the others. */
  static of(
    { runId }: Pick<RunKey, 'runId'>,
    seq: number,
    first: Pick<RowEvent, 'tenantId' | 'time' | 'sessionId'>,
  ): RunRowFold {
    const { tenantId, time, sessionId } = first
    return new RunRowFold({
      tenantId,
      runId,
      firstSeq: seq,
      firstTime: time,
      firstSessionId: sessionId,
      lastSeq: seq,
      eventCount: 0,
      status: undefined,
      parentRunId: undefined,
      actorId: undefined,
      sessionId: undefined,
      traceSessionId: undefined,
      agent: undefined,
      otherAgent: undefined,
      model: undefined,
      modelOfUsage: undefined,
      startedAt: undefined,
      startFromEnd: undefined,
      startConfidence: undefined,
      ending: undefined,
      endIds: [],
      wentOn: false,
      resumed: 0,
      claimedResumed: 0,
      usage: undefined,
      usageFromEnd: undefined,
      counts: newCounts(),
      claimed: 0,
      agents: { items: [], omitted: 0 },
      tools: { items: [], omitted: 0 },
      models: { items: [], omitted: 0 },
      firstSeqs: new Map(),
    })
  }

  /** @param state - which the fold changes from now on */
  constructor(state: RowState) {
    this.state = state
  }

  /**
   * Adds the event that follows.
   *
   * @returns the id of an end that gives way to it
   */
  add(seq: number, event: RowEvent): string | undefined {
    const { state } = this
    const { type, run: facts = NO_FACTS } = event
    const agent = event.agent && nameAgent(state.agents, event.agent)
    state.lastSeq = seq
    state.eventCount++
    state.parentRunId ??= event.parentRunId
    if (state.actorId === undefined && event.actorId) state.actorId = storedId(event.actorId)
    this.#setSession(event.sessionId, facts)
    const status = statusAfter(type)
    if (status === undefined) {
      this.#addOther(event, agent, facts)
      return undefined
    }
    if (!state.firstSeqs.has(type)) state.firstSeqs.set(type, seq)
    if (status === 'running') {
      this.#begin(event, agent ?? (facts.agent && nameAgent(state.agents, facts.agent)), facts)
    } else {
      const superseded = this.#supersedePast(facts)
      // How the run stands now is told by what came after the end that it corrects.
      if (superseded !== undefined) return superseded
      this.#end(event.time, agent, facts)
      this.#endSeq = seq
    }
    state.status = status
    return state.ending?.supersedes
  }

  /** Tells whether the event that was added at this position is the end by which the run stands ended now. */
  isEnd(seq: number): boolean {
    return this.#endSeq === seq && this.state.ending !== undefined
  }

  /** Ends with the run: nothing is added any more. */
  row(): RunRow {
    const { state } = this
    return { overview: this.overview(), firstSeqs: state.firstSeqs, state }
  }

  overview(): RunOverview {
    const { state } = this
    const { ending, actorId } = state
    const startedAt = state.startedAt ?? state.startFromEnd ?? state.firstTime
    const durationMs = state.wentOn ? undefined : ending?.durationMs
    return {
      runId: state.runId,
      ...present({ parentRunId: state.parentRunId }),
      tenantId: state.tenantId,
      sessionId: state.sessionId ?? state.firstSessionId,
      ...present({
        agent: copied(state.status ? state.agent : state.otherAgent),
        actor: actorId === undefined ? undefined : { id: actorId },
      }),
      status: state.status ?? 'running',
      ...present({ confidence: weakest(state.startConfidence, ending?.confidence) }),
      startedAt,
      ...(ending && { endedAt: ending.at, durationMs: durationMs ?? millisBetween(startedAt, ending.at) }),
      ...present({
        model: state.model ?? state.modelOfUsage,
        finishReason: ending?.finishReason,
        reason: ending?.reason,
        error: ending?.error,
        supersedes: ending?.supersedes,
      }),
      usage: { ...(state.usage ?? state.usageFromEnd ?? NO_USAGE) },
      agents: { items: state.agents.items.map((agent) => ({ ...agent })), omitted: state.agents.omitted },
      tools: { items: state.tools.items.map((tool) => ({ ...tool })), omitted: state.tools.omitted },
      models: { items: [...state.models.items], omitted: state.models.omitted },
      counts: countsOf(state.counts, state.claimed),
      resumedCount: state.resumed,
      ...(state.claimedResumed > 0 && { claimedResumedCount: state.claimedResumed }),
      eventCount: state.eventCount,
      firstSeq: state.firstSeq,
      lastSeq: state.lastSeq,
    }
  }

  #setSession(sessionId: string, { isTraceSession }: RunFacts): void {
    const { state } = this
    if (isTraceSession) state.traceSessionId = sessionId
    // Also where it comes without the trace: what the log itself adds after a crash repeats the session only.
    const isDerived = sessionId === state.traceSessionId || sessionId === state.runId
    if (!isDerived) state.sessionId = sessionId
  }

  #begin({ type, time }: RowEvent, agent: AgentRef | undefined, facts: RunFacts): void {
    const { state } = this
    if (state.ending) state.wentOn = true
    state.ending = undefined
    if (type === 'resumed') {
      state.resumed++
      if (facts.confidence === 'claimed') state.claimedResumed++
    } else {
      state.startConfidence = weakest(state.startConfidence, facts.confidence)
      state.startedAt ??= time
      state.model ??= facts.model
    }
    if (facts.model !== undefined) nameModel(state.models, facts.model)
    this.#setOwnAgent(agent)
  }

  #end(time: Timestamp, agent: AgentRef | undefined, facts: RunFacts): void {
    const { state } = this
    const { durationMs, finishReason, reason, error, confidence, startedAt, usage } = facts
    const supersedes = this.#supersede(facts)
    // A guess that gives way is good for nothing that the fact tells.
    if (supersedes === undefined) state.startFromEnd ??= startedAt
    else state.startFromEnd = startedAt ?? state.startFromEnd
    this.#setOwnAgent(agent)
    if (usage !== undefined) state.usageFromEnd = usagePlus(NO_USAGE, usage)
    state.ending = { at: time, durationMs, finishReason, reason, error, confidence, supersedes }
  }

  /** Puts an end in the place of one after which the run went on. @returns the id of that one */
  #supersedePast({ id, supersedes }: RunFacts): string | undefined {
    if (supersedes === undefined) return undefined
    const { endIds, ending } = this.state
    const at = endIds.indexOf(supersedes)
    if (at < 0 || (ending && at === endIds.length - 1)) return undefined
    endIds[at] = id ?? NO_ID
    return supersedes
  }

  /** Adds an end. @returns the id of the end that gives way to it */
  #supersede({ id, supersedes }: RunFacts): string | undefined {
    const { endIds, ending } = this.state
    const last = endIds.at(-1)
    const isCorrection =
      ending !== undefined && supersedes !== undefined && (supersedes === last || supersedes === ending.supersedes)
    if (isCorrection) endIds.pop()
    else if (endIds.length >= MAX_ENDS) endIds.shift()
    endIds.push(id ?? NO_ID)
    return isCorrection ? last : undefined
  }

  #addOther({ type, toolName }: RowEvent, agent: AgentRef | undefined, facts: RunFacts): void {
    const { state } = this
    state.otherAgent ??= agent
    if (type === 'token_usage_updated') {
      state.usage = usagePlus(state.usage ?? NO_USAGE, facts.usage ?? {})
      state.modelOfUsage ??= facts.model
      if (facts.model !== undefined) nameModel(state.models, facts.model)
      return
    }
    if (!countEvent(state.counts, type)) return
    if (isClaim(facts.confidence)) state.claimed++
    const toolCount = TOOL_COUNT.get(type)
    if (toolCount !== undefined) {
      const tool = nameTool(state.tools, storedId(toolName ?? ''))
      if (tool) tool[toolCount]++
    }
  }

  /** The first to say which agent it is counts; a later one only adds the id or the name it lacks. */
  #setOwnAgent(agent: AgentRef | undefined): void {
    if (!agent) return
    const known = this.state.agent
    if (!known || agrees(known.id, agent.id) || agrees(known.name, agent.name)) {
      this.state.agent = present({ id: known?.id ?? agent.id, name: known?.name ?? agent.name })
    }
  }
}

function agrees(known: string | undefined, stated: string | undefined): boolean {
  return known !== undefined && known === stated
}

function copied(agent: AgentRef | undefined): AgentRef | undefined {
  return agent && present({ id: agent.id, name: agent.name })
}
