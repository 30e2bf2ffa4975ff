import type { Attributes } from '@opentelemetry/api'
import type { Fact, RunReport, TelemetryEvent, ToolCallDecision, ToolCallReport, UsageReport } from '../contract.js'
import { asked, callKey, customFact, errorFrom, flag, scopeOfRecord, word } from '../shared/agent-events.js'
import { amount, count } from '../shared/attributes.js'
import { endingOfError } from '../shared/error-endings.js'
import { quotaFacts } from '../shared/limits.js'
import { argumentsIn, resultIn } from '../shared/payloads.js'

/*
 * Events of Codex (openai/codex, codex-rs/otel): log records, and the same on spans with less in them. They name the
 * conversation, not the turn: a record belongs to the turn of its trace, else to the one in progress.
 */

export const PREFIX = 'codex.'
export const AGENT = Object.freeze({ name: 'codex' })

const CUSTOM: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'conversation_starts',
    ['model', 'provider_name', 'approval_policy', 'sandbox_policy', 'reasoning_effort', 'mcp_servers'],
  ],
  ['auth_recovery', ['auth.mode', 'auth.step', 'auth.outcome']],
  ['sandbox_outcome', ['tool_name', 'outcome']],
  ['agent_communication', ['kind', 'state']],
  ['turn_cost', ['usage.estimated_usd', 'turn.interrupted']],
  [
    'network_proxy.policy_decision',
    ['network.policy.decision', 'network.policy.source', 'network.policy.reason', 'network.protocol'],
  ],
  [
    'network_proxy.domain_policy_decision',
    ['network.policy.decision', 'network.policy.source', 'network.policy.reason', 'network.protocol'],
  ],
])

export function reportOf(event: TelemetryEvent): RunReport | undefined {
  const { attributes, span, isLogRecord } = event
  const sessionId = word(attributes, 'conversation.id', 'conversation_id')
  if (sessionId === undefined) return undefined
  const name = event.name.slice(PREFIX.length)
  const base = {
    sessionId,
    keys: span ? [traceKey(span.traceId)] : [],
    isOfRunInProgress: true,
    agent: AGENT,
    scope: scopeOfRecord(event),
  }
  switch (name) {
    case 'user_prompt': {
      const mark = word(attributes, 'event.timestamp') ?? String(event.time)
      return { ...base, begins: { runId: `${sessionId}/${mark}`, mark }, progress: { status: 'working' } }
    }
    case 'api_request':
    case 'websocket_request':
    case 'websocket_connect':
      return { ...base, ...(failureOf(attributes, isLogRecord) ?? { progress: { status: 'working' } }) }
    case 'sse_event':
    case 'websocket_event':
      return streamEvent(attributes, base, isLogRecord)
    case 'tool_decision':
      return {
        ...base,
        call: { ...callIn(attributes), decision: decisionOf(attributes) },
        progress: progressAfterDecision(attributes),
      }
    case 'tool_result':
      return { ...base, call: resultOf(attributes), progress: { status: 'working' } }
    case 'compaction':
    case 'context_compacted':
      return { ...base, facts: isLogRecord ? [{ type: 'context_compacted', data: {} }] : undefined }
    default: {
      const known = isLogRecord ? CUSTOM.get(name) : undefined
      return known && { ...base, facts: customFacts(name, attributes, known) }
    }
  }
}

/** The key of the turn that is in a trace. */
export function traceKey(traceId: string): string {
  return `codex:trace:${traceId}`
}

/** OpenAI's counts include what was cached, and what was spent on thinking. */
export function usageOf(
  attributes: Attributes,
  keys: Readonly<Record<'input' | 'output' | 'cached' | 'created' | 'reasoning', string>>,
): UsageReport | undefined {
  const inputTokens = count(attributes, keys.input)
  const outputTokens = count(attributes, keys.output)
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  return {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cachedInputTokens: count(attributes, keys.cached),
    cacheCreationInputTokens: count(attributes, keys.created),
    reasoningTokens: count(attributes, keys.reasoning),
    model: word(attributes, 'model', 'slug'),
    callKey: callKey(undefined, inputTokens ?? 0, outputTokens ?? 0),
  }
}

const LOGGED_USAGE = {
  input: 'input_token_count',
  output: 'output_token_count',
  cached: 'cached_token_count',
  created: 'cache_write_token_count',
  reasoning: 'reasoning_token_count',
}

function streamEvent(attributes: Attributes, base: RunReport, isLogRecord: boolean | undefined): RunReport | undefined {
  const failure = failureOf(attributes, isLogRecord)
  if (failure) return { ...base, ...failure }
  const usage = usageOf(attributes, LOGGED_USAGE)
  // On spans the calls tell of themselves.
  return usage && { ...base, usage: isLogRecord ? usage : undefined, progress: { status: 'answered' } }
}

function failureOf(
  attributes: Attributes,
  isLogRecord: boolean | undefined,
): Pick<RunReport, 'facts' | 'progress'> | undefined {
  const status = amount(attributes, 'http.response.status_code')
  const kind = word(attributes, 'event.kind')
  const failed = (status ?? 0) >= 400 || word(attributes, 'error.message') !== undefined || kind === 'response.failed'
  if (!failed && flag(attributes, 'success') !== false) return undefined
  const error = errorFrom(attributes, {
    codes: ['error.type', 'error.code', 'http.response.status_code'],
    messages: ['error.message'],
    fallback: kind ?? 'api_error',
  })
  if (endingOfError(error).outcome === 'cancelled') return { progress: { status: 'cancelled', reason: 'aborted' } }
  const facts: Fact[] = [{ type: 'error_occurred', data: { error, operation: 'chat' } }, ...(quotaFacts(error) ?? [])]
  return { facts: isLogRecord ? facts : undefined, progress: { status: 'failed', error } }
}

function callIn(attributes: Attributes): ToolCallReport {
  const name = word(attributes, 'tool_name') ?? 'unknown'
  const isRemote = word(attributes, 'mcp_server') !== undefined
  const tool = { name, ...(isRemote && { type: 'mcp' }) }
  return { callId: word(attributes, 'call_id'), tool, ...argumentsIn({ attributes }) }
}

function resultOf(attributes: Attributes): ToolCallReport {
  const failed = flag(attributes, 'success') === false
  return {
    ...callIn(attributes),
    outcome: failed ? 'failed' : 'completed',
    // What the tool put out is content.
    error: failed ? { code: word(attributes, 'error.type') ?? 'tool_error', message: '' } : undefined,
    durationMs: amount(attributes, 'duration_ms'),
    ...resultIn({ attributes }),
  }
}

function decisionOf(attributes: Attributes): ToolCallDecision | undefined {
  const said = word(attributes, 'decision')?.toLowerCase()
  if (said === undefined) return undefined
  const verdict = /^approved|amendment$/.test(said) ? 'granted' : 'denied'
  const by = word(attributes, 'source')?.toLowerCase() ?? 'unknown'
  if (by !== 'config') return { ...asked(verdict, by), reason: verdict === 'denied' ? said : undefined }
  return verdict === 'denied' ? { verdict, asked: false, by, reason: said } : undefined
}

function progressAfterDecision(attributes: Attributes): RunReport['progress'] {
  const said = word(attributes, 'decision')?.toLowerCase()
  return said === 'abort' ? { status: 'cancelled', reason: 'abort' } : { status: 'working' }
}

function customFacts(name: string, attributes: Attributes, keys: readonly string[]): readonly Fact[] {
  const facts = [customFact(`${PREFIX}${name}`, attributes, keys)]
  const isForbidden = word(attributes, 'network.policy.decision') === 'deny'
  if (isForbidden) facts.push({ type: 'policy_violation', data: { rule: `${PREFIX}${name}`, action: 'blocked' } })
  return facts
}
