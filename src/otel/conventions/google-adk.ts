import type { Attributes } from '@opentelemetry/api'
import { type Timestamp, timestampFromHrTime } from '../../events/index.js'
import type { SpanLike } from '../span.js'
import { count, firstOf, json, record, text } from './attributes.js'
import type { Activity, Conclusion, Convention, Fact, Lineage, StepActivity, UsageReport } from './contract.js'
import { quotaFacts } from './limits.js'
import { errorOf, hasErrorStatus, type SpanError } from './outcome.js'
import { modelFrom, usageFrom } from './usage.js'

/*
 * Google's Agent Development Kit. Spans are told by their names; attributes come before the end. No agent, model or tool
 * span ever has an error status: a call that threw lacks the attributes which are set after it returned. Tools, and the
 * agents that control is transferred to, run inside the model call that asked for them; a tool that runs before any
 * model call of its agent is one that an earlier run had left waiting.
 */

const CONFIRMATION_REQUIRED = 'This tool call requires confirmation'
const CONFIRMATION_REFUSED = 'This tool call is rejected'
const TRANSFER_TOOL = 'transfer_to_agent'
const MEMORY_TOOL = 'load_memory'
const LONG_RUNNING_TOOL = 'LongRunningFunctionTool'
/** Tools that may have waited for credentials instead. */
const TOOLS_WITH_CREDENTIALS = new Set(['RestApiTool', 'AuthenticatedFunctionTool', 'MCPTool'])

/* What is kept for the life of a run. */
/** The model call of the run that started last: `first` or `later`. */
const CALL = 'adk.call'
/** How its last model call failed. */
const FAILURE = 'adk.failure'
/** A tool has run inside the model call that is open. */
const TOOL_RAN = 'adk.toolRan'
/** Tools that ran before the first model call. */
const LEFT_WAITING = 'adk.leftWaiting'
/** What the run waits for, unless it calls its model again. */
const WAITING_FOR = 'adk.waitingFor'
/** Whom control is to be transferred to. */
const TRANSFERRED = 'adk.transferred'
/** Arguments are not captured. */
const UNKNOWN_TARGET = true
/** How nodes of a workflow ended. */
const NODE_FAILURE = 'adk.nodeFailure'
const NODE_WAITING = 'adk.nodeWaiting'

interface ToolLeftWaiting {
  readonly data: { readonly callId: string; readonly tool: { readonly name: string } }
  readonly refused: boolean
  readonly approvable: boolean
  readonly time: Timestamp
}

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
  const waitingFor = ownMemo?.get(WAITING_FOR) as { reason: string; tool: string } | undefined
  if (waitingFor) return { outcome: 'suspended', reason: waitingFor.reason, waitingFor: waitingFor.tool }
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

/** The run goes on after all; and if tools have run before its first call, it began as the resumption of another. */
function startOfCall({ memo }: Lineage): readonly Fact[] | undefined {
  if (!memo) return undefined
  for (const key of [WAITING_FOR, FAILURE, TOOL_RAN, TRANSFERRED]) memo.delete(key)
  const facts = resumption(memo)
  memo.set(CALL, memo.has(CALL) || facts ? 'later' : 'first')
  return facts
}

function resumption(memo: Map<string, unknown>): readonly Fact[] | undefined {
  const tools = (memo.get(LEFT_WAITING) as readonly ToolLeftWaiting[] | undefined) ?? []
  const [first] = tools
  memo.delete(LEFT_WAITING)
  return first && [{ type: 'resumed', data: {}, time: first.time }, ...tools.flatMap(approval)]
}

function approval({ approvable, refused, data, time }: ToolLeftWaiting): readonly Fact[] {
  if (!approvable) return []
  const type = refused ? 'tool_approval_denied' : 'tool_approval_granted'
  return [{ type, data, time, confidence: refused ? undefined : 'heuristic' }]
}

function endOfCall(span: SpanLike, { memo }: Lineage): Conclusion {
  const { attributes } = span
  if (text(attributes, 'gcp.vertex.agent.invocation_id') === undefined) return endOfBareCall(memo)
  const { errorCode, errorMessage, usageMetadata } = record(json(attributes, 'gcp.vertex.agent.llm_response'))
  const error = errorCode === undefined ? undefined : { code: String(errorCode), message: String(errorMessage ?? '') }
  if (error) memo?.set(FAILURE, { error, guessed: false } satisfies Failure)
  const resumed = memo?.get(CALL) === 'first' && answersToolCall(attributes)
  return {
    outcome: error ? 'failed' : undefined,
    error,
    finishReason: firstOf(attributes, 'gen_ai.response.finish_reasons'),
    usage: usageOf(attributes, record(usageMetadata)),
    scope: { sessionId: text(attributes, 'gcp.vertex.agent.session_id') },
    facts: [
      ...(resumed ? [{ type: 'resumed', data: {}, time: at(span) } as const] : []),
      ...((error && quotaFacts(error)) ?? []),
    ],
  }
}

/** Nothing came back: the model threw, or (which looks the same) a callback answered in its place. */
function endOfBareCall(memo: Lineage['memo']): Conclusion {
  if (memo?.has(TOOL_RAN)) return {}
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
    cachedInputTokens: usage.cachedInputTokens ?? wholeNumber(metadata.cachedContentTokenCount),
    reasoningTokens: usage.reasoningTokens ?? wholeNumber(metadata.thoughtsTokenCount),
    model: modelFrom(attributes),
    authoritative: true,
  }
}

/** Whether the conversation, as the run found it, ends with the result of a tool: of one that an earlier run called. */
function answersToolCall(attributes: Attributes): boolean {
  const { contents } = record(json(attributes, 'gcp.vertex.agent.llm_request'))
  const { parts } = record(Array.isArray(contents) ? contents.at(-1) : undefined)
  return Array.isArray(parts) && parts.some((part) => record(part).functionResponse !== undefined)
}

function endOfTool(span: SpanLike, startName: string, { memo }: Lineage): Conclusion {
  const { attributes } = span
  const name = text(attributes, 'gen_ai.tool.name')
  memo?.set(TOOL_RAN, true)
  if (name === undefined) return { outcome: 'failed', error: { code: 'Error', message: `${startName} threw` } }
  const type = text(attributes, 'gen_ai.tool.type')
  const tool = { name, ...(type !== undefined && { type }) }
  const data = { callId: text(attributes, 'gen_ai.tool.call.id') ?? span.spanContext().spanId, tool: { name } }
  const response = record(json(attributes, 'gcp.vertex.agent.tool_response'))
  const message = typeof response.error === 'string' ? response.error : ''
  if (message.startsWith(CONFIRMATION_REQUIRED)) {
    memo?.set(WAITING_FOR, { reason: 'tool_confirmation', tool: name })
    return { tool, outcome: 'suspended', facts: [{ type: 'tool_approval_requested', data }] }
  }
  if (type === LONG_RUNNING_TOOL && response.result === null) {
    memo?.set(WAITING_FOR, { reason: 'long_running_tool', tool: name })
    return { tool, outcome: 'suspended' }
  }
  const refused = message.startsWith(CONFIRMATION_REFUSED)
  if (memo && !memo.has(CALL)) {
    const earlier = (memo.get(LEFT_WAITING) as readonly ToolLeftWaiting[] | undefined) ?? []
    const approvable = isApprovable(type, response)
    memo.set(LEFT_WAITING, [...earlier, { data, refused, approvable, time: at(span) } satisfies ToolLeftWaiting])
  }
  if (refused) return { tool, outcome: 'failed', error: { code: 'ToolCallRejected', message } }
  return { tool, facts: name === MEMORY_TOOL ? recall(response) : undefined }
}

/** What was decided shows in the response only; without it, as where content is not captured, nothing can be told. */
function isApprovable(type: string | undefined, response: Readonly<Record<string, unknown>>): boolean {
  return !TOOLS_WITH_CREDENTIALS.has(type ?? '') && Object.keys(response).length > 0
}

function recall({ memories }: Readonly<Record<string, unknown>>): readonly Fact[] {
  return [
    { type: 'memory_recall', data: { tier: 'memory', hits: Array.isArray(memories) ? memories.length : undefined } },
  ]
}

function endOfTransfer({ attributes }: SpanLike, { memo }: Lineage): Conclusion {
  memo?.set(TOOL_RAN, true)
  if (text(attributes, 'gen_ai.tool.name') === undefined) return {}
  const { agentName, agent_name } = record(json(attributes, 'gcp.vertex.agent.tool_call_args'))
  memo?.set(TRANSFERRED, agentName ?? agent_name ?? UNKNOWN_TARGET)
  return {}
}

/** Control has gone over when the other agent starts; recorded with the one that gave it. */
function transferTo(name: string, { run, memo }: Lineage): readonly Fact[] | undefined {
  const target = memo?.get(TRANSFERRED)
  if (!run || target === undefined) return undefined
  memo?.delete(TRANSFERRED)
  if (target !== name && target !== UNKNOWN_TARGET) return undefined
  const scope = { runId: run.runId, agent: run.agent }
  return [{ type: 'agent_handoff', data: { from: run.agent.name, to: name }, scope }]
}

function at(span: SpanLike): Timestamp {
  return timestampFromHrTime(span.startTime)
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? count({ value }, 'value') : undefined
}
