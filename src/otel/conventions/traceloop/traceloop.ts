import type { Attributes } from '@opentelemetry/api'
import { type SpanLike, scopeOf } from '../../span.js'
import type {
  Activity,
  Ancestors,
  Conclusion,
  Convention,
  Fact,
  RecognisedSpan,
  ScopeIds,
  SpanPhase,
} from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { count, idIn, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { countRecords } from '../shared/memory-tools.js'
import { operationIn } from '../shared/operation.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { modelFrom, providerFrom } from '../shared/usage.js'
import { scopeByNames } from '../shared/user-scope.js'
import { concludeLangChain, LANGCHAIN_SCOPE, recogniseLangChain } from './langchain.js'

/*
 * Traceloop (OpenLLMetry): the decorators of its SDK say what a span is in `traceloop.span.kind`; its instrumentations of
 * clients speak the GenAI conventions. Attributes come after the start, those of the context among them.
 */

const OWN_SCOPES = '@traceloop/'
const IMAGE_OPERATION = /^image_/
/** `withLLMCall`, and instrumentations before the GenAI conventions. */
const REQUEST_TYPES = new Map([
  ['chat', 'chat'],
  ['completion', 'text_completion'],
  ['embedding', 'embeddings'],
  ['rerank', 'rerank'],
])
const WHOSE = ['tenantId', 'sessionId', 'userId'] as const
const QUERY_RESULT = 'db.query.result'
/** Vector stores by name of the call, and LlamaIndex's retrievers. */
const LOOKUP = /^(?:pinecone|chroma|chromadb|qdrant)\.(?:\w+\.)?(?:query|search)$|_retriever\.retrieve$/

/** Traceloop's SDK and its instrumentations, but for that of MCP. */
export const traceloopConvention: Convention = {
  name: 'traceloop',
  instrumentationScopes: [`${OWN_SCOPES}*`],
  attributePrefixes: ['traceloop.span.kind'],
  parentage: 'unnested',

  recognise(span, phase, ancestors) {
    // The attributes of a LangChain span, and those that Traceloop's own processor adds, are not there yet.
    if (phase === 'start') return scopeOf(span).name.startsWith(OWN_SCOPES) ? 'later' : undefined
    const scope = scopeFromTraceloop(span.attributes)
    const around = withoutOthers(ancestors, scope)
    const activity =
      scopeOf(span).name === LANGCHAIN_SCOPE
        ? (recogniseLangChain(span, around) ?? recogniseEntity(span))
        : (recogniseEntity(span) ?? recogniseClient(span, phase, around))
    return activity && { ...activity, scope }
  },

  conclude(span, activity, ancestors) {
    const told =
      scopeOf(span).name === LANGCHAIN_SCOPE
        ? concludeLangChain(span, activity, ancestors)
        : concludeEntity(span, activity, ancestors)
    return { ...told, scope: scopeFromTraceloop(span.attributes) }
  },
}

/** A span that says whose it is belongs inside none of those that say they are somebody else's, whatever they were given. */
function withoutOthers(ancestors: Ancestors, scope: ScopeIds): Ancestors {
  return { ...ancestors, open: ancestors.open?.filter(({ activity }) => !contradicts(activity.scope, scope)) }
}

function contradicts(one: ScopeIds | undefined, other: ScopeIds): boolean {
  return WHOSE.some((field) => (one?.[field] ?? other[field]) !== (other[field] ?? one?.[field]))
}

/** Recognises what the SDK's decorators and `with…` functions wrap. */
export function recogniseEntity({ attributes, events, name: spanName }: SpanLike): Activity | undefined {
  if (LOOKUP.test(spanName) || events.some(isQuery)) return { kind: 'recall', tier: 'retriever' }
  const name = text(attributes, 'traceloop.entity.name', 'traceloop.workflow.name')
  switch (text(attributes, 'traceloop.span.kind')) {
    case 'agent':
      return { kind: 'run', agent: name === undefined ? {} : { name } }
    case 'workflow':
      return { kind: 'run', agent: name === undefined ? {} : { name }, trigger: 'workflow' }
    case 'tool':
      return { kind: 'tool', tool: { name: name ?? 'unknown' } }
    case 'task':
    case 'session':
      return { kind: 'step' }
    default:
      return undefined
  }
}

/** `withVectorDBCall` reports in events alone what it asked for and what it found. */
function isQuery({ name }: { readonly name: string }): boolean {
  return name === 'db.query.embeddings' || name === QUERY_RESULT
}

export function recogniseClient(span: SpanLike, phase: SpanPhase, ancestors: Ancestors): Activity | undefined {
  const { attributes } = span
  const operation = operationIn(attributes)
  if (operation === 'guard') return { kind: 'step' }
  const known = genAiConvention.recognise(span, phase, ancestors)
  if (known === 'later' || (known && known.kind !== 'model')) return known === 'later' ? undefined : known
  const called = operation && IMAGE_OPERATION.test(operation) ? operation : requestType(attributes)
  const within = callAround(ancestors)
  if (known) return { ...known, within }
  if (called === undefined) return undefined
  return { kind: 'model', operation: called, model: modelFrom(attributes), provider: providerFrom(attributes), within }
}

function requestType(attributes: Attributes): string | undefined {
  const type = text(attributes, 'llm.request.type')
  return type === undefined ? undefined : REQUEST_TYPES.get(type)
}

/** LangChain calls its models through their clients: where both are instrumented, one call is told twice. */
function callAround({ open = [] }: Ancestors): RecognisedSpan | undefined {
  const taken = new Set(open.map(({ outer }) => outer))
  return open.find((call) => {
    return (
      call.activity.kind === 'model' && call.span && scopeOf(call.span).name === LANGCHAIN_SCOPE && !taken.has(call)
    )
  })
}

export function concludeEntity(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion {
  const { attributes } = span
  switch (activity.kind) {
    case 'model': {
      // Calls about images report an exception without an error status.
      const failed = hasErrorStatus(span) || span.events.some(({ name }) => name === 'exception')
      const error = failed ? errorOf(span) : undefined
      const told = genAiConvention.conclude?.(span, activity, ancestors)
      return { ...told, outcome: failed ? undefined : 'completed', error, facts: error && quotaFacts(error) }
    }
    case 'recall':
      return { hits: hitsOf(span) }
    case 'step':
      return { facts: guardFacts(attributes) }
    default:
      return {}
  }
}

function hitsOf({ attributes, events }: SpanLike): number | undefined {
  const listed = countRecords(attributes['traceloop.entity.output'])
  const results = events.filter(({ name }) => name === QUERY_RESULT).length
  return count(attributes, 'db.vector.query.result.matches_length') ?? listed ?? (results > 0 ? results : undefined)
}

/** A guard of Traceloop's found something; what is done about it, the guarded code decides. */
function guardFacts(attributes: Attributes): readonly Fact[] | undefined {
  const guard = text(attributes, 'gen_ai.guardrail.name')
  const broken = attributes['gen_ai.guardrail.error.type'] !== undefined
  if (guard === undefined || broken || attributes['gen_ai.guardrail.status'] !== 'FAILED') return undefined
  return [{ type: 'policy_violation', data: { rule: guard, action: 'reported' } }]
}

/** By the conversation, or by association properties, which are named as their user likes. */
export function scopeFromTraceloop(attributes: Attributes): ScopeIds {
  const named = scopeByNames((name) => attributes[`traceloop.association.properties.${name}`])
  return { ...named, sessionId: idIn(attributes, 'gen_ai.conversation.id') ?? named.sessionId }
}
