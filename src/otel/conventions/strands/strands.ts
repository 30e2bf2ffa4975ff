import type { Attributes } from '@opentelemetry/api'
import { hasDropped, type SpanLike, scopeOf } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact } from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { count, text } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { factsOfException } from '../shared/exception-names.js'
import { endOfHandoffTool, type HandoffStep, handoffStep, handoffsLeft, handoffTaken } from '../shared/handoff-tools.js'
import { quotaFacts } from '../shared/limits.js'
import { operationIn } from '../shared/operation.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { usageFrom } from '../shared/usage.js'
import { finishReasonOf, isFinishCut, toolInput } from './messages.js'
import {
  endOfOrchestrator,
  type Inside,
  node,
  orchestrator,
  rememberAgent,
  rememberHandoff,
  rememberNode,
  type Step,
  stepOf,
} from './multi-agent.js'

/*
 * Strands Agents. It speaks the GenAI conventions under the name of the service, which is its tracer's name too
 * (`strands-agents` by default), in Python under one of its own. Why a run ended stands in the last message event; agents, nodes, swarms and graphs
 * repeat, and carry over from earlier runs, what their model calls consumed.
 */

const DEFAULT_SERVICE = 'strands-agents'
const PYTHON_SCOPE = 'strands.telemetry.tracer'
/** In JavaScript, and in Python. */
const CYCLE_IDS = ['agent_loop.cycle_id', 'event_loop.cycle_id']
const STRUCTURED_OUTPUT_TOOL = 'strands_structured_output'

/* What is kept for the life of a run. */
const CALLED_MODEL = 'strands.calledModel'
const RESUMED_TOLD = 'strands.resumedTold'
/** The context did not fit; the next call in the same cycle has a smaller one. */
const OVERFLOWED = 'strands.overflowed'

/** The class of the error by which a call ends whose context is too large. */
const OVERFLOW = /\bContextWindowOverflow(?:Error|Exception)$/

/** Limits by the reason with which an agent stopped. */
const LIMITS: ReadonlyMap<string | undefined, string> = new Map([
  ['limitTurns', 'turns'],
  ['limitTotalTokens', 'total_tokens'],
  ['limitOutputTokens', 'output_tokens'],
])

/** Agents, swarms and graphs of Strands. */
export const strandsConvention: Convention = {
  name: 'strands',
  instrumentationScopes: [DEFAULT_SERVICE, PYTHON_SCOPE],
  attributePrefixes: [...CYCLE_IDS, 'gen_ai.'],
  decisive: { run: ['gen_ai.output.messages'] },

  recognise(span, phase, ancestors) {
    const { attributes } = span
    if (CYCLE_IDS.some((key) => attributes[key] !== undefined)) return within(stepOf('cycle'), ancestors)
    if (!isOfStrands(span, ancestors)) return undefined
    const operation = operationIn(attributes)
    switch (operation) {
      case 'invoke_swarm':
      case 'invoke_graph':
        return orchestrator(attributes, operation === 'invoke_swarm' ? 'swarm' : 'graph')
      case 'invoke_agent': {
        const activity = genAiConvention.recognise(span, phase, ancestors)
        if (activity === undefined || activity === 'later') return activity
        const taken = activity.kind === 'run' ? handoffTaken(activity.agent.name, ancestors) : undefined
        return within(taken ? { ...activity, facts: taken } : activity, ancestors)
      }
      case 'execute_node':
        return node(attributes, ancestors)
      case 'chat':
        return startOfCall(attributes, ancestors)
      case 'execute_tool':
        return within(startOfTool(span, ancestors), ancestors)
      case 'memory.search':
        return { kind: 'recall', tier: 'memory' }
      default:
        return stepOf(undefined)
    }
  },

  conclude(span, activity, ancestors) {
    const told: Conclusion = { error: hasErrorStatus(span) ? errorOf(span) : undefined }
    switch (activity.kind) {
      case 'run':
        return endOfRun(span, 'orchestrator' in activity, told, ancestors)
      case 'model':
        return endOfCall(span, told, ancestors)
      case 'tool':
        return endOfTool(span, told)
      case 'recall':
        return { ...told, hits: count(span.attributes, 'memory.result.count') }
      default:
        if ('handoff' in activity) {
          const { error } = endOfTool(span, told)
          return endOfHandoffTool(span, activity as HandoffStep, ancestors, { args: toolInput(span), error })
        }
        return { ...told, facts: endOfStep(span, activity, ancestors) }
    }
  },
}

/** Under another service name: the provider it tells is its tracer's name, and outer spans repeat their own name. */
function isOfStrands(span: SpanLike, { parent }: Ancestors): boolean {
  const { attributes, name } = span
  const scope = scopeOf(span).name
  if (scope === DEFAULT_SERVICE || scope === PYTHON_SCOPE) return true
  if (text(attributes, 'gen_ai.system', 'gen_ai.provider.name') !== scope) return false
  return attributes.name === name || parent?.convention === 'strands' || name.startsWith('memory.')
}

function within(activity: Activity, { parent }: Ancestors): Inside {
  return { ...activity, swarmNode: (parent?.activity as Inside | undefined)?.swarmNode }
}

function startOfCall(attributes: Attributes, { runState }: Ancestors): Activity {
  runState?.set(CALLED_MODEL, true)
  const isRetry = runState?.delete(OVERFLOWED) === true
  return {
    kind: 'model',
    operation: 'chat',
    model: text(attributes, 'gen_ai.request.model'),
    facts: isRetry ? [{ type: 'context_compacted', data: {}, confidence: 'heuristic' }] : undefined,
  }
}

function startOfTool(span: SpanLike, ancestors: Ancestors): Activity {
  const { attributes } = span
  const name = text(attributes, 'gen_ai.tool.name') ?? 'unknown'
  if (name === STRUCTURED_OUTPUT_TOOL) return stepOf('structured output')
  const callId = text(attributes, 'gen_ai.tool.call.id')
  const handoff = handoffStep(span, name, ancestors, { callId })
  if (handoff) return handoff
  const inCycle = (ancestors.parent?.activity as Partial<Step> | undefined)?.step === 'cycle'
  return {
    kind: 'tool',
    tool: { name },
    callId,
    facts: inCycle ? resumption(ancestors.runState) : undefined,
  }
}

/** A run that does not begin with a call of the model goes on with the tools an earlier one had left waiting. */
function resumption(runState: Ancestors['runState']): readonly Fact[] | undefined {
  if (!runState || runState.has(CALLED_MODEL) || runState.has(RESUMED_TOLD)) return undefined
  runState.set(RESUMED_TOLD, true)
  return [{ type: 'resumed', data: {}, confidence: 'heuristic' }]
}

function endOfRun(span: SpanLike, isOrchestrator: boolean, told: Conclusion, ancestors: Ancestors): Conclusion {
  const ending = isOrchestrator ? endOfOrchestrator(told, ancestors) : endOfAgent(span, told, ancestors)
  const left = handoffsLeft(ancestors)
  return left.length > 0 ? { ...ending, facts: [...(ending.facts ?? []), ...left] } : ending
}

function endOfAgent(span: SpanLike, told: Conclusion, ancestors: Ancestors): Conclusion {
  const ending = endingOfAgent(span, told)
  rememberAgent(ending, ancestors)
  return { ...ending, facts: [...(ending.facts ?? []), ...factsOfException(told.error, ancestors)] }
}

function endingOfAgent(span: SpanLike, told: Conclusion): Conclusion {
  if (told.error) {
    const facts = told.error.code === 'MaxTokensError' ? [limitExceeded('output_tokens')] : undefined
    return { ...concludeError(told.error, span), facts }
  }
  const finishReason = finishReasonOf(span)
  switch (finishReason) {
    case 'interrupt':
    case 'checkpoint':
      return { outcome: 'suspended', reason: finishReason }
    case 'cancelled':
      return { outcome: 'cancelled', reason: finishReason }
    case 'guardrail_intervened':
      return { finishReason, facts: [{ type: 'policy_violation', data: { rule: 'guardrail', action: 'blocked' } }] }
    default: {
      const axis = LIMITS.get(finishReason)
      if (finishReason === undefined && isFinishCut(span)) return CUT
      return { finishReason, facts: axis === undefined ? undefined : [limitExceeded(axis)] }
    }
  }
}

/** Why it stopped is lost: it may wait for somebody. */
const CUT: Conclusion = Object.freeze({
  confidence: 'heuristic',
  altered: Object.freeze([{ field: 'type', reason: 'truncated' } as const]),
})

function limitExceeded(axis: string): Fact {
  return { type: 'usage_limit_exceeded', data: { axis } }
}

function endOfCall(span: SpanLike, told: Conclusion, { runState }: Ancestors): Conclusion {
  if (told.error) {
    if (OVERFLOW.test(told.error.code)) runState?.set(OVERFLOWED, true)
    return { ...told, facts: quotaFacts(told.error) }
  }
  const usage = usageFrom(span.attributes)
  // What it calls the provider is the service.
  return { finishReason: finishReasonOf(span), usage: usage && { ...usage, provider: undefined } }
}

function endOfTool(span: SpanLike, told: Conclusion): Conclusion {
  const { attributes } = span
  if (told.error) return told
  const status = attributes['gen_ai.tool.status']
  if (status === 'error') return { outcome: 'failed', error: { code: 'Error', message: '' } }
  // It has thrown an interrupt, which its span does not show.
  return status === undefined && attributes['gen_ai.event.end_time'] !== undefined && !hasDropped(span)
    ? { outcome: 'suspended' }
    : {}
}

function endOfStep(span: SpanLike, activity: Activity, { runState }: Ancestors): readonly Fact[] | undefined {
  const { step, swarmNode } = activity as Step & Inside
  switch (step) {
    case 'cycle':
      runState?.delete(OVERFLOWED)
      return hasErrorStatus(span) ? undefined : resumption(runState)
    case 'node':
      rememberNode(text(span.attributes, 'gen_ai.agent.status'), runState)
      return undefined
    case 'structured output':
      if (swarmNode !== undefined) rememberHandoff(span, swarmNode, runState)
      return undefined
    default:
      return undefined
  }
}
