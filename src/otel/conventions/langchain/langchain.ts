import { timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Ancestors, Conclusion, Fact } from '../contract.js'
import { text } from '../shared/attributes.js'
import { endOfHandoffTool, type HandoffStep, handoffsLeft, handoffTaken } from '../shared/handoff-tools.js'
import { countRecords, isMemoryLookup } from '../shared/memory-tools.js'
import type { SpanError } from '../shared/outcome.js'
import { gotoTarget, isCutCommand } from './commands.js'
import { endsWithError, factsOfError, langChainErrorOf, steeringOf } from './errors.js'
import { interruptsIn } from './interrupts.js'
import { limitInOutput, summarisedMessages, toolMessageIn } from './messages.js'
import { handoffTargetIn } from './names.js'
import { requests, reviewed, reviewedInside } from './reviews.js'
import { isNews, type RunState, WAITING_FOR } from './run-state.js'
import type { Dialect } from './serialised.js'

/*
 * The meaning of the spans of LangChain and LangGraph, whoever instruments them. Pauses, hand-offs and aborts come as
 * errors of the nodes inside, while the graph itself ends well: so what happened inside is kept for the life of a run.
 */

/** Keys of `Ancestors.runState`. */
const ABORTED_BY = 'langchain.abortedBy'
const SUMMARISED = 'langchain.summarised'
const HANDED_OVER = 'langchain.handedOver'
const HANDED_OVER_BY = 'langchain.handedOverBy'

/**
 * A graph was left by a command that names no tool: the node that comes next has been handed over to. Else by a tool: the
 * node of that name has.
 */
export function handoffTo(node: string, ancestors: Ancestors): readonly Fact[] | undefined {
  const { parent, runState } = ancestors
  const from = runState?.get(HANDED_OVER_BY)
  if (parent?.activity.kind !== 'run') return undefined
  if (typeof from !== 'string') return handoffTaken(node, ancestors)
  runState?.delete(HANDED_OVER_BY)
  return [{ type: 'agent_handoff', data: { from, to: node }, confidence: 'heuristic' }]
}

/** A node of a graph, or a chain. `name` is the node's, where the instrumentation tells it. */
export function concludeStep(
  span: SpanLike,
  dialect: Dialect,
  ancestors: Ancestors,
  name: string | undefined,
): Conclusion {
  const { runState } = ancestors
  if (endsWithError(span)) return concludeError(span, dialect, runState)
  const { attributes } = span
  const facts: Fact[] = []
  const to = gotoTarget(attributes, dialect)
  if (to !== undefined && to !== name) {
    // Graphs without agents go from node to node in the same way.
    facts.push({ type: 'agent_handoff', data: { from: name, to }, confidence: 'heuristic' })
  }
  const dropped = summarisedMessages(attributes, dialect)
  const summarised = runState?.delete(SUMMARISED) && name?.startsWith('SummarizationMiddleware')
  if (dropped !== undefined || summarised) {
    facts.push({ type: 'context_compacted', data: typeof dropped === 'number' ? { droppedMessages: dropped } : {} })
  }
  const axis = limitInOutput(attributes, dialect)
  if (axis !== undefined && isNews(runState, axis)) facts.push({ type: 'usage_limit_exceeded', data: { axis } })
  facts.push(...reviewed(span, dialect, ancestors, name))
  return { facts }
}

/** A tool, and the agent that called it. */
export function concludeTool(
  span: SpanLike,
  dialect: Dialect,
  { runState }: Ancestors,
  { name, caller }: { readonly name: string; readonly caller: string | undefined },
): Conclusion {
  if (endsWithError(span)) return concludeError(span, dialect, runState)
  const { attributes } = span
  const facts: Fact[] = []
  const to = gotoTarget(attributes, dialect)
  const named = to === undefined && isCutCommand(attributes, dialect.output) ? handoffTargetIn(name) : undefined
  const target = to ?? named
  if (target !== undefined) {
    facts.push({
      type: 'agent_handoff',
      data: { from: caller, to: target },
      confidence: to === undefined ? 'heuristic' : undefined,
    })
    runState?.set(HANDED_OVER, true)
  }
  if (isMemoryLookup(name)) {
    const message = toolMessageIn(attributes, dialect.output)
    const hits = countRecords(message ? message.content : text(attributes, dialect.output))
    facts.push({ type: 'memory_recall', data: { tier: 'memory', hits }, confidence: 'heuristic' })
  }
  return { facts }
}

/** A tool has returned that may hand over, and has not said so: it shows by the node that comes next. */
export function withPendingHandoff(
  told: Conclusion,
  span: SpanLike,
  step: HandoffStep,
  ancestors: Ancestors,
): Conclusion {
  const facts = told.facts ?? []
  if (facts.some(({ type }) => type === 'agent_handoff')) return told
  if (told.error || told.outcome === 'suspended') return withCall(told, span, step.handoff.tool.name)
  endOfHandoffTool(span, step, ancestors, {})
  ancestors.runState?.set(HANDED_OVER, true)
  return told
}

/** A tool that looked like a hand-off was not recorded at its start. When it hands nothing over, that is made up for. */
export function withCall(told: Conclusion, span: SpanLike, name: string): Conclusion {
  const facts = told.facts ?? []
  if (facts.some(({ type }) => type === 'agent_handoff')) return told
  const call = { callId: span.spanContext().spanId, tool: { name } }
  const started: Fact = { type: 'tool_call_started', data: call, time: timestampFromHrTime(span.startTime) }
  if (told.outcome === 'suspended') return { ...told, facts: [started, ...facts] }
  const ended: Fact = told.error
    ? { type: 'tool_call_failed', data: { ...call, error: told.error } }
    : { type: 'tool_call_completed', data: call }
  return { ...told, facts: [started, ended, ...facts] }
}

/** Concludes a call of a model. */
export function concludeModel(span: SpanLike, { runState }: Ancestors, source: unknown): Conclusion {
  if (!endsWithError(span)) {
    if (source === 'summarization') runState?.set(SUMMARISED, true)
    return {}
  }
  const error = langChainErrorOf(span)
  return steeringOf(error) === 'aborted' ? aborted(error, runState) : { error }
}

/** Concludes a graph, or a chain that was called from outside of LangChain. */
export function concludeRun(
  span: SpanLike,
  dialect: Dialect,
  { runState, ownState, run }: Ancestors,
  agent: string | undefined,
): Conclusion {
  const facts: Fact[] = [...reviewedInside(span, dialect, ownState), ...handoffsLeft({ runState, ownState })]
  if (!endsWithError(span)) return { ...pause(ownState), facts }
  const error = langChainErrorOf(span)
  switch (steeringOf(error)) {
    case 'interrupt':
      // Told inside: the nodes around will end with the same.
      for (const { id } of interruptsIn(error.message)) isNews(runState, id)
      return { ...pause(ownState), outcome: 'suspended', reason: 'interrupt', facts }
    case 'drained':
      return { outcome: 'suspended', reason: 'drained', facts }
    case 'handoff':
      if (run && !ownState?.has(HANDED_OVER)) runState?.set(HANDED_OVER_BY, agent)
      return { outcome: 'completed', facts }
    case 'aborted':
      return { ...aborted(error, ownState), facts }
    default:
      // A sub-agent's error that nobody caught is the error of those around it, too.
      if (isNews(ownState, error.code)) facts.push(...factsOfError(error))
      isNews(runState, error.code)
      return { outcome: 'failed', error, facts }
  }
}

function pause(runState: RunState): Conclusion {
  const waitingFor = runState?.get(WAITING_FOR)
  return typeof waitingFor === 'string' ? { outcome: 'suspended', reason: 'interrupt', waitingFor } : {}
}

/** A run that a timeout aborts has failed; one that its caller aborts is cancelled. */
function aborted(error: SpanError, runState: RunState): Conclusion {
  const cause = runState?.get(ABORTED_BY)
  return cause === 'TimeoutError'
    ? { outcome: 'failed', error: { code: cause, message: error.message } }
    : { outcome: 'cancelled', reason: 'aborted' }
}

function concludeError(span: SpanLike, dialect: Dialect, runState: RunState): Conclusion {
  const error = langChainErrorOf(span)
  if (error.code === 'TimeoutError' || error.code === 'AbortError') runState?.set(ABORTED_BY, error.code)
  switch (steeringOf(error)) {
    case 'interrupt':
      return { outcome: 'suspended', facts: requests(span, dialect, error, runState) }
    case 'handoff':
    case 'drained':
      return { outcome: 'completed' }
    default:
      return { outcome: 'failed', error }
  }
}
