import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type {
  Activity,
  Ancestors,
  Conclusion,
  Convention,
  ModelActivity,
  RecognisedSpan,
  ScopeIds,
  UsageReport,
} from '../contract.js'
import { idIn, json, readRecord, text } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { factsOfException } from '../shared/exception-names.js'
import {
  endOfHandoffTool,
  type HandoffStep,
  handoffStep,
  handoffsLeft,
  handoffsRefused,
  handoffTaken,
} from '../shared/handoff-tools.js'
import { quotaFacts } from '../shared/limits.js'
import { countRecords } from '../shared/memory-tools.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { scopeByNames } from '../shared/user-scope.js'
import { agentOf, frameworkOf, isWorkflow, toolOf } from './frameworks.js'
import { translateMemoryEvent } from './memory-events.js'

/*
 * OpenInference (Arize): `openinference.span.kind` says what a span is. Its JavaScript instrumentations set attributes
 * after the start, so most spans are recognised a microtask later.
 */

/** OpenInference spans of any instrumentation. */
export const openInferenceConvention: Convention = {
  name: 'openinference',
  attributePrefixes: ['openinference.span.kind'],

  recognise(span, _phase, ancestors) {
    const { attributes } = span
    const scope = scopeOfSpan(attributes)
    switch (text(attributes, KIND)?.toUpperCase()) {
      case 'AGENT':
        return agentRun(span, scope, ancestors)
      case 'TOOL': {
        if (frameworkOf(span).noTools) return { kind: 'step', scope }
        const tool = toolOf(span)
        const callId = text(attributes, 'tool_call.id', 'tool.id')
        return handoffStep(span, tool.name, ancestors, { callId, scope }) ?? { kind: 'tool', tool, callId, scope }
      }
      case 'LLM':
        return modelCall(span, 'chat', scope, ancestors)
      case 'EMBEDDING':
        return modelCall(span, 'embeddings', scope, ancestors)
      case 'RERANKER':
        return { kind: 'model', operation: 'rerank', model: modelFrom(attributes), scope }
      case 'RETRIEVER':
        // One retriever asks others: what it returns is what was recalled.
        return ancestors.parent?.activity.kind === 'recall'
          ? { kind: 'step', scope }
          : { kind: 'recall', tier: 'retriever', scope }
      case 'CHAIN':
        if (!isWorkflow(span, ancestors.run !== undefined)) return { kind: 'step', scope }
        return { kind: 'run', agent: agentOf(span), trigger: 'workflow', scope }
      case 'GUARDRAIL':
      case 'EVALUATOR':
      case 'PROMPT':
        return { kind: 'step', scope }
      default:
        return undefined
    }
  },

  conclude(span, activity, ancestors) {
    const { attributes } = span
    const error = errorAt(span, activity)
    const scope = scopeOfSpan(attributes)
    const finishReason = text(attributes, 'llm.finish_reason')
    switch (activity.kind) {
      case 'model': {
        const facts = error && quotaFacts(error)
        return { ...failed(span, error), scope, finishReason, usage: modelUsage(attributes), facts }
      }
      case 'run': {
        const facts = [...factsOfException(error, ancestors), ...handoffsLeft(ancestors)]
        const agent = agentOf(span)
        return { ...failed(span, error), scope, finishReason, usage: usageFrom(attributes), agent, facts }
      }
      case 'tool':
        return { ...failed(span, error), scope, tool: toolOf(span) }
      case 'recall':
        return { ...failed(span, error), scope, hits: documentCount(attributes) }
      default:
        if (!('handoff' in activity)) return { error, scope }
        return {
          ...endOfHandoffTool(span, activity as HandoffStep, ancestors, { args: argumentsOf(attributes), error }),
          scope,
        }
    }
  },

  translate: translateMemoryEvent,
}

const KIND = 'openinference.span.kind'

/** An agent that is inside itself, with no tool between, is told at several levels: by several of its methods. */
function agentRun(span: SpanLike, scope: ScopeIds, ancestors: Ancestors): Activity {
  const agent = agentOf(span)
  const { run, parent } = ancestors
  const { mayLeak, agentsByTools, oneMethod } = frameworkOf(span)
  const isInside = run !== undefined && parent?.convention === 'openinference' && parent.activity.kind !== 'tool'
  const isSame = !oneMethod && agent.name !== undefined && run?.agent.name === agent.name
  if (isInside && (isSame || (agentsByTools && isAgentAround(parent)))) return { kind: 'step', scope }
  const facts = handoffTaken(agent.name, ancestors)
  return { kind: 'run', agent, model: modelFrom(span.attributes), scope, mayLeak, facts }
}

/** Tells whether a span is inside an agent, at any of its levels, and not just inside a workflow. */
function isAgentAround(parent: RecognisedSpan): boolean {
  let around: RecognisedSpan | undefined = parent
  while (around?.activity.kind === 'step') around = around.outer
  return around?.activity.kind === 'run' && around.activity.trigger !== 'workflow'
}

function modelCall(span: SpanLike, operation: string, scope: ScopeIds, { runState }: Ancestors): ModelActivity {
  const { attributes } = span
  const [model, provider] = [modelFrom(attributes), providerFrom(attributes)]
  return { kind: 'model', operation, model, provider, scope, facts: handoffsRefused(runState) }
}

/** Reads what went wrong, by the status or, where that is of no use, by the exception. */
function errorAt(span: SpanLike, { kind }: Activity): SpanError | undefined {
  if (hasErrorStatus(span)) return errorOf(span)
  const isTold = kind !== 'step' && frameworkOf(span).okFirst && span.events.some(({ name }) => name === 'exception')
  return isTold ? errorOf(span) : undefined
}

/** Concludes a span that has an error, also where its status does not say so. */
function failed(span: SpanLike, error: SpanError | undefined): Conclusion {
  return error && !hasErrorStatus(span) ? concludeError(error, span) : { error }
}

function argumentsOf(attributes: Attributes): unknown {
  return json(attributes, 'tool.parameters') ?? json(attributes, 'gcp.vertex.agent.tool_call_args')
}

/** The session as such, or inside `metadata`, where LangChain users put it. */
export function scopeOfSpan(attributes: Attributes): ScopeIds {
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

/** An answer of the client, or a list of answers, begins with its id. */
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
