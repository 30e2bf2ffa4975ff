import type { Attributes } from '@opentelemetry/api'
import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import { hasDropped, type SpanLike } from '../../span.js'
import type { Ancestors, Conclusion, ConventionState, Fact } from '../contract.js'
import { json, readRecord, record, text } from '../shared/attributes.js'
import { endOfHandoffTool, type HandoffStep } from '../shared/handoff-tools.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/* Tools of Google's Agent Development Kit: what they left waiting, and the transfer of control, which is one of them. */

/** ADK's own words, in the response of a tool: which may be worded so by anybody. */
const CONFIRMATION_REQUIRED = 'This tool call requires confirmation'
const CONFIRMATION_REFUSED = 'This tool call is rejected'
const MEMORY_TOOL = 'load_memory'
const LONG_RUNNING_TOOL = 'LongRunningFunctionTool'
/** Tools that may have waited for credentials instead. */
const TOOLS_WITH_CREDENTIALS = new Set(['RestApiTool', 'AuthenticatedFunctionTool', 'MCPTool'])

/* What is kept for the life of a run. */
/** The model call of the run that started last: `first` or `later`. */
const CALL = 'adk.call'
/** A tool has run inside the model call that is open. */
const TOOL_RAN = 'adk.toolRan'
/** Tools that ran before the first model call. */
const LEFT_WAITING = 'adk.leftWaiting'
/** Key of what the run waits for, unless it calls its model again. */
const WAITING_FOR = 'adk.waitingFor'

interface ToolLeftWaiting {
  readonly data: { readonly callId: string; readonly tool: { readonly name: string } }
  readonly refused: boolean
  readonly approvable: boolean
  readonly time: Timestamp
}

/** The run goes on after all; and if tools have run before its first call, it began as the resumption of another. */
export function rememberCall(runState: ConventionState): readonly Fact[] | undefined {
  for (const key of [WAITING_FOR, TOOL_RAN]) runState.delete(key)
  const facts = resumption(runState)
  runState.set(CALL, runState.has(CALL) || facts ? 'later' : 'first')
  return facts
}

export function isFirstCall(runState: Ancestors['runState']): boolean {
  return runState?.get(CALL) === 'first'
}

export function hasRunTool(runState: Ancestors['runState']): boolean {
  return runState?.has(TOOL_RAN) === true
}

const OWN_ATTRIBUTE = /^(?:gen_ai|gcp\.vertex)\./

/** The reason why a run waits. */
interface Wait {
  readonly reason: 'tool_confirmation' | 'long_running_tool'
  readonly tool: string
}

export function waitsFor(runState: Ancestors['runState']): Wait | undefined {
  return runState?.get(WAITING_FOR) as Wait | undefined
}

/** Returns, once only, the facts that tools show which ran before any model call. */
export function resumption(runState: ConventionState): readonly Fact[] | undefined {
  const tools = (runState.get(LEFT_WAITING) as readonly ToolLeftWaiting[] | undefined) ?? []
  const [first] = tools
  runState.delete(LEFT_WAITING)
  return first && [{ type: 'resumed', data: {}, time: first.time }, ...tools.flatMap(approval)]
}

function approval({ approvable, refused, data, time }: ToolLeftWaiting): readonly Fact[] {
  if (!approvable) return []
  const type = refused ? 'tool_approval_denied' : 'tool_approval_granted'
  return [{ type, data, time, confidence: 'heuristic' }]
}

export function endOfTool(span: SpanLike, startName: string, { runState }: Ancestors): Conclusion {
  const { attributes } = span
  const name = text(attributes, 'gen_ai.tool.name')
  runState?.set(TOOL_RAN, true)
  const thrown = thrownBy(span, startName)
  if (thrown) return { error: thrown }
  if (name === undefined) return {}
  const type = text(attributes, 'gen_ai.tool.type')
  const tool = { name, ...(type !== undefined && { type }) }
  const data = { callId: text(attributes, 'gen_ai.tool.call.id') ?? span.spanContext().spanId, tool: { name } }
  const response = readRecord(attributes, 'gcp.vertex.agent.tool_response')
  const message = typeof response.error === 'string' ? response.error : ''
  if (message.startsWith(CONFIRMATION_REQUIRED)) {
    runState?.set(WAITING_FOR, { reason: 'tool_confirmation', tool: name } satisfies Wait)
    return { tool, outcome: 'suspended', facts: [{ type: 'tool_approval_requested', data, confidence: 'heuristic' }] }
  }
  if (type === LONG_RUNNING_TOOL && response.result === null) {
    runState?.set(WAITING_FOR, { reason: 'long_running_tool', tool: name } satisfies Wait)
    return { tool, outcome: 'suspended' }
  }
  const refused = message.startsWith(CONFIRMATION_REFUSED)
  if (runState && !runState.has(CALL)) {
    const earlier = (runState.get(LEFT_WAITING) as readonly ToolLeftWaiting[] | undefined) ?? []
    const approvable = isApprovable(type, response)
    runState.set(LEFT_WAITING, [...earlier, { data, refused, approvable, time: at(span) } satisfies ToolLeftWaiting])
  }
  if (refused) return { tool, outcome: 'failed', error: { code: 'ToolCallRejected', message } }
  return { tool, facts: name === MEMORY_TOOL ? recall(attributes) : undefined }
}

/** A decision shows in the response only; without it, as where content is not captured, there is none to be seen. */
function isApprovable(type: string | undefined, response: Readonly<Record<string, unknown>>): boolean {
  return !TOOLS_WITH_CREDENTIALS.has(type ?? '') && Object.keys(response).length > 0
}

function recall(attributes: Attributes): readonly Fact[] {
  const { memories } = record(json(attributes, 'gcp.vertex.agent.tool_response'))
  return [
    { type: 'memory_recall', data: { tier: 'memory', hits: Array.isArray(memories) ? memories.length : undefined } },
  ]
}

export function endOfTransfer(span: SpanLike, step: HandoffStep, ancestors: Ancestors): Conclusion {
  ancestors.runState?.set(TOOL_RAN, true)
  const args = readRecord(span.attributes, 'gcp.vertex.agent.tool_call_args')
  return endOfHandoffTool(span, step, ancestors, { args, error: thrownBy(span, step.handoff.tool.name) })
}

/** ADK writes its attributes when a call has returned: a span that has none of them, whatever others there are, tells that it threw. */
export function isBare(span: SpanLike): boolean {
  return !hasDropped(span) && !Object.keys(span.attributes).some((key) => OWN_ATTRIBUTE.test(key))
}

/** Reads what a tool threw, with or without a status that says so. */
function thrownBy(span: SpanLike, startName: string): SpanError | undefined {
  if (hasErrorStatus(span)) return errorOf(span)
  return isBare(span) ? { code: 'Error', message: `${startName} threw` } : undefined
}

function at(span: SpanLike): Timestamp {
  return timestampFromHrTime(span.startTime)
}
