import type { Attributes } from '@opentelemetry/api'
import type { AgentRef } from '../../../events/index.js'
import { type SpanLike, scopeOf } from '../../span.js'
import { isTransportSpan } from '../../transport.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, RecognisedSpan, StepActivity } from '../contract.js'
import { firstOf, text } from '../shared/attributes.js'
import { factsOfException } from '../shared/exception-names.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { runDetails } from '../shared/run-details.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { compactionFacts } from './compaction.js'
import { EVENT_PREFIXES, pauseOf, translateEvent } from './events.js'
import { GUARDRAIL_OPERATIONS, guardrailFacts } from './guardrails.js'
import { answersError, MCP_METHOD, MCP_TOOL_CALL, transportSession } from './mcp.js'
import { hitsOf, memoryFacts, recallActivity } from './memory.js'
import { isKnownByKind, operationOf } from './operations.js'

/*
 * OpenTelemetry's semantic conventions for generative AI: `gen_ai.*`. The strings stand here because the package of
 * semantic conventions has moved these names to a repository that publishes none yet. Hand-offs are a draft
 * (open-telemetry/semantic-conventions-genai #447): a tool call with `gen_ai.transfer.*`.
 */

const MODEL_OPERATIONS = new Set(['chat', 'generate_content', 'text_completion', 'embeddings', 'rerank'])
const STATUS_OK = 1
const KIND_CLIENT = 2

const STEP: StepActivity = Object.freeze({ kind: 'step' })

/** An operation of its own that is no run, tool or call of a model: its end says something. */
interface OperationStep extends StepActivity {
  readonly operation: string
}

/** GenAI semantic conventions, as instrumentations of model clients and agent frameworks emit them. */
export const genAiConvention: Convention = {
  name: 'gen-ai',
  attributePrefixes: ['gen_ai.', MCP_METHOD],
  namePrefixes: ['invoke_agent', 'invoke_workflow'],
  eventPrefixes: EVENT_PREFIXES,

  recognise(span, phase, ancestors) {
    const operation = operationOf(span.attributes)
    if (operation === undefined) return phase === 'start' ? undefined : withoutOperation(span, phase, ancestors)
    switch (operation) {
      case 'invoke_agent':
        return agentRun(span, ancestors)
      case 'invoke_workflow':
        return workflowRun(span)
      case 'execute_tool':
        return toolCall(span, ancestors)
      default:
        return MODEL_OPERATIONS.has(operation)
          ? modelCall(span, operation)
          : otherOperation(span, operation, phase, ancestors)
    }
  },

  conclude(span, activity, ancestors) {
    const { attributes } = span
    const { kind } = activity
    const error = failureOf(span)
    const isRun = kind === 'run'
    // One shape for all: spans end on the hot path.
    const conclusion: Conclusion = {
      error,
      finishReason: firstOf(attributes, 'gen_ai.response.finish_reasons'),
      usage: kind === 'tool' ? undefined : usageFrom(attributes),
      facts: factsAtEnd(span, activity, error, ancestors),
      hits: kind === 'recall' ? hitsOf(attributes) : undefined,
      tool: kind === 'tool' ? toolOf(span) : undefined,
      agent: isRun ? agentOf(span) : undefined,
      confidence: isRun ? guessedByName(span) : undefined,
    }
    const pause = isRun && !error ? pauseOf(ancestors.ownState) : undefined
    return pause ? { ...conclusion, ...pause } : conclusion
  },

  translate: translateEvent,
}

function factsAtEnd(
  span: SpanLike,
  activity: Activity,
  error: SpanError | undefined,
  ancestors: Ancestors,
): readonly Fact[] | undefined {
  switch (activity.kind) {
    case 'run':
      return error && factsOfException(error, ancestors)
    case 'model':
      return error ? quotaFacts(error) : compactionFacts(span, ancestors.runState)
    case 'tool':
      return handoff(span, error, ancestors)
    case 'step':
      return (
        handoff(span, error, ancestors) ?? operationFacts(span, (activity as Partial<OperationStep>).operation, error)
      )
    default:
      return undefined
  }
}

function operationFacts(
  span: SpanLike,
  operation: string | undefined,
  error: SpanError | undefined,
): readonly Fact[] | undefined {
  if (operation === undefined) return undefined
  if (GUARDRAIL_OPERATIONS.has(operation)) return guardrailFacts(span)
  if (error && text(span.attributes, MCP_METHOD) === operation) {
    return [{ type: 'error_occurred', data: { error, operation } }]
  }
  return error ? undefined : memoryFacts(operation, span.attributes)
}

function agentRun(span: SpanLike, { run, parent }: Ancestors): Activity {
  const { attributes } = span
  const agent = agentOf(span)
  // The request that invokes a remote agent, inside of the run that the framework told of already.
  const isRequest = span.kind === KIND_CLIENT && parent?.activity.kind === 'run'
  if (isRequest && agent.name !== undefined && run?.agent.name === agent.name) return STEP
  if (isInnerStep(span, agent, parent)) return STEP
  const passed = text(attributes, 'gen_ai.transfer.mode') === 'pass_control' && agent.name
  const from = text(attributes, 'gen_ai.caller.name') ?? run?.agent.name
  const facts: readonly Fact[] | undefined = passed
    ? [{ type: 'agent_handoff', data: { from, to: passed } }]
    : undefined
  return { kind: 'run', agent, details: runDetails(span), model: modelFrom(attributes), facts }
}

function workflowRun(span: SpanLike): Activity {
  const model = modelFrom(span.attributes)
  return { kind: 'run', agent: agentOf(span), details: runDetails(span), model, trigger: 'workflow' }
}

/**
 * A span that says it is an agent, has no name at all, and is directly inside of an agent that the same instrumentation tells
 * of, is an inner step of that agent: instrumentations say so of tasks and turns.
 */
function isInnerStep(span: SpanLike, { name, id }: AgentRef, parent: RecognisedSpan | undefined): boolean {
  if (name !== undefined || id !== undefined || span.name !== 'invoke_agent') return false
  let around = parent
  while (around?.activity === STEP) around = around.outer
  const isInRun = around?.activity.kind === 'run' && around.span !== undefined
  return isInRun && scopeOf(around?.span as SpanLike).name === scopeOf(span).name
}

function toolCall(span: SpanLike, ancestors: Ancestors): Activity {
  const tool = toolOf(span)
  if (transferTarget(span.attributes) !== undefined) return STEP
  const callId = text(span.attributes, 'gen_ai.tool.call.id')
  return { kind: 'tool', tool, callId, scope: transportSession(span.attributes, ancestors) }
}

function operationStep(operation: string): OperationStep {
  return { kind: 'step', operation }
}

function modelCall({ attributes }: SpanLike, operation: string): Activity {
  return { kind: 'model', operation, model: modelFrom(attributes), provider: providerFrom(attributes) }
}

function otherOperation(span: SpanLike, operation: string, phase: string, { parent }: Ancestors): Activity | undefined {
  const { attributes } = span
  const recall = recallActivity(operation, attributes)
  // One retriever asks others: what it returns is what was recalled.
  if (recall) return parent?.activity.kind === 'recall' ? STEP : recall
  if (KNOWN_STEPS.has(operation) || GUARDRAIL_OPERATIONS.has(operation)) return operationStep(operation)
  // An operation of somebody's own: a call of a model consumes tokens, or fails, which shows at its end.
  if (phase !== 'end') return undefined
  const consumed = usageFrom(attributes) !== undefined || (span.kind === KIND_CLIENT && failureOf(span) !== undefined)
  return modelFrom(attributes) !== undefined && consumed ? modelCall(span, operation) : STEP
}

const KNOWN_STEPS = new Set([
  'agent_step',
  'create_agent',
  'plan',
  'fetch_response',
  'create_memory',
  'update_memory',
  'upsert_memory',
  'delete_memory',
  'create_memory_store',
  'delete_memory_store',
])

/** Anybody may call a span so: it is a guess while no attribute of the conventions is there. */
function guessedByName({ attributes }: SpanLike): 'heuristic' | undefined {
  for (const key in attributes) if (key.startsWith('gen_ai.')) return undefined
  return 'heuristic'
}

/** Older versions had no `gen_ai.operation.name`, and some set it late; the prescribed name of a run tells it too. */
function withoutOperation(span: SpanLike, phase: string, ancestors: Ancestors): Activity | undefined {
  const { attributes, name } = span
  // The request that carries a call is not the call, whatever is noted on it.
  if (isTransportSpan(attributes)) return undefined
  const run = /^invoke_(agent|workflow)(?: |$)/.exec(name)
  if (run) {
    const trigger = run[1] === 'workflow' ? 'workflow' : undefined
    return { kind: 'run', agent: agentOf(span), trigger, confidence: guessedByName(span) }
  }
  const method = text(attributes, MCP_METHOD)
  if (method === MCP_TOOL_CALL) return toolCall(span, ancestors)
  if (method !== undefined) return operationStep(method)
  const isTool = text(attributes, 'gen_ai.tool.name') !== undefined
  if (isTool && (phase === 'end' || name.startsWith('execute_tool'))) return toolCall(span, ancestors)
  if (phase !== 'end') return undefined
  if (text(attributes, 'gen_ai.request.model', 'gen_ai.response.model') === undefined) return undefined
  const operation = /^\w+/.exec(name)?.[0] ?? ''
  return modelCall(span, MODEL_OPERATIONS.has(operation) ? operation : 'chat')
}

/** `error.type` is there when an operation has ended with an error, whatever the status. */
function failureOf(span: SpanLike): SpanError | undefined {
  const { attributes, status } = span
  if (hasErrorStatus(span)) return errorOf(span)
  const told = text(attributes, 'error.type') !== undefined && status.code !== STATUS_OK
  return told || answersError(attributes) ? errorOf(span) : undefined
}

/** The draft names a target in either mode; only where control passes is it a hand-off. */
function transferTarget(attributes: Attributes): string | undefined {
  if (text(attributes, 'gen_ai.transfer.mode') !== 'pass_control') return undefined
  return text(attributes, 'gen_ai.transfer.target.name')
}

function handoff(
  { attributes }: SpanLike,
  error: SpanError | undefined,
  { run }: Ancestors,
): readonly Fact[] | undefined {
  const to = error ? undefined : transferTarget(attributes)
  if (to === undefined) return undefined
  const from = text(attributes, 'gen_ai.agent.name', 'gen_ai.caller.name') ?? run?.agent.name
  return [{ type: 'agent_handoff', data: { from, to } }]
}

function agentOf(span: SpanLike): AgentRef {
  const { attributes } = span
  const id = text(attributes, 'gen_ai.agent.id')
  const name = text(attributes, 'gen_ai.agent.name', 'gen_ai.workflow.name') ?? nameAfterOperation(span)
  const agent: AgentRef = {}
  if (id) agent.id = id
  if (name) agent.name = name
  return agent
}

/** The conventions prescribe `invoke_agent {name}` where there is a name. */
function nameAfterOperation(span: SpanLike): string | undefined {
  const name = /^invoke_(?:agent|workflow) (.+)$/.exec(span.name)?.[1]
  if (name === undefined && isKnownByKind(span.attributes)) return span.name
  return name === text(span.attributes, 'gen_ai.request.model') ? undefined : name
}

function toolOf(span: SpanLike): { name: string; type?: string } {
  const { attributes } = span
  const type = text(attributes, 'gen_ai.tool.type')
  const named = text(attributes, 'gen_ai.tool.name', 'mcp.tool.name', 'tool.name')
  const name = named ?? span.name.replace(/^(?:execute_tool|tools\/call) /, '')
  return { name, ...(type && { type }) }
}
