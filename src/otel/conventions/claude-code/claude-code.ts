import { parentSpanIdOf, type SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, RunActivity, ToolCallReport } from '../contract.js'
import { errorFrom, flag, word } from '../shared/agent-events.js'
import { amount } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { AGENT, decisionOf, modelError, PREFIX, reportOf, spanKey, spanTypeOf, usageOf, wasAborted } from './events.js'

/*
 * Claude Code's own spans (beta) and log records. An `interaction` is one prompt. A tool's own span stays unset whatever
 * comes of it: `tool.execution` inside has the failure, `tool.blocked_on_user` the decision.
 */

const STEP: Activity = Object.freeze({ kind: 'step' })
/** Kept for the life of a run: how its last model call ended. */
const LAST_CALL = 'claude-code.last-call'

interface LastCall {
  readonly finishReason?: string | undefined
  readonly error?: Conclusion['error']
}

/** Claude Code, as spans and as log records. */
export const claudeCodeConvention: Convention = {
  name: 'claude-code',
  instrumentationScopes: ['com.anthropic.claude_code*'],
  namePrefixes: [PREFIX],
  eventPrefixes: [PREFIX],
  eventInstrumentationScopes: ['com.anthropic.claude_code.events'],

  recognise(span, _, ancestors) {
    const { attributes } = span
    if (!span.name.startsWith(PREFIX)) return undefined
    switch (spanTypeOf(attributes) ?? span.name.slice(PREFIX.length)) {
      case 'interaction':
        return { kind: 'run', agent: AGENT, keys: [spanKey(span.spanContext().spanId)] }
      case 'llm_request':
        return {
          kind: 'model',
          operation: 'chat',
          model: word(attributes, 'model'),
          provider: 'anthropic',
          enclosingRun: subAgentOf(span, ancestors),
        }
      case 'tool':
        return toolCall(span, ancestors)
      default:
        return STEP
    }
  },

  conclude(span, activity, ancestors) {
    switch (activity.kind) {
      case 'run':
        return { ...endOfRun(span, ancestors), call: callOf(span) }
      case 'model':
        return endOfModelCall(span, ancestors)
      case 'tool':
        return {}
      default:
        return { call: callOf(span), facts: compactionFacts(span) }
    }
  },

  report: reportOf,
}

function toolCall(span: SpanLike, ancestors: Ancestors): Activity {
  const { attributes } = span
  const callId = word(attributes, 'tool_use_id', 'gen_ai.tool.call.id')
  const name = word(attributes, 'tool_name', 'gen_ai.tool.name') ?? 'unknown'
  return {
    kind: 'tool',
    tool: { name },
    callId,
    call: { callId, spanId: span.spanContext().spanId },
    enclosingRun: subAgentOf(span, ancestors),
  }
}

/** The run of a sub-agent: the span around its work, inside of the tool that runs it. */
function subAgentOf({ attributes }: SpanLike, { parent }: Ancestors): RunActivity | undefined {
  const id = word(attributes, 'agent_id')
  if (id === undefined || !parent || parent.activity.kind === 'run') return undefined
  const tool = parent.activity.kind === 'tool' ? parent : parent.outer
  const name =
    (tool?.span && word(tool.span.attributes, 'subagent_type')) ?? word(attributes, 'agent.name', 'agent_type')
  return { kind: 'run', agent: { id, ...(name !== undefined && { name }) } }
}

/** The word of a span inside a tool's on that call. */
function callOf(span: SpanLike): ToolCallReport | undefined {
  const { attributes } = span
  const around = { spanId: parentSpanIdOf(span) }
  switch (spanTypeOf(attributes) ?? span.name.slice(PREFIX.length)) {
    case 'tool.blocked_on_user':
      return { ...around, decision: decisionOf(attributes) }
    case 'tool.execution': {
      const failed = hasErrorStatus(span) || flag(attributes, 'success') === false
      const error = failed ? toolError(span) : undefined
      return {
        ...around,
        outcome: failed ? 'failed' : 'completed',
        error,
        durationMs: amount(attributes, 'duration_ms'),
      }
    }
    case 'tool':
      // The span of the tool has turned out to be the run of a sub-agent.
      return { spanId: span.spanContext().spanId, outcome: hasErrorStatus(span) ? 'failed' : 'completed' }
    default:
      return undefined
  }
}

function toolError(span: SpanLike): Conclusion['error'] {
  const told = errorFrom(span.attributes, {
    codes: ['error_class', 'error.type'],
    messages: ['error'],
    fallback: 'tool_error',
  })
  return { code: told.code, message: told.message || errorOf(span).message }
}

function endOfModelCall(span: SpanLike, { runState, parent }: Ancestors): Conclusion {
  const { attributes } = span
  const failed = hasErrorStatus(span) || flag(attributes, 'success') === false
  const told = failed ? modelError(attributes) : undefined
  const error = told && { code: told.code, message: told.message || errorOf(span).message }
  // The calls of a sub-agent are inside a tool.
  if (parent?.activity.kind === 'run') {
    runState?.set(LAST_CALL, { error, finishReason: word(attributes, 'stop_reason') } satisfies LastCall)
  }
  const usage = usageOf(attributes)
  if (!error) return { outcome: 'completed', usage }
  return wasAborted(error)
    ? { outcome: 'cancelled', reason: 'aborted', usage }
    : { outcome: 'failed', error, usage, facts: quotaFacts(error) }
}

/** The span of a prompt does not tell how it ended: its last model call does. */
function endOfRun(span: SpanLike, { ownState }: Ancestors): Conclusion {
  if (hasErrorStatus(span)) return concludeError(errorOf(span), span)
  const { error, finishReason } = (ownState?.get(LAST_CALL) ?? {}) as LastCall
  if (error) {
    return wasAborted(error)
      ? { outcome: 'cancelled', reason: 'aborted' }
      : { outcome: 'failed', error, confidence: 'heuristic' }
  }
  // It asked for a tool, and nothing followed: a limit, or the user, ended it.
  return { outcome: 'completed', finishReason, confidence: finishReason === 'tool_use' ? 'heuristic' : undefined }
}

function compactionFacts(span: SpanLike): readonly Fact[] | undefined {
  if (spanTypeOf(span.attributes) !== 'compaction' || hasErrorStatus(span)) return undefined
  return [{ type: 'context_compacted', data: {} }]
}
