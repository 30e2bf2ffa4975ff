import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, ScopeIds, UsageReport } from '../contract.js'
import { endingOf, factsOfError } from '../langchain/errors.js'
import { isLangChainAgent } from '../langchain/metadata.js'
import { amount, count, idIn, json, readRecord, record, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { countRecords } from '../shared/memory-tools.js'
import { errorClassIn, errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { scopeByNames } from '../shared/user-scope.js'

/*
 * Langfuse's own SDK: `langfuse.observation.type` says what a span is, right after it has started. Errors that its
 * wrappers catch are a `level`, not a status, and keep but their message.
 */

const PREFIX = 'langfuse.observation.'
const METADATA = `${PREFIX}metadata.`

/** Spans of `@langfuse/tracing` and of what is built on it. */
export const langfuseConvention: Convention = {
  name: 'langfuse',
  instrumentationScopes: ['langfuse-sdk'],
  attributePrefixes: [`${PREFIX}type`],
  decisive: { usage: [`${PREFIX}usage_details`] },

  recognise(span, _phase, ancestors) {
    const type = text(span.attributes, `${PREFIX}type`)
    return type === undefined ? undefined : { ...activityOf(type, span, ancestors), scope: scopeOf(span.attributes) }
  },

  conclude(span, activity) {
    const { attributes } = span
    const error = errorIn(span)
    // If only the message of an error is left, its class is read from the message.
    const confidence = hasErrorStatus(span) ? undefined : 'heuristic'
    const ending = endingOf(error)
    const conclusion: Conclusion = {
      ...ending,
      confidence: error && ending.outcome !== 'failed' ? confidence : undefined,
      scope: scopeOf(attributes),
      usage: usageIn(attributes),
    }
    switch (activity.kind) {
      case 'model':
        return { ...conclusion, facts: error && quotaFacts(error) }
      case 'recall':
        return { ...conclusion, hits: countRecords(attributes[`${PREFIX}output`]) }
      case 'run':
        return { ...conclusion, facts: error && factsOfError(error).map((fact) => ({ ...fact, confidence })) }
      default:
        return conclusion
    }
  },
}

function activityOf(type: string, { name, attributes }: SpanLike, ancestors: Ancestors): Activity {
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
      return isLangChainAgent(name, (key) => attributes[METADATA + key], ancestors)
        ? { kind: 'run', agent: { name } }
        : { kind: 'step' }
  }
}

function errorIn(span: SpanLike): SpanError | undefined {
  const { attributes } = span
  if (hasErrorStatus(span)) return errorOf(span)
  if (text(attributes, `${PREFIX}level`) !== 'ERROR') return undefined
  const message = text(attributes, `${PREFIX}status_message`) ?? ''
  const { error } = readRecord(attributes, `${PREFIX}output`)
  const code = errorClassIn(message) ?? (typeof error === 'string' ? errorClassIn(error) : undefined)
  return { code: code ?? 'Error', message }
}

/**
 * Usage comes as OpenAI words it, or by kinds of tokens whose names say whether they are input or output. Langfuse's own
 * wrappers take the special kinds (`input_cached_tokens`) out of `input`; users may leave them in: the total tells.
 */
function usageIn(attributes: Attributes): UsageReport | undefined {
  const details = record(json(attributes, `${PREFIX}usage_details`))
  const costUsd = costIn(record(json(attributes, `${PREFIX}cost_details`)))
  const input = count(details, 'input', 'input_tokens', 'prompt_tokens')
  const output = count(details, 'output', 'output_tokens', 'completion_tokens')
  const totalTokens = count(details, 'total', 'total_tokens')
  const whole = isWhole(details, (input ?? 0) + (output ?? 0), totalTokens)
  const inputTokens = whole ? input : sumOf(details, 'input')
  const outputTokens = whole ? output : sumOf(details, 'output')
  if (inputTokens === undefined && outputTokens === undefined && totalTokens === undefined && !costUsd) return undefined
  const prompt = record(details.prompt_tokens_details ?? details.input_tokens_details)
  const completion = record(details.completion_tokens_details ?? details.output_tokens_details)
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    cachedInputTokens:
      count(details, 'input_cached_tokens', 'input_cache_read', 'cache_read_input_tokens') ??
      count(prompt, 'cached_tokens'),
    cacheCreationInputTokens: count(details, 'input_cache_creation', 'cache_creation_input_tokens'),
    reasoningTokens:
      count(details, 'output_reasoning_tokens', 'output_reasoning', 'reasoning_tokens') ??
      count(completion, 'reasoning_tokens'),
    costUsd,
    cache: 'within',
    reasoning: 'within',
    model: text(attributes, `${PREFIX}model.name`),
  }
}

/** In Langfuse's own words each kind is counted beside the others; in those of a provider `input` has all of it. */
function isWhole(details: Readonly<Record<string, unknown>>, sum: number, total: number | undefined): boolean {
  if (total !== undefined) return total === sum
  return details.input === undefined && details.output === undefined
}

function sumOf(details: Readonly<Record<string, unknown>>, kind: 'input' | 'output'): number | undefined {
  const kinds = Object.keys(details).filter((name) => name.includes(kind))
  return kinds.length === 0 ? undefined : kinds.reduce((sum, name) => sum + (count(details, name) ?? 0), 0)
}

function costIn(details: Readonly<Record<string, unknown>>): number | undefined {
  const kinds = Object.keys(details)
  if (kinds.length === 0) return undefined
  return amount(details, 'total') ?? kinds.reduce((sum, name) => sum + (amount(details, name) ?? 0), 0)
}

function scopeOf(attributes: Attributes): ScopeIds {
  const named = scopeByNames((name) => attributes[`langfuse.trace.metadata.${name}`])
  return {
    tenantId: named.tenantId,
    sessionId: idIn(attributes, 'session.id', 'langfuse.session.id') ?? named.sessionId,
    userId: idIn(attributes, 'user.id', 'langfuse.user.id') ?? named.userId,
  }
}
