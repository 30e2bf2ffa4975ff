import { isClaim, weakest } from '../../events/confidence.js'
import { storedId } from '../../events/ids.js'
import { present } from '../../events/recorded-fields.js'
import { statusAfter } from '../../events/run-status.js'
import { millisBetween, type Timestamp } from '../../events/time.js'
import type { AgentRef } from '../../events/types.js'
import { NO_USAGE, usagePlus } from '../../events/usage.js'
import type { FiledEvent, RunTelling } from '../contract.js'
import { COUNTED_TYPES, type Named, type RowState, type ToolCounts } from './row-state.js'
import { namedAgent, type RunFacts } from './run-facts.js'
import { MAX_NAMED, type RunCounts, type RunOverview } from './run-overview.js'
import type { RunKey, RunRow } from './run-row.js'

/** The fields of an event that a row is made of. */
export type RowEvent = Pick<
  FiledEvent,
  'type' | 'time' | 'tenantId' | 'sessionId' | 'parentRunId' | 'agent' | 'actorId' | 'toolName'
> &
  RunTelling

const COUNTER: ReadonlyMap<string, number> = new Map(COUNTED_TYPES.map((type, at) => [type, at]))

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
      startToldByEnd: undefined,
      startConfidence: undefined,
      ending: undefined,
      endIds: [],
      wentOn: false,
      resumed: 0,
      claimedResumed: 0,
      usage: undefined,
      usageToldByEnd: undefined,
      counts: COUNTED_TYPES.map(() => 0),
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
    this.#noteSession(event.sessionId, facts)
    const status = statusAfter(type)
    if (status === undefined) {
      this.#note(event, agent, facts)
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
    const startedAt = state.startedAt ?? state.startToldByEnd ?? state.firstTime
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
      usage: { ...(state.usage ?? state.usageToldByEnd ?? NO_USAGE) },
      agents: { items: state.agents.items.map((agent) => ({ ...agent })), omitted: state.agents.omitted },
      tools: { items: state.tools.items.map((tool) => ({ ...tool })), omitted: state.tools.omitted },
      models: { items: [...state.models.items], omitted: state.models.omitted },
      counts: countsOf(state),
      resumedCount: state.resumed,
      ...(state.claimedResumed > 0 && { claimedResumedCount: state.claimedResumed }),
      eventCount: state.eventCount,
      firstSeq: state.firstSeq,
      lastSeq: state.lastSeq,
    }
  }

  #noteSession(sessionId: string, { isTraceSession }: RunFacts): void {
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
    this.#noteOwnAgent(agent)
  }

  #end(time: Timestamp, agent: AgentRef | undefined, facts: RunFacts): void {
    const { state } = this
    const { durationMs, finishReason, reason, error, confidence, startedAt, usage } = facts
    const supersedes = this.#supersede(facts)
    // A guess that gives way is good for nothing that the fact tells.
    if (supersedes === undefined) state.startToldByEnd ??= startedAt
    else state.startToldByEnd = startedAt ?? state.startToldByEnd
    this.#noteOwnAgent(agent)
    if (usage !== undefined) state.usageToldByEnd = usagePlus(NO_USAGE, usage)
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

  /** Notes an end. @returns the id of the end that gives way to it */
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

  #note({ type, toolName }: RowEvent, agent: AgentRef | undefined, facts: RunFacts): void {
    const { state } = this
    state.otherAgent ??= agent
    if (type === 'token_usage_updated') {
      state.usage = usagePlus(state.usage ?? NO_USAGE, facts.usage ?? {})
      state.modelOfUsage ??= facts.model
      if (facts.model !== undefined) nameModel(state.models, facts.model)
      return
    }
    const counter = COUNTER.get(type)
    if (counter === undefined) return
    state.counts[counter] = (state.counts[counter] as number) + 1
    if (isClaim(facts.confidence)) state.claimed++
    const toolCount = TOOL_COUNT.get(type)
    if (toolCount !== undefined) countTool(state.tools, storedId(toolName ?? ''), toolCount)
  }

  /** The first to say which agent it is counts; a later one only adds the id or the name it lacks. */
  #noteOwnAgent(agent: AgentRef | undefined): void {
    if (!agent) return
    const known = this.state.agent
    if (!known || agrees(known.id, agent.id) || agrees(known.name, agent.name)) {
      this.state.agent = present({ id: known?.id ?? agent.id, name: known?.name ?? agent.name })
    }
  }
}

/**
 * Adds an agent to those that a run names. Two events name one agent if their ids are the same or, where one has none,
 * their names.
 *
 * @returns the agent as this event names it; `undefined` where it has neither an id nor a name
 */
function nameAgent(agents: Named<AgentRef>, said: AgentRef): AgentRef | undefined {
  const { items } = agents
  for (let at = 0; at < items.length; at++) {
    const known = items[at] as AgentRef
    // As most events say it.
    if (known.id === said.id && known.name === said.name) return known
  }
  const agent = namedAgent(said)
  if (!agent) return undefined
  const { id, name } = agent
  for (let at = 0; at < items.length; at++) {
    const known = items[at] as AgentRef
    if (known.id !== undefined && id !== undefined ? known.id !== id : known.name !== name) continue
    items[at] = { ...agent, ...known }
    return agent
  }
  if (items.length < MAX_NAMED) items.push(agent)
  else agents.omitted++
  return agent
}

function nameModel(models: Named<string>, model: string): void {
  if (models.items.includes(model)) return
  if (models.items.length < MAX_NAMED) models.items.push(model)
  else models.omitted++
}

function countTool(tools: Named<ToolCounts>, name: string, count: 'started' | 'completed' | 'failed'): void {
  let tool = tools.items.find((known) => known.name === name)
  if (!tool) {
    if (tools.items.length >= MAX_NAMED) {
      tools.omitted++
      return
    }
    tool = { name, started: 0, completed: 0, failed: 0 }
    tools.items.push(tool)
  }
  tool[count]++
}

function countsOf({ counts, claimed }: RowState): RunCounts {
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

function agrees(known: string | undefined, said: string | undefined): boolean {
  return known !== undefined && known === said
}

function copied(agent: AgentRef | undefined): AgentRef | undefined {
  return agent && present({ id: agent.id, name: agent.name })
}
