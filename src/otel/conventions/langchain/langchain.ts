import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Ancestors, Conclusion, Fact } from '../contract.js'
import { text } from '../shared/attributes.js'
import type { FromClient } from '../shared/from-client.js'
import { endOfHandoffTool, type HandoffStep, handoffsLeft, handoffTaken } from '../shared/handoff-tools.js'
import { countRecords, isMemoryLookup } from '../shared/memory-tools.js'
import type { SpanError } from '../shared/outcome.js'
import { endsWithError, factsOfError, langChainErrorOf, steeringOf } from './errors.js'
import { interruptsIn } from './interrupts.js'
import * as values from './values.js'

/*
 * What the spans of LangChain and LangGraph mean, whoever instruments them. Pauses, hand-offs and aborts come as
 * errors of the nodes inside, while the graph itself ends well: so what happened inside is kept for the life of a run.
 */

export type Dialect = values.Dialect

type ConventionState = Ancestors['runState']

/** Keys of `Ancestors.runState`. */
const WAITING_FOR = 'langchain.waitingFor'
const ABORTED_BY = 'langchain.abortedBy'
const TOLD = 'langchain.told'
const REVIEWED_CALLS = 'langchain.reviewedCalls'
const SUMMARISED = 'langchain.summarised'
const HANDED_OVER = 'langchain.handedOver'
const HANDED_OVER_BY = 'langchain.handedOverBy'

/** Whether what is seen at several levels is told for the first time in a run. */
function isNews(runState: ConventionState, what: string): boolean {
  const known = runState?.get(TOLD)
  const told: Set<unknown> = known instanceof Set ? known : new Set()
  if (told.has(what)) return false
  runState?.set(TOLD, told.add(what))
  return true
}

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
  { runState, parent }: Ancestors,
  name: string | undefined,
): Conclusion {
  if (endsWithError(span)) return concludeError(span, dialect, runState)
  const { attributes } = span
  const facts: Fact[] = []
  const to = values.gotoTarget(attributes, dialect)
  if (to !== undefined && to !== name) {
    // Graphs without agents go from node to node in the same way.
    facts.push({ type: 'agent_handoff', data: { from: name, to }, confidence: 'heuristic' })
  }
  const dropped = values.summarisedMessages(attributes, dialect)
  const summarised = runState?.delete(SUMMARISED) && name?.startsWith('SummarizationMiddleware')
  if (dropped !== undefined || summarised) {
    facts.push({ type: 'context_compacted', data: typeof dropped === 'number' ? { droppedMessages: dropped } : {} })
  }
  const axis = values.limitInOutput(attributes, dialect)
  if (axis !== undefined && isNews(runState, axis)) facts.push({ type: 'usage_limit_exceeded', data: { axis } })
  facts.push(...reviewed(span, dialect, runState, parent, name))
  return { facts }
}

/** A middleware goes on from where it asked a human: told by the input of the graph, as soon as that is known. */
function reviewed(
  span: SpanLike,
  dialect: Dialect,
  runState: ConventionState,
  parent: Ancestors['parent'],
  name: string | undefined,
): readonly Fact[] {
  const graph = parent?.activity.kind === 'run' ? parent.span : undefined
  const resumption = graph && values.resumptionIn(graph.attributes, dialect.input)
  const facts = resumption?.tells((told) => {
    if (!told?.decisions.length) return undefined
    const calls = values.toolCallsIn(span.attributes, dialect.input)
    return calls?.tells((asked) => (asked.length > 0 ? reviewFacts(told.decisions, asked, span, runState) : undefined))
  })
  if (facts) return facts
  if (name?.startsWith('HumanInTheLoopMiddleware') && !runState?.has(REVIEWED_CALLS)) {
    runState?.set(REVIEWED_CALLS, values.toolCallsIn(span.attributes, dialect.input))
  }
  return []
}

/** Returns the decisions on the calls that waited. */
function reviewFacts(
  decisions: values.Resumption['decisions'],
  calls: readonly values.ToolCall[],
  span: SpanLike,
  runState: ConventionState,
): readonly Fact[] {
  if (decisions.length === 0 || !isNews(runState, 'review')) return []
  const time = timestampFromHrTime(span.startTime)
  const denied = decisions.filter((decision) => decision === 'denied').length
  // Of several, those that were denied may be the only ones left.
  const left = calls.length === decisions.length ? undefined : calls.length === denied ? [...calls] : []
  return decisions.map((decision, index): Fact => {
    const call = left === undefined ? calls[index] : decision === 'denied' ? left.shift() : undefined
    const data = approvalData(call, call?.name, `${span.spanContext().spanId}.${index}`)
    return decision === 'granted'
      ? { type: 'tool_approval_granted', data, time }
      : { type: 'tool_approval_denied', data, time }
  })
}

function approvalData(call: values.ToolCall | undefined, name: string | undefined, fallbackId: string) {
  return { callId: call?.id ?? fallbackId, tool: { name: name ?? 'unknown' } }
}

/** A tool. `from` is the agent that called it. */
export function concludeTool(
  span: SpanLike,
  dialect: Dialect,
  { runState }: Ancestors,
  name: string,
  from: string | undefined,
): Conclusion {
  if (endsWithError(span)) return concludeError(span, dialect, runState)
  const { attributes } = span
  const facts: Fact[] = []
  const to = values.gotoTarget(attributes, dialect)
  const named = to === undefined && values.isCutCommand(attributes, dialect.output) ? handoffTargetIn(name) : undefined
  const target = to ?? named
  if (target !== undefined) {
    facts.push({
      type: 'agent_handoff',
      data: { from, to: target },
      confidence: to === undefined ? 'heuristic' : undefined,
    })
    runState?.set(HANDED_OVER, true)
  }
  if (isMemoryLookup(name)) {
    const message = values.toolMessageIn(attributes, dialect.output)
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

/** What came of a call of a model. */
export function concludeModel(span: SpanLike, { runState }: Ancestors, source: unknown): Conclusion {
  if (!endsWithError(span)) {
    if (source === 'summarization') runState?.set(SUMMARISED, true)
    return {}
  }
  const error = langChainErrorOf(span)
  return steeringOf(error) === 'aborted' ? aborted(error, runState) : { error }
}

/** What came of a graph, or of a chain that was called from outside of LangChain. */
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

/** Returns the decisions made when the run began, on the calls about which a node inside had asked. */
function reviewedInside(span: SpanLike, dialect: Dialect, ownState: ConventionState): readonly Fact[] {
  const calls = ownState?.get(REVIEWED_CALLS) as FromClient<readonly values.ToolCall[]> | undefined
  const facts = values.resumptionIn(span.attributes, dialect.input)?.tells((told) => {
    const review = (asked: readonly values.ToolCall[]) => told && reviewFacts(told.decisions, asked, span, ownState)
    return calls ? calls.tells(review) : review([])
  })
  return facts ?? []
}

function pause(runState: ConventionState): Conclusion {
  const waitingFor = runState?.get(WAITING_FOR)
  return typeof waitingFor === 'string' ? { outcome: 'suspended', reason: 'interrupt', waitingFor } : {}
}

/** What a timeout aborts has failed; what its caller aborts is cancelled. */
function aborted(error: SpanError, runState: ConventionState): Conclusion {
  const cause = runState?.get(ABORTED_BY)
  return cause === 'TimeoutError'
    ? { outcome: 'failed', error: { code: cause, message: error.message } }
    : { outcome: 'cancelled', reason: 'aborted' }
}

function concludeError(span: SpanLike, dialect: Dialect, runState: ConventionState): Conclusion {
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

/** Tool calls that wait for a human, each told once, where the graph stopped first. */
function requests(span: SpanLike, dialect: Dialect, error: SpanError, runState: ConventionState): readonly Fact[] {
  const interrupts = interruptsIn(error.message)
  const confidence = interrupts.some(({ isGuess }) => isGuess) ? 'heuristic' : undefined
  const waitsForApproval = interrupts.some(({ requested }) => requested.length > 0)
  runState?.set(WAITING_FOR, waitsForApproval ? 'approval' : 'input')
  if (!waitsForApproval) return []
  // The node has stopped at a call of that name: whose id it is stands in the state that it was given.
  const calls = values.toolCallsIn(span.attributes, dialect.input)?.borneOutBy('interrupt', (asked) => [...asked]) ?? []
  return interrupts
    .filter(({ id }) => isNews(runState, id))
    .flatMap(({ id, requested }) =>
      requested.map((name, index): Fact => {
        const at = calls.findIndex((call) => call.name === name)
        const [call] = at < 0 ? [] : calls.splice(at, 1)
        return { type: 'tool_approval_requested', data: approvalData(call, name, `${id}.${index}`), confidence }
      }),
    )
}

/** A graph that goes on from a checkpoint. */
export function resumedFacts(span: SpanLike, dialect: Dialect, time?: Timestamp): readonly Fact[] {
  const resumption = values.resumptionIn(span.attributes, dialect.input)
  return resumption?.tells((told) => told && [{ type: 'resumed', data: {}, time }]) ?? []
}

/** Names of LangChain's own classes, where an instrumentation puts them in the place of a name. */
const CLASS_NAME = /^(?:Runnable\w*|Compiled(?:State)?Graph|Pregel|Channel\w+|unknown)$/

export function isClassName(name: string): boolean {
  return CLASS_NAME.test(name)
}

/** A prompt or a parser is called on its own as well; that makes it no run. */
const MERE_PART = /^(?:prompt|parser)$|(?:Prompt|PromptTemplate|OutputParser)$/

export function isMerePart(name: string): boolean {
  return MERE_PART.test(name)
}

const HANDOFF_TOOL = /^transfer_(?:back_)?to_(.+)/

/** By LangGraph's convention such a tool hands over; what it returns tells for certain. */
export function isHandoffTool(name: string): boolean {
  return HANDOFF_TOOL.test(name)
}

function handoffTargetIn(toolName: string): string | undefined {
  return HANDOFF_TOOL.exec(toolName)?.[1]
}
