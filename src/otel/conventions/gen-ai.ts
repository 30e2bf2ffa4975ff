import type { SpanLike } from '../span.js'
import { count, firstOf, text } from './attributes.js'
import type { Activity, Conclusion, Convention } from './contract.js'
import { quotaFacts } from './limits.js'
import { errorOf, hasErrorStatus } from './outcome.js'
import { modelFrom, providerFrom, usageFrom } from './usage.js'

/*
 * OpenTelemetry's semantic conventions for generative AI: `gen_ai.*`. The strings stand here because the package of
 * semantic conventions has moved these names to a repository that publishes none yet.
 */

const MODEL_OPERATIONS = new Set(['chat', 'generate_content', 'text_completion', 'embeddings', 'rerank'])
const MEMORY_LOOKUPS = new Set(['retrieval', 'search_memory'])
const INNER_STEPS = new Set([
  'agent_step',
  'create_agent',
  'plan',
  'update_memory',
  'upsert_memory',
  'delete_memory',
  'create_memory_store',
])

/** GenAI semantic conventions, as instrumentations of model clients and agent frameworks emit them. */
export const genAiConvention: Convention = {
  name: 'gen-ai',
  attributePrefixes: ['gen_ai.'],

  recognise(span) {
    const { attributes } = span
    const operation = text(attributes, 'gen_ai.operation.name')
    if (operation === undefined) return undefined
    if (operation === 'invoke_agent' || operation === 'invoke_workflow') return run(span, operation)
    if (operation === 'execute_tool') return tool(span)
    if (MODEL_OPERATIONS.has(operation)) {
      return { kind: 'model', operation, model: modelFrom(attributes), provider: providerFrom(attributes) }
    }
    if (MEMORY_LOOKUPS.has(operation)) {
      const tier = operation === 'retrieval' ? 'retriever' : 'memory'
      return { kind: 'recall', tier, namespaceKey: text(attributes, 'gen_ai.data_source.id', 'gen_ai.memory.store.id') }
    }
    return INNER_STEPS.has(operation) ? { kind: 'step' } : undefined
  },

  conclude(span, activity) {
    const { attributes } = span
    const failed = hasErrorStatus(span)
    const conclusion: Conclusion = {
      error: failed ? errorOf(span) : undefined,
      finishReason: firstOf(attributes, 'gen_ai.response.finish_reasons'),
      usage: usageFrom(attributes),
    }
    switch (activity.kind) {
      case 'model':
        return { ...conclusion, facts: conclusion.error && quotaFacts(conclusion.error) }
      case 'recall':
        return { ...conclusion, hits: count(attributes, 'gen_ai.memory.record.count') ?? documentCount(span) }
      case 'tool':
        return { error: conclusion.error, tool: toolOf(span) }
      case 'run':
        return { ...conclusion, agent: agentOf(span) }
      default:
        return conclusion
    }
  },
}

function run(span: SpanLike, operation: string): Activity {
  const { attributes } = span
  return {
    kind: 'run',
    agent: agentOf(span),
    model: modelFrom(attributes),
    trigger: operation === 'invoke_workflow' ? 'workflow' : undefined,
  }
}

function agentOf(span: SpanLike): { id?: string; name?: string } {
  const { attributes } = span
  const id = text(attributes, 'gen_ai.agent.id')
  const name = text(attributes, 'gen_ai.agent.name', 'gen_ai.workflow.name') ?? nameAfterOperation(span)
  return { ...(id && { id }), ...(name && { name }) }
}

/** The conventions prescribe `invoke_agent {name}` where there is a name. */
function nameAfterOperation(span: SpanLike): string | undefined {
  const name = /^invoke_(?:agent|workflow) (.+)$/.exec(span.name)?.[1]
  return name === text(span.attributes, 'gen_ai.request.model') ? undefined : name
}

function tool(span: SpanLike): Activity {
  return { kind: 'tool', tool: toolOf(span), callId: text(span.attributes, 'gen_ai.tool.call.id') }
}

function toolOf(span: SpanLike): { name: string; type?: string } {
  const { attributes } = span
  const type = text(attributes, 'gen_ai.tool.type')
  const name = text(attributes, 'gen_ai.tool.name') ?? span.name.replace(/^execute_tool /, '')
  return { name, ...(type && { type }) }
}

function documentCount(span: SpanLike): number | undefined {
  const documents = span.attributes['gen_ai.retrieval.documents']
  return Array.isArray(documents) ? documents.length : undefined
}
