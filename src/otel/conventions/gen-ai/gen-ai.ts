import type { Attributes } from '@opentelemetry/api'
import type { AgentRef } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import { isTransportSpan } from '../../transport.js'
import type { Activity, Conclusion, Convention, Fact, Lineage } from '../contract.js'
import { count, firstOf, jsonIn, text } from '../shared/attributes.js'
import { factsOfException } from '../shared/exception-names.js'
import { quotaFacts } from '../shared/limits.js'
import { operationIn } from '../shared/operation.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { EVENT_PREFIXES, pauseOf, translateEvent } from './events.js'

/*
 * OpenTelemetry's semantic conventions for generative AI: `gen_ai.*`. The strings stand here because the package of
 * semantic conventions has moved these names to a repository that publishes none yet. Hand-offs are a draft
 * (open-telemetry/semantic-conventions-genai #447): a tool call with `gen_ai.transfer.*`.
 */

const MODEL_OPERATIONS = new Set(['chat', 'generate_content', 'text_completion', 'embeddings', 'rerank'])
const MEMORY_LOOKUPS = new Set(['retrieval', 'search_memory'])
const STATUS_OK = 1
const KIND_CLIENT = 2

const STEP: Activity = Object.freeze({ kind: 'step' })

/** GenAI semantic conventions, as instrumentations of model clients and agent frameworks emit them. */
export const genAiConvention: Convention = {
  name: 'gen-ai',
  attributePrefixes: ['gen_ai.'],
  namePrefixes: ['invoke_agent', 'invoke_workflow'],
  eventPrefixes: EVENT_PREFIXES,

  recognise(span, moment, lineage) {
    const operation = operationIn(span.attributes)
    if (operation === undefined) return moment === 'start' ? undefined : withoutOperation(span, moment)
    switch (operation) {
      case 'invoke_agent':
        return agentRun(span, lineage)
      case 'invoke_workflow':
        return { kind: 'run', agent: agentOf(span), model: modelFrom(span.attributes), trigger: 'workflow' }
      case 'execute_tool':
        return toolCall(span)
      default:
        return MODEL_OPERATIONS.has(operation) ? modelCall(span, operation) : otherOperation(span, operation, moment)
    }
  },

  conclude(span, activity, lineage) {
    const { attributes } = span
    const { kind } = activity
    const error = failureOf(span)
    const isRun = kind === 'run'
    // One shape for all: spans end on the hot path.
    const conclusion: Conclusion = {
      error,
      finishReason: firstOf(attributes, 'gen_ai.response.finish_reasons'),
      usage: kind === 'tool' ? undefined : usageFrom(attributes),
      facts: factsAtEnd(span, activity, error, lineage),
      hits: kind === 'recall' ? hitsOf(attributes) : undefined,
      tool: kind === 'tool' ? toolOf(span) : undefined,
      agent: isRun ? agentOf(span) : undefined,
      confidence: isRun ? guessedByName(span) : undefined,
    }
    const pause = isRun && !error ? pauseOf(lineage.ownMemo) : undefined
    return pause ? { ...conclusion, ...pause } : conclusion
  },

  translate: translateEvent,
}

function factsAtEnd(
  span: SpanLike,
  { kind }: Activity,
  error: SpanError | undefined,
  lineage: Lineage,
): readonly Fact[] | undefined {
  if (kind === 'model') return error && quotaFacts(error)
  if (kind === 'run') return error && factsOfException(error, lineage)
  return kind === 'tool' || kind === 'step' ? handoff(span, error, lineage) : undefined
}

function hitsOf(attributes: Attributes): number | undefined {
  return count(attributes, 'gen_ai.memory.record.count') ?? documentCount(attributes)
}

function agentRun(span: SpanLike, { run, parent }: Lineage): Activity {
  const { attributes } = span
  const agent = agentOf(span)
  // The request that invokes a remote agent, inside of the run that the framework told of already.
  const isRequest = span.kind === KIND_CLIENT && parent?.activity.kind === 'run'
  if (isRequest && agent.name !== undefined && run?.agent.name === agent.name) return STEP
  const passed = text(attributes, 'gen_ai.transfer.mode') === 'pass_control' && agent.name
  const from = text(attributes, 'gen_ai.caller.name') ?? run?.agent.name
  const facts: readonly Fact[] | undefined = passed
    ? [{ type: 'agent_handoff', data: { from, to: passed } }]
    : undefined
  return { kind: 'run', agent, model: modelFrom(attributes), facts }
}

function toolCall(span: SpanLike): Activity {
  const tool = toolOf(span)
  if (transferTarget(span.attributes) !== undefined) return STEP
  return { kind: 'tool', tool, callId: text(span.attributes, 'gen_ai.tool.call.id') }
}

function modelCall({ attributes }: SpanLike, operation: string): Activity {
  return { kind: 'model', operation, model: modelFrom(attributes), provider: providerFrom(attributes) }
}

function otherOperation(span: SpanLike, operation: string, moment: string): Activity | undefined {
  const { attributes } = span
  if (MEMORY_LOOKUPS.has(operation)) {
    const tier = operation === 'retrieval' ? 'retriever' : 'memory'
    return { kind: 'recall', tier, namespaceKey: text(attributes, 'gen_ai.data_source.id', 'gen_ai.memory.store.id') }
  }
  if (KNOWN_STEPS.has(operation)) return STEP
  // An operation of somebody's own: a call of a model consumes tokens, which shows at its end.
  if (moment !== 'end') return undefined
  return modelFrom(attributes) !== undefined && usageFrom(attributes) ? modelCall(span, operation) : STEP
}

const KNOWN_STEPS = new Set([
  'agent_step',
  'create_agent',
  'plan',
  'update_memory',
  'upsert_memory',
  'delete_memory',
  'create_memory_store',
])

/** Anybody may call a span so: it is a guess while no attribute of the conventions is there. */
function guessedByName({ attributes }: SpanLike): 'heuristic' | undefined {
  for (const key in attributes) if (key.startsWith('gen_ai.')) return undefined
  return 'heuristic'
}

/** Older versions had no `gen_ai.operation.name`, and some set it late; the prescribed name of a run tells it too. */
function withoutOperation(span: SpanLike, moment: string): Activity | undefined {
  const { attributes, name } = span
  // The request that carries a call is not the call, whatever is noted on it.
  if (isTransportSpan(attributes)) return undefined
  const run = /^invoke_(agent|workflow)(?: |$)/.exec(name)
  if (run) {
    const trigger = run[1] === 'workflow' ? 'workflow' : undefined
    return { kind: 'run', agent: agentOf(span), trigger, confidence: guessedByName(span) }
  }
  if (moment !== 'end') return undefined
  if (text(attributes, 'gen_ai.tool.name') !== undefined) {
    return { kind: 'tool', tool: toolOf(span), callId: text(attributes, 'gen_ai.tool.call.id') }
  }
  if (text(attributes, 'gen_ai.request.model', 'gen_ai.response.model') === undefined) return undefined
  const operation = /^\w+/.exec(name)?.[0] ?? ''
  return modelCall(span, MODEL_OPERATIONS.has(operation) ? operation : 'chat')
}

/** `error.type` is there when an operation has ended with an error, whatever the status. */
function failureOf(span: SpanLike): SpanError | undefined {
  if (hasErrorStatus(span)) return errorOf(span)
  const told = text(span.attributes, 'error.type') !== undefined && span.status.code !== STATUS_OK
  return told ? errorOf(span) : undefined
}

/** The draft names a target in either mode; only where control passes is it a hand-off. */
function transferTarget(attributes: Attributes): string | undefined {
  if (text(attributes, 'gen_ai.transfer.mode') !== 'pass_control') return undefined
  return text(attributes, 'gen_ai.transfer.target.name')
}

function handoff(
  { attributes }: SpanLike,
  error: SpanError | undefined,
  { run }: Lineage,
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
  return name === text(span.attributes, 'gen_ai.request.model') ? undefined : name
}

function toolOf(span: SpanLike): { name: string; type?: string } {
  const { attributes } = span
  const type = text(attributes, 'gen_ai.tool.type')
  const name = text(attributes, 'gen_ai.tool.name') ?? span.name.replace(/^execute_tool /, '')
  return { name, ...(type && { type }) }
}

function documentCount(attributes: Attributes): number | undefined {
  const documents: unknown = attributes['gen_ai.retrieval.documents']
  const list = typeof documents === 'string' ? jsonIn(documents) : documents
  return Array.isArray(list) ? list.length : undefined
}
