import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../span.js'
import { json, record, text } from './attributes.js'
import type { Activity, Conclusion, Convention, Lineage, ScopeFacts, UsageReport } from './contract.js'
import { factsOfError, steeringOf } from './langchain-errors.js'
import { isLangChainAgent } from './langchain-metadata.js'
import { quotaFacts } from './limits.js'
import { errorClassIn, errorOf, hasErrorStatus, type SpanError } from './outcome.js'
import { scopeByNames } from './user-scope.js'

/*
 * Langfuse's own SDK: `langfuse.observation.type` says what a span is, right after it has started. Errors that its
 * wrappers catch are a `level`, not a status, and keep but their message.
 */

const PREFIX = 'langfuse.observation.'
const METADATA = `${PREFIX}metadata.`

/** Spans of `@langfuse/tracing` and of what is built on it. */
export const langfuseConvention: Convention = {
  name: 'langfuse',
  scopes: ['langfuse-sdk'],
  attributePrefixes: [`${PREFIX}type`],

  recognise(span, _moment, lineage) {
    const type = text(span.attributes, `${PREFIX}type`)
    return type === undefined ? undefined : { ...activityOf(type, span, lineage), scope: scopeOf(span.attributes) }
  },

  conclude(span, activity) {
    const { attributes } = span
    const error = errorIn(span)
    const conclusion: Conclusion = { ...endingOf(error), scope: scopeOf(attributes), usage: usageIn(attributes) }
    switch (activity.kind) {
      case 'model':
        return { ...conclusion, facts: error && quotaFacts(error) }
      case 'recall':
        return { ...conclusion, hits: listLength(json(attributes, `${PREFIX}output`)) }
      case 'run':
        return { ...conclusion, facts: error && factsOfError(error) }
      default:
        return conclusion
    }
  },
}

function activityOf(type: string, { name, attributes }: SpanLike, lineage: Lineage): Activity {
  const model = text(attributes, `${PREFIX}model.name`)
  switch (type) {
    case 'agent':
      return { kind: 'run', agent: { name }, model }
    case 'tool':
      return { kind: 'tool', tool: { name } }
    case 'generation':
      return { kind: 'model', operation: 'chat', model }
    case 'embedding':
      return { kind: 'model', operation: 'embeddings', model }
    case 'retriever':
      return { kind: 'recall', tier: 'retriever' }
    default:
      return isLangChainAgent(name, (key) => attributes[METADATA + key], lineage)
        ? { kind: 'run', agent: { name } }
        : { kind: 'step' }
  }
}

function errorIn(span: SpanLike): SpanError | undefined {
  const { attributes } = span
  if (hasErrorStatus(span)) return errorOf(span)
  if (text(attributes, `${PREFIX}level`) !== 'ERROR') return undefined
  const message = text(attributes, `${PREFIX}status_message`) ?? ''
  const { error } = record(json(attributes, `${PREFIX}output`))
  const code = errorClassIn(message) ?? (typeof error === 'string' ? errorClassIn(error) : undefined)
  return { code: code ?? 'Error', message }
}

function endingOf(error: SpanError | undefined): Conclusion {
  if (!error) return { outcome: 'completed' }
  switch (steeringOf(error)) {
    case 'interrupt':
      return { outcome: 'suspended', reason: 'interrupt' }
    case 'aborted':
      return { outcome: 'cancelled', reason: 'aborted' }
    case 'handoff':
    case 'drained':
      return { outcome: 'completed' }
    default:
      return { outcome: 'failed', error }
  }
}

/**
 * Usage comes as OpenAI words it, or by kinds of tokens whose names say whether they are input or output. Langfuse's own
 * wrappers take the special kinds (`input_cached_tokens`) out of `input`; users may leave them in: the total tells.
 */
function usageIn(attributes: Attributes): UsageReport | undefined {
  const details = record(json(attributes, `${PREFIX}usage_details`))
  const costUsd = costIn(record(json(attributes, `${PREFIX}cost_details`)))
  const input = number(details.input ?? details.input_tokens ?? details.prompt_tokens)
  const output = number(details.output ?? details.output_tokens ?? details.completion_tokens)
  const totalTokens = number(details.total ?? details.total_tokens)
  const whole = totalTokens === undefined || totalTokens === (input ?? 0) + (output ?? 0)
  const inputTokens = whole ? input : sumOf(details, 'input')
  const outputTokens = whole ? output : sumOf(details, 'output')
  if (inputTokens === undefined && outputTokens === undefined && totalTokens === undefined && !costUsd) return undefined
  const prompt = record(details.prompt_tokens_details ?? details.input_tokens_details)
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    cachedInputTokens: number(
      details.input_cached_tokens ??
        details.input_cache_read ??
        details.cache_read_input_tokens ??
        prompt.cached_tokens,
    ),
    reasoningTokens: number(details.output_reasoning_tokens ?? details.output_reasoning),
    costUsd,
    model: text(attributes, `${PREFIX}model.name`),
  }
}

function sumOf(details: Readonly<Record<string, unknown>>, kind: 'input' | 'output'): number | undefined {
  const counts = Object.entries(details).flatMap(([name, value]) => (name.includes(kind) ? (number(value) ?? []) : []))
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0)
}

function costIn(details: Readonly<Record<string, unknown>>): number | undefined {
  const total = number(details.total)
  return (
    total ??
    Object.values(details).reduce<number | undefined>((sum, cost) => (sum ?? 0) + (number(cost) ?? 0), undefined)
  )
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined
}

/** Of what a retriever found: a list, or a list under some name. */
function listLength(output: unknown): number | undefined {
  const list = [output, ...Object.values(record(output))].find(Array.isArray)
  return list?.length
}

function scopeOf(attributes: Attributes): ScopeFacts {
  const named = scopeByNames((name) => attributes[`langfuse.trace.metadata.${name}`])
  return {
    tenantId: named.tenantId,
    sessionId: text(attributes, 'session.id', 'langfuse.session.id') ?? named.sessionId,
    userId: text(attributes, 'user.id', 'langfuse.user.id') ?? named.userId,
  }
}
