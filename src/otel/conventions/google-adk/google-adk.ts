import type { Attributes } from '@opentelemetry/api'
import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, UsageReport } from '../contract.js'
import { count, firstOf, idIn, jsonIn, readRecord, record, text } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { factsOfException } from '../shared/exception-names.js'
import { fromClient } from '../shared/from-client.js'
import { type HandoffStep, handoffStep, handoffsLeft, handoffsRefused, handoffTaken } from '../shared/handoff-tools.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, usageFrom } from '../shared/usage.js'
import {
  endOfTool,
  endOfTransfer,
  hasRunTool,
  isBare,
  isFirstCall,
  rememberCall,
  resumption,
  waitsFor,
} from './tools.js'

/*
 * Google's Agent Development Kit. Spans are told by their names; attributes come before the end. In JavaScript no agent,
 * model or tool span ever has an error status: a call that threw lacks the attributes which are set after it returned.
 * Tools, and the agents that control is transferred to, run inside the model call that asked for them (in Python beside
 * it); a tool that runs before any model call of its agent is one that an earlier run had left waiting.
 */

/** The run of an agent in versions 1.x for Python, beside `invoke_agent x`. */
const AGENT_RUN = /^agent_run \[(.+)\]$/s

/* What is kept for the life of a run, beside what is kept of tools. */
/** Key of the error of the last model call, where that failed. */
const FAILURE = 'adk.failure'
/** Keys of the ends of nodes of a workflow. */
const NODE_FAILURE = 'adk.nodeFailure'
const NODE_WAITING = 'adk.nodeWaiting'

interface Failure {
  readonly error: SpanError
  readonly guessed: boolean
}

const STEP: Activity = Object.freeze({ kind: 'step' })

/** Agents and workflows of the Agent Development Kit. */
export const googleAdkConvention: Convention = {
  name: 'google-adk',
  instrumentationScopes: ['gcp.vertex.agent'],
  decisive: { model: ['gcp.vertex.agent.llm_response'], tool: ['gcp.vertex.agent.tool_response'] },

  recognise(span, _phase, ancestors) {
    const oldName = AGENT_RUN.exec(span.name)?.[1]
    if (oldName !== undefined) return agentRun(oldName, ancestors)
    const [, operation, name = ''] = /^(\w+)(?: (.+))?$/s.exec(span.name) ?? []
    switch (operation) {
      case 'invoke_agent':
        return agentRun(name, ancestors)
      case 'invoke_workflow':
        return { kind: 'run', agent: name === '' ? {} : { name }, trigger: 'workflow' }
      case 'call_llm':
        return { kind: 'model', operation: 'generate_content', facts: startOfCall(ancestors) }
      case 'execute_tool':
        if (name === '(merged)') return STEP
        return handoffStep(span, name, ancestors) ?? { kind: 'tool', tool: { name } }
      case 'invocation':
      case 'execute_node':
      case 'execute_node_attempt':
        return STEP
      default:
        return undefined
    }
  },

  conclude(span, activity, ancestors) {
    switch (activity.kind) {
      case 'run':
        return activity.trigger === 'workflow' ? endOfWorkflow(ancestors) : endOfAgent(span, ancestors)
      case 'model':
        return endOfCall(span, ancestors)
      case 'tool':
        return endOfTool(span, activity.tool.name, ancestors)
      default:
        if ('handoff' in activity) return endOfTransfer(span, activity as HandoffStep, ancestors)
        if (span.name.startsWith('execute_node ')) rememberNode(span, ancestors)
        return {}
    }
  },
}

function agentRun(name: string, ancestors: Ancestors): Activity {
  return { kind: 'run', agent: name === '' ? {} : { name }, facts: handoffTaken(name, ancestors) }
}

function endOfAgent(span: SpanLike, ancestors: Ancestors): Conclusion {
  const { ownState } = ancestors
  // A live agent calls no model that shows: nothing follows from the order of its tools. It has no attributes either.
  const isLive = text(span.attributes, 'gen_ai.operation.name') === undefined && !AGENT_RUN.test(span.name)
  const ending = outcomeOfAgent(span, ownState)
  const resumed = ownState && !isLive ? resumption(ownState) : undefined
  return {
    ...ending,
    facts: [...(resumed ?? []), ...factsOfException(ending.error, ancestors), ...handoffsLeft(ancestors)],
  }
}

function outcomeOfAgent(span: SpanLike, ownState: Ancestors['ownState']): Conclusion {
  const wait = waitsFor(ownState)
  if (wait) {
    const confidence = wait.reason === 'tool_confirmation' ? 'heuristic' : undefined
    return { outcome: 'suspended', reason: wait.reason, waitingFor: wait.tool, confidence }
  }
  if (hasErrorStatus(span)) return concludeError(errorOf(span), span)
  const failure = ownState?.get(FAILURE) as Failure | undefined
  if (!failure) return {}
  return { outcome: 'failed', error: failure.error, confidence: failure.guessed ? 'heuristic' : undefined }
}

function endOfWorkflow({ ownState }: Ancestors): Conclusion {
  const error = ownState?.get(NODE_FAILURE) as SpanError | undefined
  if (error) return { outcome: 'failed', error }
  const waiting = ownState?.get(NODE_WAITING) as string | undefined
  return waiting === undefined ? {} : { outcome: 'suspended', reason: 'node_interrupted', waitingFor: waiting }
}

/** The workflow around a node ends without a word of how. */
function rememberNode(span: SpanLike, { runState }: Ancestors): void {
  if (hasErrorStatus(span)) runState?.set(NODE_FAILURE, errorOf(span))
  else if (span.attributes['adk.node.status'] === 'waiting') {
    runState?.set(NODE_WAITING, text(span.attributes, 'adk.node.path') ?? 'node')
  }
}

function startOfCall({ runState }: Ancestors): readonly Fact[] | undefined {
  runState?.delete(FAILURE)
  const refused = handoffsRefused(runState)
  const resumed = runState && rememberCall(runState)
  return refused ? [...(resumed ?? []), ...refused] : resumed
}

function endOfCall(span: SpanLike, { runState }: Ancestors): Conclusion {
  const { attributes } = span
  if (hasErrorStatus(span)) return endOfFailedCall(span, runState)
  if (isBare(span)) return endOfBareCall(runState)
  const response = readRecord(attributes, 'gcp.vertex.agent.llm_response')
  const [errorCode, message] = [
    response.errorCode ?? response.error_code,
    response.errorMessage ?? response.error_message,
  ]
  const error = errorCode === undefined ? undefined : { code: String(errorCode), message: String(message ?? '') }
  if (error) runState?.set(FAILURE, { error, guessed: false } satisfies Failure)
  const time = timestampFromHrTime(span.startTime)
  return {
    outcome: error ? 'failed' : undefined,
    error,
    finishReason: firstOf(attributes, 'gen_ai.response.finish_reasons'),
    usage: usageOf(attributes, record(response.usageMetadata ?? response.usage_metadata)),
    // All agents of an invocation share its session.
    runScope: { sessionId: idIn(attributes, 'gcp.vertex.agent.session_id') },
    facts: [
      ...((isFirstCall(runState) && answerToToolCall(attributes, time)) || []),
      ...((error && quotaFacts(error)) ?? []),
    ],
  }
}

/** Reads what the model threw, in Python. */
function endOfFailedCall(span: SpanLike, runState: Ancestors['runState']): Conclusion {
  const error = errorOf(span)
  const ending = concludeError(error, span)
  if (ending.outcome === 'failed') runState?.set(FAILURE, { error, guessed: false } satisfies Failure)
  return { ...ending, facts: quotaFacts(error) }
}

/** Nothing came back: the model threw, or (which looks the same) a callback answered in its place. */
function endOfBareCall(runState: Ancestors['runState']): Conclusion {
  if (hasRunTool(runState)) return {}
  const error = { code: 'Error', message: 'The model call ended without a response' }
  runState?.set(FAILURE, { error, guessed: true } satisfies Failure)
  const fact: Fact = {
    type: 'error_occurred',
    data: { error, operation: 'generate_content' },
    confidence: 'heuristic',
  }
  return { facts: [fact] }
}

/** Each call reports what it consumed itself, whatever ran inside; old versions do so in the response only. */
function usageOf(attributes: Attributes, metadata: Readonly<Record<string, unknown>>): UsageReport | undefined {
  const told = usageFrom(attributes)
  const thoughts = wholeNumber(metadata.thoughtsTokenCount ?? metadata.thoughts_token_count)
  const answered = wholeNumber(metadata.candidatesTokenCount ?? metadata.candidates_token_count)
  const prompted = wholeNumber(metadata.promptTokenCount ?? metadata.prompt_token_count)
  if (!told && answered === undefined && prompted === undefined) return undefined
  const cached = wholeNumber(metadata.cachedContentTokenCount ?? metadata.cached_content_token_count)
  return {
    ...(told ?? { inputTokens: prompted, outputTokens: (answered ?? 0) + (thoughts ?? 0) }),
    totalTokens: told?.totalTokens ?? wholeNumber(metadata.totalTokenCount ?? metadata.total_token_count),
    cachedInputTokens: told?.cachedInputTokens ?? cached,
    reasoningTokens: told?.reasoningTokens ?? thoughts,
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
    // Attacker-controlled: the message history sent to the model, which a client can make up; at most 256 KiB are
    // parsed, and facts from it are claims.
    const { contents } = record(jsonIn(request))
    const { parts } = record(Array.isArray(contents) ? contents.at(-1) : undefined)
    const isAnswer =
      Array.isArray(parts) &&
      parts.map(record).some((part) => (part.functionResponse ?? part.function_response) !== undefined)
    return isAnswer ? [{ type: 'resumed', data: {}, time }] : undefined
  })
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? count({ value }, 'value') : undefined
}
