import type { Attributes } from '@opentelemetry/api'
import { type SpanLike, scopeOf } from '../../span.js'
import type { Activity, Conclusion, Convention, Fact, Lineage } from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { count, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { operationIn } from '../shared/operation.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { usageFrom } from '../shared/usage.js'
import { finishReasonOf } from './messages.js'
import {
  endOfOrchestrator,
  type Inside,
  node,
  noteAgent,
  noteHandoff,
  noteNode,
  orchestrator,
  type Step,
  stepOf,
} from './multi-agent.js'

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

/** Limits by the reason with which an agent stopped. */
const LIMITS: ReadonlyMap<string | undefined, string> = new Map([
  ['limitTurns', 'turns'],
  ['limitTotalTokens', 'total_tokens'],
  ['limitOutputTokens', 'output_tokens'],
])

/** Agents, swarms and graphs of Strands. */
export const strandsConvention: Convention = {
  name: 'strands',
  scopes: [DEFAULT_SERVICE],
  attributePrefixes: [CYCLE_ID, 'gen_ai.'],

  recognise(span, moment, lineage) {
    const { attributes } = span
    if (attributes[CYCLE_ID] !== undefined) return within(stepOf('cycle'), lineage)
    if (!isOfStrands(span, lineage)) return undefined
    const operation = operationIn(attributes)
    switch (operation) {
      case 'invoke_swarm':
      case 'invoke_graph':
        return orchestrator(attributes, operation === 'invoke_swarm' ? 'swarm' : 'graph')
      case 'invoke_agent': {
        const activity = genAiConvention.recognise(span, moment, lineage)
        return activity === undefined || activity === 'later' ? activity : within(activity, lineage)
      }
      case 'execute_node':
        return node(attributes, lineage)
      case 'chat':
        return startOfCall(attributes, lineage)
      case 'execute_tool':
        return within(startOfTool(attributes, lineage), lineage)
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

function within(activity: Activity, { parent }: Lineage): Inside {
  return { ...activity, swarmNode: (parent?.activity as Inside | undefined)?.swarmNode }
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

function endOfAgent(span: SpanLike, told: Conclusion, lineage: Lineage): Conclusion {
  noteAgent(told.error, lineage)
  if (told.error) {
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
