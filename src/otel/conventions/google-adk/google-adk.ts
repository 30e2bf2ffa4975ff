import type { Attributes } from '@opentelemetry/api'
import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Activity, Conclusion, Convention, Fact, Lineage, StepActivity, UsageReport } from '../contract.js'
import { count, firstOf, json, jsonIn, record, text } from '../shared/attributes.js'
import { fromClient } from '../shared/from-client.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, usageFrom } from '../shared/usage.js'
import {
  endOfTool,
  endOfTransfer,
  hasRunTool,
  isFirstCall,
  noteCall,
  resumption,
  TRANSFER_TOOL,
  transferTo,
  waitsFor,
} from './tools.js'

/*
 * Google's Agent Development Kit. Spans are told by their names; attributes come before the end. No agent, model or tool
 * span ever has an error status: a call that threw lacks the attributes which are set after it returned. Tools, and the
 * agents that control is transferred to, run inside the model call that asked for them; a tool that runs before any
 * model call of its agent is one that an earlier run had left waiting.
 */

/* What is kept for the life of a run, beside what is kept of tools. */
/** How its last model call failed. */
const FAILURE = 'adk.failure'
/** How nodes of a workflow ended. */
const NODE_FAILURE = 'adk.nodeFailure'
const NODE_WAITING = 'adk.nodeWaiting'

interface Failure {
  readonly error: SpanError
  readonly guessed: boolean
}

interface Transfer extends StepActivity {
  readonly transfer: true
}

const STEP: Activity = Object.freeze({ kind: 'step' })
const TRANSFER: Transfer = Object.freeze({ kind: 'step', transfer: true })

/** Agents and workflows of the Agent Development Kit. */
export const googleAdkConvention: Convention = {
  name: 'google-adk',
  scopes: ['gcp.vertex.agent'],

  recognise(span, _moment, lineage) {
    const [, operation, name = ''] = /^(\w+)(?: (.+))?$/s.exec(span.name) ?? []
    switch (operation) {
      case 'invoke_agent':
        return { kind: 'run', agent: name === '' ? {} : { name }, facts: transferTo(name, lineage) }
      case 'invoke_workflow':
        return { kind: 'run', agent: name === '' ? {} : { name }, trigger: 'workflow' }
      case 'call_llm':
        return { kind: 'model', operation: 'generate_content', facts: startOfCall(lineage) }
      case 'execute_tool':
        if (name === '(merged)') return STEP
        return name === TRANSFER_TOOL ? TRANSFER : { kind: 'tool', tool: { name } }
      case 'invocation':
      case 'execute_node':
      case 'execute_node_attempt':
        return STEP
      default:
        return undefined
    }
  },

  conclude(span, activity, lineage) {
    switch (activity.kind) {
      case 'run':
        return activity.trigger === 'workflow' ? endOfWorkflow(lineage) : endOfAgent(span, lineage)
      case 'model':
        return endOfCall(span, lineage)
      case 'tool':
        return endOfTool(span, activity.tool.name, lineage)
      default:
        if ('transfer' in activity) return endOfTransfer(span, lineage)
        if (span.name.startsWith('execute_node ')) noteNode(span, lineage)
        return {}
    }
  },
}

function endOfAgent({ attributes }: SpanLike, { ownMemo }: Lineage): Conclusion {
  // A live agent calls no model that shows: nothing follows from the order of its tools. It has no attributes either.
  const isLive = text(attributes, 'gen_ai.operation.name') === undefined
  return { ...outcomeOfAgent(ownMemo), facts: ownMemo && !isLive ? resumption(ownMemo) : undefined }
}

function outcomeOfAgent(ownMemo: Lineage['ownMemo']): Conclusion {
  const wait = waitsFor(ownMemo)
  if (wait) {
    const confidence = wait.reason === 'tool_confirmation' ? 'heuristic' : undefined
    return { outcome: 'suspended', reason: wait.reason, waitingFor: wait.tool, confidence }
  }
  const failure = ownMemo?.get(FAILURE) as Failure | undefined
  if (!failure) return {}
  return { outcome: 'failed', error: failure.error, confidence: failure.guessed ? 'heuristic' : undefined }
}

function endOfWorkflow({ ownMemo }: Lineage): Conclusion {
  const error = ownMemo?.get(NODE_FAILURE) as SpanError | undefined
  if (error) return { outcome: 'failed', error }
  const waiting = ownMemo?.get(NODE_WAITING) as string | undefined
  return waiting === undefined ? {} : { outcome: 'suspended', reason: 'node_interrupted', waitingFor: waiting }
}

/** The workflow around a node ends without a word of how. */
function noteNode(span: SpanLike, { memo }: Lineage): void {
  if (hasErrorStatus(span)) memo?.set(NODE_FAILURE, errorOf(span))
  else if (span.attributes['adk.node.status'] === 'waiting') {
    memo?.set(NODE_WAITING, text(span.attributes, 'adk.node.path') ?? 'node')
  }
}

function startOfCall({ memo }: Lineage): readonly Fact[] | undefined {
  memo?.delete(FAILURE)
  return memo && noteCall(memo)
}

function endOfCall(span: SpanLike, { memo }: Lineage): Conclusion {
  const { attributes } = span
  if (text(attributes, 'gcp.vertex.agent.invocation_id') === undefined) return endOfBareCall(memo)
  const { errorCode, errorMessage, usageMetadata } = record(json(attributes, 'gcp.vertex.agent.llm_response'))
  const error = errorCode === undefined ? undefined : { code: String(errorCode), message: String(errorMessage ?? '') }
  if (error) memo?.set(FAILURE, { error, guessed: false } satisfies Failure)
  const time = timestampFromHrTime(span.startTime)
  return {
    outcome: error ? 'failed' : undefined,
    error,
    finishReason: firstOf(attributes, 'gen_ai.response.finish_reasons'),
    usage: usageOf(attributes, record(usageMetadata)),
    scope: { sessionId: text(attributes, 'gcp.vertex.agent.session_id') },
    facts: [
      ...((isFirstCall(memo) && answerToToolCall(attributes, time)) || []),
      ...((error && quotaFacts(error)) ?? []),
    ],
  }
}

/** Nothing came back: the model threw, or (which looks the same) a callback answered in its place. */
function endOfBareCall(memo: Lineage['memo']): Conclusion {
  if (hasRunTool(memo)) return {}
  const error = { code: 'Error', message: 'The model call ended without a response' }
  memo?.set(FAILURE, { error, guessed: true } satisfies Failure)
  const fact: Fact = {
    type: 'error_occurred',
    data: { error, operation: 'generate_content' },
    confidence: 'heuristic',
  }
  return { facts: [fact] }
}

/** Each call reports what it consumed itself, whatever ran inside. */
function usageOf(attributes: Attributes, metadata: Readonly<Record<string, unknown>>): UsageReport | undefined {
  const usage = usageFrom(attributes)
  if (!usage) return undefined
  return {
    ...usage,
    totalTokens: usage.totalTokens ?? wholeNumber(metadata.totalTokenCount),
    cachedInputTokens: usage.cachedInputTokens ?? wholeNumber(metadata.cachedContentTokenCount),
    reasoningTokens: usage.reasoningTokens ?? wholeNumber(metadata.thoughtsTokenCount),
    model: modelFrom(attributes),
    authoritative: true,
  }
}

/**
 * The conversation, as the run found it, ends with the result of a tool: of one that an earlier run called. The result came
 * with the request.
 */
function answerToToolCall(attributes: Attributes, time: Timestamp): readonly Fact[] | undefined {
  return fromClient(attributes, 'gcp.vertex.agent.llm_request')?.tells((request) => {
    const { contents } = record(jsonIn(request))
    const { parts } = record(Array.isArray(contents) ? contents.at(-1) : undefined)
    const isAnswer = Array.isArray(parts) && parts.some((part) => record(part).functionResponse !== undefined)
    return isAnswer ? [{ type: 'resumed', data: {}, time }] : undefined
  })
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? count({ value }, 'value') : undefined
}
