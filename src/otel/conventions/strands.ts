import type { Attributes } from '@opentelemetry/api'
import { type SpanLike, scopeOf } from '../span.js'
import { count, json, jsonIn, record, text } from './attributes.js'
import type { Activity, Conclusion, Convention, Fact, Lineage, RunActivity, StepActivity } from './contract.js'
import { genAiConvention } from './gen-ai.js'
import { quotaFacts } from './limits.js'
import { errorOf, hasErrorStatus, type SpanError } from './outcome.js'
import { usageFrom } from './usage.js'

/*
 * Strands Agents. It speaks the GenAI conventions under the name of the service, which is its tracer's name too
 * (`strands-agents` by default). Why a run ended stands in the last message event; agents, nodes, swarms and graphs
 * repeat, and carry over from earlier runs, what their model calls consumed.
 */

const DEFAULT_SERVICE = 'strands-agents'
const CYCLE_ID = 'agent_loop.cycle_id'
const STRUCTURED_OUTPUT_TOOL = 'strands_structured_output'

/* What is kept for the life of a run. */
const CALLED_MODEL = 'strands.calledModel'
const RESUMED_TOLD = 'strands.resumedTold'
/** The context did not fit; the next call in the same cycle has a smaller one. */
const OVERFLOWED = 'strands.overflowed'
/** How the nodes of a swarm or a graph ended. */
const NODE_STATUS = 'strands.nodeStatus'
const NODE_FAILURE = 'strands.nodeFailure'
/** The node of the swarm that an agent, and then the last of them, wants to go on with. */
const HANDS_OFF = 'strands.handsOff'

/** Limits by the reason with which an agent stopped. */
const LIMITS: ReadonlyMap<string | undefined, string> = new Map([
  ['limitTurns', 'turns'],
  ['limitTotalTokens', 'total_tokens'],
  ['limitOutputTokens', 'output_tokens'],
])

/** The more telling status of one node outweighs those of others. */
const NODE_STATUSES = ['COMPLETED', 'CANCELLED', 'INTERRUPTED', 'FAILED']

type StepKind = 'cycle' | 'node' | 'structured output'

interface Step extends StepActivity {
  readonly step?: StepKind | undefined
}

/** A swarm or a graph. */
interface Orchestrator extends RunActivity {
  readonly orchestrator: 'swarm' | 'graph'
}

/** What is inside of a swarm knows of which node: hand-offs are between these. */
type Inside = Activity & { readonly swarmNode?: string | undefined }

/** Agents, swarms and graphs of Strands. */
export const strandsConvention: Convention = {
  name: 'strands',
  scopes: [DEFAULT_SERVICE],
  attributePrefixes: [CYCLE_ID, 'gen_ai.'],

  recognise(span, moment, lineage) {
    const { attributes } = span
    const swarmNode = (lineage.parent?.activity as Inside | undefined)?.swarmNode
    const within = <A extends Activity>(activity: A): A => ({ ...activity, swarmNode })
    if (attributes[CYCLE_ID] !== undefined) return within(stepOf('cycle'))
    if (!isOfStrands(span, lineage)) return undefined
    const operation = text(attributes, 'gen_ai.operation.name')
    switch (operation) {
      case 'invoke_swarm':
      case 'invoke_graph':
        return orchestrator(attributes, operation === 'invoke_swarm' ? 'swarm' : 'graph')
      case 'invoke_agent': {
        const activity = genAiConvention.recognise(span, moment, lineage)
        return activity === 'later' ? activity : activity && within(activity)
      }
      case 'execute_node':
        return node(attributes, lineage)
      case 'chat':
        return startOfCall(attributes, lineage)
      case 'execute_tool':
        return within(startOfTool(attributes, lineage))
      case 'memory.search':
        return { kind: 'recall', tier: 'memory' }
      default:
        return stepOf(undefined)
    }
  },

  conclude(span, activity, lineage) {
    const told: Conclusion = { error: hasErrorStatus(span) ? errorOf(span) : undefined }
    switch (activity.kind) {
      case 'run':
        return 'orchestrator' in activity ? endOfOrchestrator(told, lineage) : endOfAgent(span, told, lineage)
      case 'model':
        return endOfCall(span, told, lineage)
      case 'tool':
        return endOfTool(span, told)
      case 'recall':
        return { ...told, hits: count(span.attributes, 'memory.result.count') }
      default:
        return { ...told, facts: endOfStep(span, activity, lineage) }
    }
  },
}

/** Under another service name: the provider it tells is its tracer's name, and outer spans repeat their own name. */
function isOfStrands(span: SpanLike, { parent }: Lineage): boolean {
  const { attributes, name } = span
  const scope = scopeOf(span).name
  if (scope === DEFAULT_SERVICE) return true
  if (text(attributes, 'gen_ai.system', 'gen_ai.provider.name') !== scope) return false
  return attributes.name === name || parent?.convention === 'strands' || name.startsWith('memory.')
}

function stepOf(step: StepKind | undefined): Step {
  return { kind: 'step', step }
}

function orchestrator(attributes: Attributes, kind: 'swarm' | 'graph'): Orchestrator {
  const id = text(attributes, 'gen_ai.agent.id')
  const name = text(attributes, 'gen_ai.agent.name') ?? kind
  const input = attributes['gen_ai.agent.input']
  const resumes = typeof input === 'string' && input.startsWith('[') && answersInterrupt(jsonIn(input))
  return {
    kind: 'run',
    agent: { name, ...(id !== undefined && { id }) },
    trigger: kind,
    orchestrator: kind,
    facts: resumes ? RESUMED : undefined,
  }
}

const RESUMED: readonly Fact[] = Object.freeze([{ type: 'resumed', data: Object.freeze({}) }])

function answersInterrupt(input: unknown): boolean {
  return Array.isArray(input) && input.some((block) => record(block).type === 'interruptResponse')
}

function node(attributes: Attributes, { parent, memo }: Lineage): Inside {
  const to = text(attributes, 'gen_ai.agent.id')
  if ((parent?.activity as Partial<Orchestrator> | undefined)?.orchestrator !== 'swarm') return stepOf('node')
  const wanted = memo?.get(HANDS_OFF) as { readonly from: string; readonly to: string } | undefined
  memo?.delete(HANDS_OFF)
  // A hand-off has happened when its target starts: a swarm may stop before.
  const facts: readonly Fact[] | undefined =
    wanted && wanted.to === to ? [{ type: 'agent_handoff', data: wanted }] : undefined
  return { ...stepOf('node'), swarmNode: to, facts }
}

function startOfCall(attributes: Attributes, { memo }: Lineage): Activity {
  memo?.set(CALLED_MODEL, true)
  const isRetry = memo?.delete(OVERFLOWED) === true
  return {
    kind: 'model',
    operation: 'chat',
    model: text(attributes, 'gen_ai.request.model'),
    facts: isRetry ? [{ type: 'context_compacted', data: {}, confidence: 'heuristic' }] : undefined,
  }
}

function startOfTool(attributes: Attributes, lineage: Lineage): Activity {
  const name = text(attributes, 'gen_ai.tool.name') ?? 'unknown'
  if (name === STRUCTURED_OUTPUT_TOOL) return stepOf('structured output')
  const inCycle = (lineage.parent?.activity as Partial<Step> | undefined)?.step === 'cycle'
  return {
    kind: 'tool',
    tool: { name },
    callId: text(attributes, 'gen_ai.tool.call.id'),
    facts: inCycle ? resumption(lineage.memo) : undefined,
  }
}

/** A run that does not begin with a call of the model goes on with the tools an earlier one had left waiting. */
function resumption(memo: Lineage['memo']): readonly Fact[] | undefined {
  if (!memo || memo.has(CALLED_MODEL) || memo.has(RESUMED_TOLD)) return undefined
  memo.set(RESUMED_TOLD, true)
  return [{ type: 'resumed', data: {}, confidence: 'heuristic' }]
}

function endOfAgent(span: SpanLike, told: Conclusion, { memo, ownMemo }: Lineage): Conclusion {
  const wanted = ownMemo?.get(HANDS_OFF)
  if (wanted) memo?.set(HANDS_OFF, wanted)
  if (told.error) {
    memo?.set(NODE_FAILURE, told.error)
    const facts = told.error.code === 'MaxTokensError' ? [limitExceeded('output_tokens')] : undefined
    return { ...told, facts }
  }
  const finishReason = finishReasonOf(span)
  switch (finishReason) {
    case 'interrupt':
    case 'checkpoint':
      return { outcome: 'suspended', reason: finishReason }
    case 'cancelled':
      return { outcome: 'cancelled', reason: finishReason }
    default: {
      const axis = LIMITS.get(finishReason)
      return { finishReason, facts: axis === undefined ? undefined : [limitExceeded(axis)] }
    }
  }
}

function limitExceeded(axis: string): Fact {
  return { type: 'usage_limit_exceeded', data: { axis } }
}

function endOfOrchestrator(told: Conclusion, { ownMemo }: Lineage): Conclusion {
  if (told.error) {
    const cancelled = told.error.message.endsWith('cancelled by external signal')
    if (cancelled) return { outcome: 'cancelled', reason: 'cancelled', confidence: 'heuristic' }
    return { ...told, facts: limitIn(told.error.message) }
  }
  switch (ownMemo?.get(NODE_STATUS)) {
    case 'FAILED':
      return { outcome: 'failed', error: ownMemo?.get(NODE_FAILURE) as SpanError | undefined }
    case 'INTERRUPTED':
      return { outcome: 'suspended', reason: 'interrupt' }
    case 'CANCELLED':
      return { outcome: 'cancelled', reason: 'cancelled' }
    default:
      return told
  }
}

/** `max_steps=<3> | swarm reached step limit`, `timeout=<1000>, swarm_id=<s> | swarm exceeded wall-clock budget`. */
function limitIn(message: string): readonly Fact[] | undefined {
  const [, setting, limit] = /^(max_steps|steps|timeout|node_timeout)=<(\d+)>/.exec(message) ?? []
  if (setting === undefined) return undefined
  const axis = setting.endsWith('timeout') ? 'duration_ms' : 'turns'
  return [{ type: 'usage_limit_exceeded', data: { axis, limit: Number(limit) }, confidence: 'heuristic' }]
}

function endOfCall(span: SpanLike, told: Conclusion, { memo }: Lineage): Conclusion {
  if (told.error) {
    if (told.error.code === 'ContextWindowOverflowError') memo?.set(OVERFLOWED, true)
    return { ...told, facts: quotaFacts(told.error) }
  }
  const usage = usageFrom(span.attributes)
  // What it calls the provider is the service.
  return { finishReason: finishReasonOf(span), usage: usage && { ...usage, provider: undefined } }
}

function endOfTool({ attributes }: SpanLike, told: Conclusion): Conclusion {
  if (told.error) return told
  const status = text(attributes, 'gen_ai.tool.status')
  if (status === 'error') return { outcome: 'failed', error: { code: 'Error', message: '' } }
  // It has thrown an interrupt, which its span does not show.
  return status === undefined && attributes['gen_ai.event.end_time'] !== undefined ? { outcome: 'suspended' } : {}
}

function endOfStep(span: SpanLike, activity: Activity, { memo }: Lineage): readonly Fact[] | undefined {
  const { step, swarmNode } = activity as Step & Inside
  switch (step) {
    case 'cycle':
      memo?.delete(OVERFLOWED)
      return hasErrorStatus(span) ? undefined : resumption(memo)
    case 'node':
      noteNode(text(span.attributes, 'gen_ai.agent.status'), memo)
      return undefined
    case 'structured output':
      if (swarmNode !== undefined) noteHandoff(span, swarmNode, memo)
      return undefined
    default:
      return undefined
  }
}

function noteNode(status: string | undefined, memo: Lineage['memo']): void {
  const rank = NODE_STATUSES.indexOf(status ?? '')
  if (rank > NODE_STATUSES.indexOf(String(memo?.get(NODE_STATUS)))) memo?.set(NODE_STATUS, status)
}

/** An agent in a swarm answers with the node to go on with, or, at the end, with none. */
function noteHandoff(span: SpanLike, from: string, memo: Lineage['memo']): void {
  if (text(span.attributes, 'gen_ai.tool.status') !== 'success') return
  const { agentId: to } = record(toolInput(span))
  if (typeof to === 'string' && to !== '') memo?.set(HANDS_OFF, { from, to })
}

function toolInput({ attributes, events }: SpanLike): unknown {
  const latest = json(attributes, 'gen_ai.tool.call.arguments')
  return latest ?? jsonIn(events.find(({ name }) => name === 'gen_ai.tool.message')?.attributes?.content)
}

/** In the last message event; with the latest conventions, in the messages that an event or the span carries. */
function finishReasonOf({ attributes, events }: SpanLike): string | undefined {
  for (let i = events.length - 1; i >= 0; i--) {
    const told = events[i]?.attributes ?? {}
    const reason = text(told, 'finish_reason') ?? finishReasonIn(told)
    if (reason !== undefined) return reason
  }
  return finishReasonIn(attributes)
}

function finishReasonIn(attributes: Attributes): string | undefined {
  const messages = json(attributes, 'gen_ai.output.messages')
  const reason = record(Array.isArray(messages) ? messages.at(-1) : undefined).finish_reason
  return typeof reason === 'string' && reason !== '' ? reason : undefined
}
