import type { Attributes } from '@opentelemetry/api'
import type {
  Fact,
  RunProgress,
  RunReport,
  TelemetryEvent,
  ToolCallDecision,
  ToolCallReport,
  UsageReport,
} from '../contract.js'
import { asked, callKey, customFact, errorFrom, flag, scopeOfRecord, word } from '../shared/agent-events.js'
import { amount, count, jsonIn, record, text } from '../shared/attributes.js'
import { quotaFacts } from '../shared/limits.js'
import { argumentsIn } from '../shared/payloads.js'

/*
 * Log records of Claude Code: https://code.claude.com/docs/en/monitoring-usage. `prompt.id` ties together what came of
 * one prompt. Nothing tells that a prompt has been answered, but the last model call asks for no tool.
 */

export const PREFIX = 'claude_code.'
export const AGENT = Object.freeze({ name: 'claude-code' })

/** Events that are told as they are, and their attributes: how the agent was set up, and who changed it. */
const CUSTOM: ReadonlyMap<string, readonly string[]> = new Map([
  ['permission_mode_changed', ['from_mode', 'to_mode', 'trigger']],
  ['auth', ['action', 'success', 'auth_method', 'status_code', 'error_category']],
  ['mcp_server_connection', ['status', 'transport_type', 'server_scope', 'server_name', 'duration_ms', 'error_code']],
  [
    'plugin_installed',
    ['plugin.name', 'plugin.version', 'marketplace.name', 'marketplace.is_official', 'install.trigger'],
  ],
  [
    'plugin_loaded',
    ['plugin.name', 'plugin.version', 'marketplace.name', 'plugin.scope', 'enabled_via', 'has_hooks', 'has_mcp'],
  ],
  ['skill_activated', ['skill.name', 'skill.source', 'invocation_trigger', 'plugin.name']],
  ['hook_registered', ['hook_event', 'hook_type', 'hook_source', 'plugin.name']],
  [
    'managed_settings_resolved',
    ['managed_settings.trigger', 'managed_settings.source_behavior', 'managed_settings.helper.state'],
  ],
  ['internal_error', ['error_name', 'error_code']],
  ['api_retries_exhausted', ['model', 'status_code', 'total_attempts', 'total_retry_duration_ms']],
  ['api_refusal', ['model', 'request_id', 'category']],
])

/** The makers of the conversation's own model calls. Others are made by sub-agents, under their names, and to compact. */
const MAIN = /^(?:sdk|repl|main|cli|user)/

export function reportOf(event: TelemetryEvent): RunReport | undefined {
  const { attributes, span } = event
  const name = event.name.startsWith(PREFIX) ? event.name.slice(PREFIX.length) : event.name
  const sessionId = word(attributes, 'session.id')
  if (sessionId === undefined) return undefined
  const promptId = word(attributes, 'prompt.id')
  const base = {
    sessionId,
    keys: promptId === undefined ? [] : [`claude-code:prompt:${promptId}`],
    // Versions before 2.1 have no id of the prompt.
    isOfRunInProgress: promptId === undefined,
    agent: AGENT,
    scope: scopeOfRecord(event),
    sequence: count(attributes, 'event.sequence'),
  }
  switch (name) {
    case 'user_prompt': {
      const runId = span ? `${span.traceId}-${span.spanId}` : (promptId ?? `${sessionId}-${event.time}`)
      const keys = span ? [spanKey(span.spanId), ...base.keys] : base.keys
      const begins = { runId, mark: promptId ?? String(event.time), isNewRun: promptId === undefined }
      // What the command line does by itself needs no model.
      const isOwn = word(attributes, 'command_source') === 'builtin'
      return { ...base, keys, begins, progress: { status: isOwn ? 'answered' : 'working' } }
    }
    case 'tool_decision':
      return {
        ...base,
        call: askedCall(attributes),
        progress: askedFor(attributes),
      }
    case 'tool_result':
      return {
        ...base,
        call: resultOf(attributes),
        progress: askedFor(attributes),
        // Where there are spans, they tell of the run of the sub-agent.
        facts: span ? undefined : subAgentFacts(attributes, sessionId),
      }
    case 'api_request':
      return { ...base, usage: usageOf(attributes), progress: answerOf(attributes) }
    case 'api_error':
      return { ...base, ...failureOf(attributes) }
    case 'compaction':
      return { ...base, ...compactionOf(attributes) }
    case 'hook_execution_complete':
      return { ...base, facts: hookFacts(attributes) }
    default: {
      const known = CUSTOM.get(name)
      return known && { ...base, facts: [customFact(`${PREFIX}${name}`, attributes, known)] }
    }
  }
}

/** The key of the run that a span is. */
export function spanKey(spanId: string): string {
  return `claude-code:span:${spanId}`
}

/**
 * The decision on a call, and its decider. Nobody was asked for a call that the configuration allows, and that is no event;
 * a refusal of the configuration or a hook is one, and the grant of a hook.
 */
export function decisionOf(attributes: Attributes): ToolCallDecision | undefined {
  const said = word(attributes, 'decision')
  if (said !== 'accept' && said !== 'reject') return undefined
  const verdict = said === 'accept' ? 'granted' : 'denied'
  const by = word(attributes, 'source') ?? 'unknown'
  if (by.startsWith('user')) return asked(verdict, by)
  if (verdict === 'denied') return { verdict, asked: false, by, reason: by }
  return by === 'hook' ? { verdict, asked: false, by } : undefined
}

/** Anthropic's count of input leaves out what was read from the cache, and written to it. */
export function usageOf(attributes: Attributes): UsageReport | undefined {
  const input = count(attributes, 'input_tokens')
  const output = count(attributes, 'output_tokens')
  if (input === undefined && output === undefined) return undefined
  const read = count(attributes, 'cache_read_tokens') ?? 0
  const created = count(attributes, 'cache_creation_tokens') ?? 0
  const requestId = word(attributes, 'request_id', 'gen_ai.response.id')
  const inputTokens = (input ?? 0) + read + created
  return {
    inputTokens,
    outputTokens: output ?? 0,
    cachedInputTokens: read,
    cacheCreationInputTokens: created,
    costUsd: amount(attributes, 'cost_usd'),
    model: word(attributes, 'model'),
    provider: 'anthropic',
    responseId: requestId,
    callKey: callKey(requestId, inputTokens, output ?? 0),
  }
}

/** The error of a model call. */
export function modelError(attributes: Attributes): { readonly code: string; readonly message: string } {
  return errorFrom(attributes, {
    codes: ['error.type', 'error_type', 'status_code', 'error_class'],
    messages: ['error', 'error_message'],
    fallback: 'api_error',
  })
}

/** Tells whether a model call ended since the user stopped it. */
export function wasAborted({ message }: { readonly message: string }): boolean {
  return /\b(?:request was aborted|aborted by user|interrupted by user)\b/i.test(message)
}

/** A tool that runs another agent. */
function subAgentFacts(attributes: Attributes, sessionId: string): readonly Fact[] | undefined {
  // Attacker-controlled: arguments of a tool call, which a model wrote; at most 256 KiB are parsed.
  const parameters = record(jsonIn(attributes.tool_parameters))
  const agentId = word(attributes, 'subagent_type') ?? word(parameters, 'subagent_type')
  if (agentId === undefined) return undefined
  return [{ type: 'sub_agent_invoked', data: { agentId, subThreadId: sessionId } }]
}

function callIn(attributes: Attributes): ToolCallReport {
  const name = word(attributes, 'tool_name') ?? 'unknown'
  const type = word(attributes, 'tool_source')
  return { callId: word(attributes, 'tool_use_id'), tool: { name, ...(type && { type }) } }
}

/** The parameters leave out a part of the input, which comes with the result: of a denied call there is no more. */
function askedCall(attributes: Attributes): ToolCallReport {
  const decision = decisionOf(attributes)
  const isDenied = decision?.verdict === 'denied'
  return { ...callIn(attributes), ...(isDenied && argumentsIn({ attributes })), decision }
}

function resultOf(attributes: Attributes): ToolCallReport {
  const failed = flag(attributes, 'success') === false
  const error = errorFrom(attributes, {
    codes: ['error_type', 'error.type'],
    messages: ['error'],
    fallback: 'tool_error',
  })
  return {
    ...callIn(attributes),
    decision: decisionIn(attributes),
    outcome: failed ? 'failed' : 'completed',
    error: failed ? error : undefined,
    durationMs: amount(attributes, 'duration_ms'),
    ...argumentsIn({ attributes }),
  }
}

/** Older versions tell the decision with the result only. */
function decisionIn(attributes: Attributes): ToolCallDecision | undefined {
  const said = word(attributes, 'decision_type', 'decision')
  const source = word(attributes, 'decision_source')
  return said !== undefined && source !== undefined ? decisionOf({ decision: said, source }) : undefined
}

function askedFor(attributes: Attributes): RunProgress | undefined {
  if (isAside(attributes)) return undefined
  if (word(attributes, 'decision') === 'reject' && word(attributes, 'source') === 'user_abort') {
    return { status: 'cancelled', reason: 'user_abort' }
  }
  return { status: 'working', request: word(attributes, 'request_id') }
}

function answerOf(attributes: Attributes): RunProgress | undefined {
  return isAside(attributes) ? undefined : { status: 'answered', request: word(attributes, 'request_id') }
}

function isAside(attributes: Attributes): boolean {
  const source = word(attributes, 'query_source')
  return word(attributes, 'agent_id') !== undefined || (source !== undefined && !MAIN.test(source))
}

function failureOf(attributes: Attributes): Pick<RunReport, 'facts' | 'progress'> {
  const error = modelError(attributes)
  if (wasAborted(error)) return { progress: { status: 'cancelled', reason: 'aborted' } }
  const facts: Fact[] = [{ type: 'error_occurred', data: { error, operation: 'chat' } }, ...(quotaFacts(error) ?? [])]
  return { facts, progress: isAside(attributes) ? undefined : { status: 'failed', error } }
}

function compactionOf(attributes: Attributes): Pick<RunReport, 'facts' | 'progress'> {
  if (flag(attributes, 'success') === false) {
    return { facts: [customFact(`${PREFIX}compaction_failed`, attributes, ['trigger', 'duration_ms'])] }
  }
  const before = count(attributes, 'pre_tokens')
  const after = count(attributes, 'post_tokens')
  const droppedTokens = before === undefined || after === undefined ? undefined : Math.max(0, before - after)
  const facts: Fact[] = [{ type: 'context_compacted', data: { droppedTokens, retainedTokens: after } }]
  // One that the user asked for is the answer.
  const isAnswer = word(attributes, 'trigger') === 'manual'
  return { facts, progress: isAnswer ? { status: 'answered' } : undefined }
}

function hookFacts(attributes: Attributes): readonly Fact[] {
  const facts: Fact[] = [customFact(`${PREFIX}hook_execution_complete`, attributes, HOOK_KEYS)]
  if ((count(attributes, 'num_blocking') ?? 0) > 0) {
    const rule = word(attributes, 'hook_name', 'hook_event') ?? 'hook'
    facts.push({ type: 'policy_violation', data: { rule, action: 'blocked' } })
  }
  return facts
}

const HOOK_KEYS = [
  'hook_event',
  'hook_name',
  'num_hooks',
  'num_success',
  'num_blocking',
  'num_non_blocking_error',
  'num_cancelled',
]

/** The text of an attribute that says which kind of span it is. */
export function spanTypeOf(attributes: Attributes): string | undefined {
  return text(attributes, 'span.type')
}
