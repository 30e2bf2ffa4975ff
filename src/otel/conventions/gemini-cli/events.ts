import type { Attributes } from '@opentelemetry/api'
import type {
  Conclusion,
  Fact,
  RunReport,
  TelemetryEvent,
  ToolCallDecision,
  ToolCallReport,
  UsageReport,
} from '../contract.js'
import { asked, callKey, customFact, errorFrom, flag, scopeOfRecord, word } from '../shared/agent-events.js'
import { amount, count } from '../shared/attributes.js'
import { endingOfError } from '../shared/error-endings.js'
import { quotaFacts } from '../shared/limits.js'
import { argumentsIn } from '../shared/payloads.js'

/*
 * Events of Gemini CLI (google-gemini/gemini-cli, docs/cli/telemetry.md), and of Qwen Code, which has come from it. A
 * prompt is named by `prompt_id`; without a terminal that is the session's own id, which another prompt may have again.
 */

/** A family of these events. */
export interface Dialect {
  readonly agent: { readonly name: string }
  readonly provider: string | undefined
  readonly prefixes: readonly string[]
}

const APPROVAL_KEYS = ['from_mode', 'to_mode', 'approval_mode', 'mode', 'duration_ms']

const CUSTOM: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'config',
    ['model', 'approval_mode', 'sandbox_enabled', 'mcp_servers', 'mcp_servers_count', 'extensions_count', 'debug_mode'],
  ],
  ['plan.approval_mode_switch', APPROVAL_KEYS],
  ['plan.execution', APPROVAL_KEYS],
  ['plan_execution', APPROVAL_KEYS],
  ['approval_mode_switch', APPROVAL_KEYS],
  ['auth', ['auth_type', 'action_type', 'status']],
  ['flash_fallback', ['auth_type', 'model']],
  ['flash_decided_to_continue', ['auth_type']],
  ['model_routing', ['decision_model', 'decision_source', 'failed', 'approval_mode']],
  ['slash_command', ['command', 'subcommand', 'status']],
  ['slash_command.model', ['model_name']],
  ['hook_call', ['hook_event_name', 'hook_type', 'duration_ms', 'success', 'exit_code']],
  ['loop_detection_disabled', []],
  ['repeated_tool_failure_guard', ['tool_name', 'error_type', 'failure_count']],
  ['tool_output_truncated', ['tool_name', 'original_content_length', 'truncated_content_length']],
  ['chat.invalid_chunk', ['error_type']],
  ['chat.content_retry', ['attempt_number', 'error_type', 'model']],
  ['network_retry_attempt', ['attempt', 'max_attempts', 'error_type', 'model']],
  ['malformed_json_response', ['model']],
  ['conseca.policy_generation', ['error']],
  ['conseca.verdict', ['verdict', 'tool_name']],
  ['extension_install', ['extension_name', 'extension_version', 'status']],
  ['extension_update', ['extension_name', 'extension_version', 'extension_previous_version', 'status']],
  ['extension_uninstall', ['extension_name', 'status']],
  ['extension_enable', ['extension_name', 'setting_scope']],
  ['extension_disable', ['extension_name', 'setting_scope']],
  ['skill_launch', ['skill_name', 'success']],
  ['memory.extract', ['trigger', 'status', 'patches_count', 'duration_ms']],
  ['memory.dream', ['trigger', 'status', 'duration_ms']],
])

/** A sub-agent's words on why it ended. */
const LIMITS: Readonly<Record<string, string>> = { MAX_TURNS: 'turns', TIMEOUT: 'duration_ms' }

export function reportOf(event: TelemetryEvent, dialect: Dialect): RunReport | undefined {
  const { attributes } = event
  const prefix = dialect.prefixes.find((one) => event.name.startsWith(one))
  const sessionId = word(attributes, 'session.id') ?? (event.resource && word(event.resource, 'session.id'))
  if (prefix === undefined || sessionId === undefined) return undefined
  const name = event.name.slice(prefix.length)
  const promptId = word(attributes, 'prompt_id')
  const isMain = promptId !== undefined && isOfPrompt(attributes, promptId)
  const base: RunReport = {
    sessionId,
    keys: isMain ? [promptKey(dialect, sessionId, promptId)] : [],
    isOfRunInProgress: !isMain,
    agent: dialect.agent,
    scope: scopeOfRecord(event),
  }
  const mark = word(attributes, 'event.timestamp') ?? String(event.time)
  switch (name) {
    case 'user_prompt':
      return {
        ...base,
        begins: { runId: `${sessionId}/${mark}`, mark, isNewRun: true },
        progress: { status: 'working' },
      }
    case 'api_request':
    case 'user_retry':
      return isMain ? { ...base, progress: { status: 'working' } } : undefined
    case 'api_response':
      return { ...base, usage: usageOf(attributes, dialect), progress: isMain ? { status: 'answered' } : undefined }
    case 'api_error':
    case 'chat.content_retry_failure':
      return { ...base, ...failureOf(attributes, isMain) }
    case 'api_cancel':
      return { ...base, progress: { status: 'cancelled', reason: 'api_cancel' } }
    case 'tool_call':
      return { ...base, call: callOf(event), progress: isMain ? { status: 'working' } : undefined }
    case 'chat_compression':
      return { ...base, facts: [compaction(attributes)] }
    case 'loop_detected':
      return { ...base, ...loop(event.name, attributes) }
    case 'conversation_finished':
      return { ...base, facts: [customFact(event.name, attributes, ['approvalMode', 'turnCount'])] }
    case 'agent.start':
    case 'agent.finish':
    case 'subagent_execution':
      return subAgent(event, name, base, dialect)
    case 'memory.recall':
      return { ...base, facts: recall(attributes) }
    default: {
      const known = CUSTOM.get(name)
      return known && { ...base, facts: [customFact(event.name, attributes, known)] }
    }
  }
}

/** The key of the run that a prompt began. */
export function promptKey({ agent }: Dialect, sessionId: string, promptId: string): string {
  return `${agent.name}:prompt:${sessionId}:${promptId}`
}

/** The key of the sub-agents of one name. */
export function agentKey({ agent }: Dialect, sessionId: string, name: string): string {
  return `${agent.name}:agent:${sessionId}:${name}`
}

/** Stands in for the id of a call, which log records leave out: the span that schedules it knows its name. */
export function slotOf(scheduler: string | undefined, traceId: string, tool: string): string | undefined {
  return scheduler === undefined ? undefined : `${traceId}-${scheduler}|${tool}`
}

/** Sub-agents and the agent's own small tasks have prompts of their own. */
function isOfPrompt(attributes: Attributes, promptId: string): boolean {
  const role = word(attributes, 'role')
  return (
    (role === undefined || role === 'main') &&
    word(attributes, 'subagent_name') === undefined &&
    !/[^#]#[^#]/.test(promptId)
  )
}

/** Gemini's output leaves out what was spent on thinking, its input what tools were given: the total has both. */
export function usageOf(attributes: Attributes, { provider }: Dialect): UsageReport | undefined {
  const input = count(attributes, 'input_token_count')
  const output = count(attributes, 'output_token_count')
  if (input === undefined && output === undefined) return undefined
  const told = (input ?? 0) + (output ?? 0)
  const total = count(attributes, 'total_token_count') ?? told
  const thoughts = count(attributes, 'thoughts_token_count') ?? 0
  const ofTools = count(attributes, 'tool_token_count') ?? 0
  const outside = total - told
  return {
    inputTokens: (input ?? 0) + (outside >= thoughts + ofTools ? ofTools : 0),
    outputTokens: (output ?? 0) + (outside >= thoughts ? thoughts : 0),
    cachedInputTokens: count(attributes, 'cached_content_token_count'),
    reasoningTokens: thoughts,
    model: word(attributes, 'model'),
    provider,
    responseId: word(attributes, 'response_id'),
    callKey: callKey(undefined, input ?? 0, output ?? 0),
  }
}

function callOf({ attributes, span }: TelemetryEvent): ToolCallReport {
  const name = word(attributes, 'function_name') ?? 'unknown'
  const type = word(attributes, 'tool_type')
  const failed = flag(attributes, 'success') === false
  const status = word(attributes, 'status')
  const error = errorFrom(attributes, {
    codes: ['error_type', 'error.type'],
    messages: ['error', 'error.message'],
    fallback: status ?? 'tool_error',
  })
  return {
    callId: word(attributes, 'call_id', 'tool_call_id'),
    slot: span && slotOf(span.spanId, span.traceId, name),
    tool: { name, ...(type && { type }) },
    decision: decisionOf(attributes),
    outcome: failed ? 'failed' : 'completed',
    error: failed ? error : undefined,
    durationMs: amount(attributes, 'duration_ms'),
    ...argumentsIn({ attributes }),
  }
}

/** Without a terminal nobody can be asked: what is accepted there was allowed by the configuration. */
function decisionOf(attributes: Attributes): ToolCallDecision | undefined {
  const said = word(attributes, 'decision')
  const isInteractive = flag(attributes, 'interactive') !== false
  if (said === 'reject') {
    return isInteractive ? asked('denied', 'user') : { verdict: 'denied', asked: false, by: 'config' }
  }
  return isInteractive && (said === 'accept' || said === 'modify') ? asked('granted', 'user') : undefined
}

function failureOf(attributes: Attributes, isMain: boolean): Pick<RunReport, 'facts' | 'progress'> {
  const error = errorFrom(attributes, {
    codes: ['error_type', 'error.type', 'final_error_type', 'status_code', 'http.status_code'],
    messages: ['error.message', 'error'],
    fallback: 'api_error',
  })
  if (endingOfError(error).outcome === 'cancelled') return { progress: { status: 'cancelled', reason: 'aborted' } }
  const facts: Fact[] = [{ type: 'error_occurred', data: { error, operation: 'chat' } }, ...(quotaFacts(error) ?? [])]
  return { facts, progress: isMain ? { status: 'failed', error } : undefined }
}

function compaction(attributes: Attributes): Fact {
  const before = count(attributes, 'tokens_before')
  const after = count(attributes, 'tokens_after')
  const droppedTokens = before === undefined || after === undefined ? undefined : Math.max(0, before - after)
  return { type: 'context_compacted', data: { droppedTokens, retainedTokens: after } }
}

function loop(name: string, attributes: Attributes): Pick<RunReport, 'facts' | 'progress'> {
  const error = { code: 'loop_detected', message: word(attributes, 'loop_type') ?? '' }
  return { facts: [customFact(name, attributes, ['loop_type'])], progress: { status: 'failed', error } }
}

/** Agents that the framework runs for itself, such as the one that tidies its memory, are none of the user's. */
function subAgent(event: TelemetryEvent, kind: string, base: RunReport, dialect: Dialect): RunReport {
  const { attributes } = event
  const name = word(attributes, 'agent_name', 'subagent_name') ?? 'unknown'
  const status = word(attributes, 'status')
  if (name.startsWith('managed-')) {
    return {
      ...base,
      facts: [customFact(event.name, attributes, ['subagent_name', 'status', 'terminate_reason'])],
    }
  }
  const id = word(attributes, 'agent_id', 'subagent_id')
  const named = agentKey(dialect, base.sessionId, name)
  const keys = id === undefined ? [named] : [`${named}:${id}`, named]
  const own = { ...base, keys, isOfRunInProgress: false, agent: { name, ...(id !== undefined && { id }) } }
  if (kind === 'agent.start' || status === 'started') {
    const mark = id ?? String(event.time)
    return {
      ...own,
      begins: { runId: `${base.sessionId}/${name}/${mark}`, mark, isNewRun: true, parentKeys: base.keys },
    }
  }
  return { ...own, ...endOfSubAgent(attributes, status) }
}

function endOfSubAgent(attributes: Attributes, status: string | undefined): Pick<RunReport, 'ends' | 'facts'> {
  const reason = word(attributes, 'terminate_reason')
  const code = reason?.toUpperCase()
  if (code === 'GOAL' || (code === undefined && status === 'completed'))
    return { ends: { outcome: 'completed', finishReason: reason } }
  if (code === 'ABORTED' || code === 'CANCELLED' || status === 'cancelled') {
    return { ends: { outcome: 'cancelled', reason: reason ?? 'cancelled' } }
  }
  const axis = code === undefined ? undefined : LIMITS[code]
  const ends: Conclusion = { outcome: 'failed', error: { code: code ?? status ?? 'Error', message: '' } }
  return { ends, facts: axis === undefined ? undefined : [{ type: 'usage_limit_exceeded', data: { axis } }] }
}

function recall(attributes: Attributes): readonly Fact[] | undefined {
  // Nothing was looked for.
  if (word(attributes, 'strategy') === 'none') return undefined
  return [{ type: 'memory_recall', data: { tier: 'memory', hits: count(attributes, 'docs_selected') } }]
}
