import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, ScopeIds, UsageReport } from '../contract.js'
import { endingOf, factsOfError } from '../langchain/errors.js'
import { isLangChainAgent } from '../langchain/metadata.js'
import { amount, count, json, record, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { countRecords } from '../shared/memory-tools.js'
import { errorClassIn, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { scopeByNames } from '../shared/user-scope.js'

/*
 * LangSmith's SDK with OpenTelemetry. A span starts with its name; what it is (`langsmith.span.kind`) and all else comes
 * with a batch, later or at the end. It knows no agents: the outermost chain is the run. The status of a failure comes
 * after OK was set, so that an exception event is all that tells.
 */

const KIND = 'langsmith.span.kind'
const TRACEABLE = 'langsmith.traceable'
const METADATA = 'langsmith.metadata.'
const SCOPE = 'langsmith'
/** Kept for the life of a run: how what waits in it ended, until it goes on. */
const INTERRUPTED = 'langsmith.interrupted'

/** Spans of `langsmith`'s `traceable`, and of what is wrapped in it. */
export const langSmithConvention: Convention = {
  name: 'langsmith',
  instrumentationScopes: [SCOPE],
  attributePrefixes: [KIND],

  recognise(span, _phase, ancestors) {
    const { attributes } = span
    const kind = text(attributes, KIND)
    if (kind === undefined) return attributes[TRACEABLE] === undefined ? undefined : 'later'
    return { ...activityOf(kind, span, ancestors), scope: scopeOf(attributes) }
  },

  conclude(span, activity, { runState, ownState }) {
    const { attributes } = span
    const error = errorIn(span)
    const ending = endingOf(error)
    const conclusion: Conclusion = { ...ending, scope: scopeOf(attributes) }
    if (ending.outcome === 'suspended') runState?.set(INTERRUPTED, ending)
    else if (activity.kind === 'model') runState?.delete(INTERRUPTED)
    switch (activity.kind) {
      case 'model':
        return { ...conclusion, usage: usageIn(attributes), facts: error && quotaFacts(error) }
      case 'recall':
        return { ...conclusion, hits: countRecords(attributes['gen_ai.completion']) }
      case 'run':
        // A graph that is interrupted ends without an error: what waits inside of it has one.
        return error
          ? { ...conclusion, facts: factsOfError(error) }
          : { ...conclusion, ...(ownState?.get(INTERRUPTED) as Conclusion | undefined) }
      default:
        return conclusion
    }
  },
}

function activityOf(kind: string, span: SpanLike, ancestors: Ancestors): Activity {
  const { attributes } = span
  const name = text(attributes, 'langsmith.trace.name') ?? span.name
  const model = modelFrom(attributes)
  switch (kind) {
    case 'chain': {
      const { run, parent, parentScope } = ancestors
      const outermost = run === undefined && parent === undefined && parentScope !== SCOPE
      return outermost || isLangChainAgent(name, (key) => attributes[METADATA + key], ancestors)
        ? { kind: 'run', agent: { name } }
        : { kind: 'step' }
    }
    case 'llm':
      return { kind: 'model', operation: 'chat', model, provider: providerFrom(attributes) }
    case 'embedding':
      return { kind: 'model', operation: 'embeddings', model, provider: providerFrom(attributes) }
    case 'tool':
      return { kind: 'tool', tool: { name }, callId: text(attributes, 'gen_ai.tool.call.id') }
    case 'retriever':
      return { kind: 'recall', tier: 'retriever' }
    default:
      return { kind: 'step' }
  }
}

/** LangSmith passes an error on as its text, often with the stack below. */
function errorIn(span: SpanLike): SpanError | undefined {
  const exception = span.events.findLast(({ name }) => name === 'exception')
  if (!exception && !hasErrorStatus(span)) return undefined
  const told = exception?.attributes?.['exception.message'] ?? span.status.message
  const [message = ''] = typeof told === 'string' ? told.split('\n', 1) : []
  return { code: errorClassIn(message) ?? 'Error', message }
}

/** Chains repeat what the last model inside them reported, so only models are asked. */
function usageIn(attributes: Attributes): UsageReport | undefined {
  const usage = usageFrom(attributes)
  if (!usage) return undefined
  const told = record(json(attributes, 'langsmith.usage_metadata'))
  const input = record(told.input_token_details)
  return {
    ...usage,
    cachedInputTokens: usage.cachedInputTokens ?? count(input, 'cache_read'),
    cacheCreationInputTokens: usage.cacheCreationInputTokens ?? count(input, 'cache_creation'),
    reasoningTokens: usage.reasoningTokens ?? count(record(told.output_token_details), 'reasoning'),
    costUsd: usage.costUsd ?? amount(told, 'total_cost'),
  }
}

function scopeOf(attributes: Attributes): ScopeIds {
  return scopeByNames((name) => attributes[METADATA + name])
}
