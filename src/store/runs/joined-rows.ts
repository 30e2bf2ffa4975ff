import type { AgentRef } from '../../events/types.js'
import { usagePlus } from '../../events/usage.js'
import { runChangeOf } from '../open-runs.js'
import type { Named, ToolCounts } from './named-items.js'
import type { RowState } from './row-state.js'
import { MAX_NAMED } from './run-overview.js'

/**
 * Joins the sums of two parts of one run that were kept apart: the first has its start, the second follows it, and may have its
 * end.
 *
 * @returns the sum of all of the run's events, for the tenant of the second; `undefined` where only the events can tell it
 */
export function joinedState(first: RowState, second: RowState): RowState | undefined {
  const isPlain = first.status === 'running' && first.resumed === 0 && first.endIds.length === 0
  const isFirst = first.lastSeq < second.firstSeq && first.startedAt !== undefined
  const goesOn = [...second.firstSeqs.keys()].some((type) => runChangeOf(type) === 'begins')
  const isSameAgent = !second.agent || isSame(second.agent, first.agent ?? {})
  const isSameSession = second.sessionId === undefined || second.sessionId !== first.traceSessionId
  const isSummable = !first.usage || !second.usage || !(first.usage.costUsd ?? second.usage.costUsd)
  if (!isPlain || !isFirst || goesOn || !isSameAgent || !isSameSession || !isSummable) return undefined
  const agents = joinedAgents(first.agents, second.agents)
  const tools = joinedTools(first.tools, second.tools)
  const models = joined(first.models, second.models, (one, other) => one === other)
  if (!agents || !tools || !models) return undefined
  return {
    ...first,
    tenantId: second.tenantId,
    lastSeq: second.lastSeq,
    eventCount: first.eventCount + second.eventCount,
    status: second.status ?? first.status,
    parentRunId: first.parentRunId ?? second.parentRunId,
    actorId: first.actorId ?? second.actorId,
    sessionId: second.sessionId ?? first.sessionId,
    traceSessionId: second.traceSessionId ?? first.traceSessionId,
    otherAgent: first.otherAgent ?? second.otherAgent,
    modelOfUsage: first.modelOfUsage ?? second.modelOfUsage,
    ending: second.ending,
    endIds: second.endIds,
    usage: first.usage && second.usage ? usagePlus(first.usage, second.usage) : (first.usage ?? second.usage),
    usageFromEnd: second.usageFromEnd,
    counts: first.counts.map((count, at) => count + (second.counts[at] as number)),
    claimed: first.claimed + second.claimed,
    agents,
    tools,
    models,
    firstSeqs: new Map([...second.firstSeqs, ...first.firstSeqs]),
  }
}

/** Two agents that agree in a part of what names them may be one: the events tell in their order. */
function joinedAgents(first: Named<AgentRef>, second: Named<AgentRef>): Named<AgentRef> | undefined {
  const mayBeOne = (one: AgentRef, other: AgentRef) =>
    !isSame(one, other) &&
    ((one.id !== undefined && one.id === other.id) || (one.name !== undefined && one.name === other.name))
  if (second.items.some((one) => first.items.some((other) => mayBeOne(one, other)))) return undefined
  return joined(first, second, isSame)
}

function joinedTools(first: Named<ToolCounts>, second: Named<ToolCounts>): Named<ToolCounts> | undefined {
  const tools = joined(first, second, (one, other) => one.name === other.name)
  if (!tools) return undefined
  const items = tools.items.map(({ name }) => {
    const tool: ToolCounts = { name, started: 0, completed: 0, failed: 0 }
    for (const part of [first, second]) {
      const { started = 0, completed = 0, failed = 0 } = part.items.find((one) => one.name === name) ?? {}
      tool.started += started
      tool.completed += completed
      tool.failed += failed
    }
    return tool
  })
  return { items, omitted: 0 }
}

/** Joins two lists, unless one of them had to leave something out. */
function joined<T>(first: Named<T>, second: Named<T>, isSame: (one: T, other: T) => boolean): Named<T> | undefined {
  const added = second.items.filter((one) => !first.items.some((other) => isSame(one, other)))
  const items = [...first.items, ...added]
  return first.omitted + second.omitted > 0 || items.length > MAX_NAMED ? undefined : { items, omitted: 0 }
}

function isSame(one: AgentRef, other: AgentRef): boolean {
  return one.id === other.id && one.name === other.name
}
