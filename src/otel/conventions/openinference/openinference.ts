import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Convention, ScopeFacts, UsageReport } from '../contract.js'
import { idIn, readRecord, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { countRecords } from '../shared/memory-tools.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { scopeByNames } from '../shared/user-scope.js'

/*
 * OpenInference (Arize): `openinference.span.kind` says what a span is. Its JavaScript instrumentations set attributes
 * after the start, so most spans are recognised a microtask later.
 */

/** OpenInference spans of any instrumentation. */
export const openInferenceConvention: Convention = {
  name: 'openinference',
  attributePrefixes: ['openinference.span.kind'],

  recognise(span, _moment, { parent }) {
    const { attributes } = span
    const scope = scopeOfSpan(attributes)
    switch (text(attributes, 'openinference.span.kind')) {
      case 'AGENT':
        return { kind: 'run', agent: agentOf(span), model: modelFrom(attributes), scope }
      case 'TOOL':
        return { kind: 'tool', tool: toolOf(span), callId: text(attributes, 'tool_call.id', 'tool.id'), scope }
      case 'LLM':
        return {
          kind: 'model',
          operation: 'chat',
          model: modelFrom(attributes),
          provider: providerFrom(attributes),
          scope,
        }
      case 'EMBEDDING':
        return {
          kind: 'model',
          operation: 'embeddings',
          model: modelFrom(attributes),
          provider: providerFrom(attributes),
          scope,
        }
      case 'RERANKER':
        return { kind: 'model', operation: 'rerank', model: modelFrom(attributes), scope }
      case 'RETRIEVER':
        // One retriever asks others: what it returns is what was recalled.
        return parent?.activity.kind === 'recall'
          ? { kind: 'step', scope }
          : { kind: 'recall', tier: 'retriever', scope }
      case 'CHAIN':
      case 'GUARDRAIL':
      case 'EVALUATOR':
      case 'PROMPT':
        return { kind: 'step', scope }
      default:
        return undefined
    }
  },

  conclude(span, activity) {
    const { attributes } = span
    const error = hasErrorStatus(span) ? errorOf(span) : undefined
    const scope = scopeOfSpan(attributes)
    const finishReason = text(attributes, 'llm.finish_reason')
    switch (activity.kind) {
      case 'model':
        return { error, scope, finishReason, usage: modelUsage(attributes), facts: error && quotaFacts(error) }
      case 'run':
        return { error, scope, finishReason, usage: usageFrom(attributes), agent: agentOf(span) }
      case 'tool':
        return { error, scope, tool: toolOf(span) }
      case 'recall':
        return { error, scope, hits: documentCount(attributes) }
      default:
        return { error, scope }
    }
  },
}

function agentOf(span: SpanLike): { id?: string; name?: string } {
  return { name: text(span.attributes, 'agent.name') ?? span.name }
}

function toolOf(span: SpanLike): { name: string } {
  return { name: text(span.attributes, 'tool.name') ?? span.name }
}

/** The session as such, or inside `metadata`, where LangChain users put it. */
export function scopeOfSpan(attributes: Attributes): ScopeFacts {
  const metadata = readRecord(attributes, 'metadata')
  const { tenantId, sessionId, userId } = scopeByNames((name) => metadata[name])
  return {
    tenantId,
    sessionId: idIn(attributes, 'session.id') ?? sessionId,
    userId: idIn(attributes, 'user.id') ?? userId,
  }
}

function modelUsage(attributes: Attributes): UsageReport | undefined {
  const usage = usageFrom(attributes)
  return usage && withResponseId(usage, attributes)
}

/** What the client answered, or a list of such answers, begins with its id. */
const ANSWER_ID = /^\[?\{\s*"id"\s*:\s*"([^"\\]{1,256})"/

/** OpenInference has no attribute for the id of a response; the output holds it. */
export function withResponseId(usage: UsageReport, attributes: Attributes): UsageReport {
  const responseId = usage.responseId ?? ANSWER_ID.exec(text(attributes, 'output.value')?.slice(0, 300) ?? '')?.[1]
  return responseId === undefined ? usage : { ...usage, responseId }
}

/**
 * Documents are flattened: `retrieval.documents.0.document.content` … Their highest index tells how many there are. No
 * documents leave no attribute, unless the output lists them.
 */
function documentCount(attributes: Attributes): number | undefined {
  let documents = 0
  for (const key in attributes) {
    const index = /^retrieval\.documents\.(\d+)\./.exec(key)?.[1]
    if (index !== undefined) documents = Math.max(documents, Number(index) + 1)
  }
  const output = attributes['output.value']
  return documents > 0 || output === undefined ? documents : countRecords(output)
}
