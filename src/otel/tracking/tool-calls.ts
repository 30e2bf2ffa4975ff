import type { HrTime } from '@opentelemetry/api'
import type { ToolActivity } from '../conventions/contract.js'
import { text } from '../conventions/shared/attributes.js'
import { RecentLists } from '../recent-lists.js'
import { type SpanLike, scopeOf } from '../span.js'
import { contains, nanosOf, nearlyContained } from './interval.js'
import type { SpanNode } from './span-node.js'
import { type CallDescription, ToolCall } from './tool-call.js'
import { sameTool } from './tool-names.js'

/** Calls that are remembered, and those of one run that are looked through. */
const MAX_CALLS = 8192
const MAX_CALLS_OF_RUN = 128

/**
 * The tool calls that are recorded, for as long as another span may report them again: the client and the server of a
 * protocol, a framework around them, a second instrumentation, or the same one afterwards.
 */
export class ToolCalls {
  /** The calls of each run; outside of runs, those of each trace. */
  readonly #byKey = new RecentLists<ToolCall>(MAX_CALLS, MAX_CALLS_OF_RUN)

  /** Finds the recorded call that a span reports again, when the span is recognised; enters a new one otherwise. */
  enter(
    node: SpanNode,
    activity: ToolActivity,
    span: SpanLike,
  ): { readonly call: ToolCall; readonly isRepeat: boolean } {
    const described = describe(node, activity, span)
    const key = node.nearestRun()?.runId ?? node.traceId
    const before =
      enclosing(node, described) ??
      this.#byKey.of(key).find((other) => isReportedAgain(other, described, span.endTime)) ??
      this.#byRequest(described)
    const call = before ?? new ToolCall(described)
    if (described.request !== undefined) this.#byKey.add(described.request, call)
    if (before) before.reportAgain(described)
    else this.#byKey.add(key, call)
    return { call, isRepeat: before !== undefined }
  }

  /** The other side of a request that carried no trace context along. */
  #byRequest({ request, kind, name, start }: CallDescription): ToolCall | undefined {
    if (request === undefined) return undefined
    const isOther = (call: ToolCall) => call.kind !== kind && sameTool(call.name, name, true)
    return this.#byKey
      .of(request)
      .find((call) => isOther(call) && start <= (call.endedAt ?? start) && call.start <= start)
  }
}

function describe(node: SpanNode, { callId, tool }: ToolActivity, span: SpanLike): CallDescription {
  return {
    name: tool.name,
    id: callId,
    scope: scopeOf(span).name,
    kind: span.kind,
    isMcp: isOfMcp(span),
    request: requestOf(span),
    flow: node.flow,
    start: nanosOf(span.startTime),
    turn: node.nearestRun()?.tally.modelCalls ?? 0,
    given: callId === undefined ? undefined : fingerprintOf(span),
  }
}

/** Attributes of spans of the Model Context Protocol, in the names of its conventions and before them. */
const MCP_KEYS = ['mcp.method.name', 'mcp.request.id', 'jsonrpc.request.id', 'mcp.session.id', 'mcp.tool.name']

function isOfMcp(span: SpanLike): boolean {
  const { attributes, name } = span
  if (MCP_KEYS.some((key) => attributes[key] !== undefined)) return true
  return name.startsWith('tools/call') || /(?:^|[./_-])mcp(?:$|[./_-])/.test(scopeOf(span).name)
}

/** Requests are counted in each session from zero: only with the time do they tell a call. */
function requestOf({ attributes }: SpanLike): string | undefined {
  const id = attributes['jsonrpc.request.id'] ?? attributes['mcp.request.id'] ?? attributes['rpc.jsonrpc.request_id']
  if (typeof id !== 'string' && typeof id !== 'number') return undefined
  return `mcp ${String(id).slice(0, 256)} ${text(attributes, 'mcp.session.id')?.slice(0, 256) ?? ''}`
}

const ARGUMENTS = ['gen_ai.tool.call.arguments', 'ai.toolCall.args', 'input.value', 'traceloop.entity.input']
/** Characters of long arguments that are looked at, beside their length. */
const MAX_LOOKED_AT = 4096

/** A value that differs where the arguments do. It is compared, and never recorded. */
function fingerprintOf({ attributes }: SpanLike): string | undefined {
  const given = text(attributes, ...ARGUMENTS)
  if (given === undefined) return undefined
  let hash = 0
  const length = Math.min(given.length, MAX_LOOKED_AT)
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + given.charCodeAt(i)) | 0
  return `${given.length} ${hash}`
}

/** The call that the span is inside of, where the span reports that one again. */
function enclosing(node: SpanNode, call: CallDescription): ToolCall | undefined {
  for (let above = node.recognisedParent(); above && !above.run; above = above.recognisedParent()) {
    if (above.recognition?.activity.kind === 'model') return undefined
    const outer = above.record?.call?.recorded
    if (outer) return isLayerOf(outer, call) ? outer : undefined
  }
  return undefined
}

/** A tool that calls itself for a part of the work is reported by the same instrumentation, and has an id of its own. */
function isLayerOf(outer: CallDescription, inner: CallDescription): boolean {
  const bothNamed = outer.id !== undefined && inner.id !== undefined
  // A protocol may give its request an id of its own.
  if (bothNamed && (outer.id === inner.id || outer.isMcp === inner.isMcp)) return outer.id === inner.id
  if (!sameTool(outer.name, inner.name, outer.isMcp || inner.isMcp)) return false
  if (outer.scope !== inner.scope || outer.kind !== inner.kind || isOtherSide(outer, inner)) return true
  return (outer.id === undefined) !== (inner.id === undefined)
}

/** Tells whether the later span reports a call that is recorded, and that it is not inside of. */
function isReportedAgain(first: ToolCall, later: CallDescription, endTime: HrTime): boolean {
  if (!sameTool(first.name, later.name, first.isMcp || later.isMcp)) return false
  if (first.id !== undefined && later.id !== undefined) return first.id === later.id && isSameById(first, later)
  // Without an id, another instrumentation reports what happened at the same time in the same place.
  return (!first.isReportedBy(later.scope) || isOtherSide(first, later)) && isAtSameTime(first, later, endTime)
}

/** The client and the server of a call, or the framework and the protocol below it, may be reported by one instrumentation. */
function isOtherSide(one: CallDescription, other: CallDescription): boolean {
  return one.isMcp && other.isMcp ? one.kind !== other.kind : one.isMcp !== other.isMcp
}

/** Ids that a model or a server counts from zero with every answer, such as `call_0` and `functions.search:1`. */
const ORDINAL = /^(?:(?:call|tool|tool_?call|tool_?use|function|functions\.[^:]+|fc)[-_:]?)?\d{1,3}$/i

/**
 * An id holds for one turn: after another call of a model it may be given again. Within a turn a call that failed, or waits,
 * is called again under its id.
 */
function isSameById(first: ToolCall, later: CallDescription): boolean {
  if (first.endedAt === undefined) return first.turn === later.turn
  if (later.start < first.endedAt) return true
  const isNew = first.given !== undefined && later.given !== undefined && first.given !== later.given
  if (isNew && first.scope === later.scope) return false
  return first.outcome === 'completed' && first.turn === later.turn && !ORDINAL.test(first.id ?? '')
}

function isAtSameTime(first: ToolCall, later: CallDescription, endTime: HrTime): boolean {
  const end = nanosOf(endTime)
  const isOver = end > 0
  if (first.endedAt === undefined) return first.flow === later.flow && first.turn === later.turn && !isOver
  if (!isOver) return first.flow === later.flow && later.start < first.endedAt
  const [one, other] = [
    { start: first.start, end: first.endedAt },
    { start: later.start, end },
  ]
  // A span that is recognised only at its end may have had the call inside of it.
  return contains(other, one) || (first.flow === later.flow && nearlyContained(one, other))
}
