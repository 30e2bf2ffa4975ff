import type { StoredEvent } from '../../src/events/types.js'

const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 }
const tool = { name: 'search' }
const error = { code: 'Timeout', message: 'no answer' }
const openRuns = [{ runId: 'r-1', startedAt: '2026-11-21T22:35:06.000000000Z' }]

/** `data` of one event of every type. */
const dataOf: Readonly<Record<string, unknown>> = {
  run_started: { agent: { id: 'a-1', name: 'planner' }, model: 'm-1' },
  run_completed: { durationMs: 12.5, usage, finishReason: 'stop' },
  run_failed: { durationMs: 12.5, error },
  run_cancelled: { reason: 'user', by: 'u-1' },
  run_suspended: { reason: 'approval' },
  run_interrupted: { reason: 'process_died' },
  error_occurred: { error, operation: 'chat' },
  token_usage_updated: { ...usage, model: 'm-1', provider: 'p', costUsd: 0.1 },
  usage_limit_exceeded: { axis: 'requests', limit: 10, observed: 11 },
  sub_agent_invoked: { agentId: 'a-2', subThreadId: 't-2' },
  agent_handoff: { from: 'a', to: 'b' },
  resumed: {},
  memory_recall: { tier: 'long_term', hits: 0 },
  context_compacted: { droppedTokens: 3 },
  tool_call_started: { callId: 'c-1', tool },
  tool_call_completed: { callId: 'c-1', tool, durationMs: 1 },
  tool_call_failed: { callId: 'c-1', tool, error },
  tool_approval_requested: { callId: 'c-1', tool },
  tool_approval_granted: { callId: 'c-1', tool, by: 'u-1' },
  tool_approval_denied: { callId: 'c-1', tool, by: 'u-1', reason: 'too costly' },
  policy_violation: { rule: 'no-pii', action: 'blocked' },
  policy_decision: {
    policy: 'refunds',
    rule: 'limit',
    verdict: 'deny',
    target: 'refund',
    decider: 'rule',
    by: 'limit',
  },
  guardrail_evaluated: { guardrail: 'pii', stage: 'output', verdict: 'fail', action: 'redacted' },
  memory_written: { tier: 'long_term', operation: 'update', records: 2 },
  memory_deleted: { tier: 'long_term', records: 1 },
  intervention: { kind: 'kill_switch', decider: 'person', by: 'u-1', reason: 'too costly' },
  audit_attached: { attachment: 'attachment-1', openRuns },
  audit_detached: { attachment: 'attachment-1', openRuns: [] },
  events_dropped: { count: 3, reason: 'queue_full' },
  ledger_joined: { ledger: 'log.example', log: 1, vkey: 'log.example/1+1234abcd+AQ==' },
  siblings_noted: { logs: [{ log: 0, origin: 'log.example', size: 3, root: 'AA==' }] },
  signing_key_changed: { from: 'a', to: 'b' },
  audit_log_diverged: { reason: 'rolled_back', foundSize: 2, foundRoot: 'AA==' },
  custom: { name: 'anything', nested: { goes: [1, null, 'x', -0.5, true] } },
  of_a_newer_version: [1, { tool: null }],
}
export const SAMPLE_TYPES: readonly string[] = Object.keys(dataOf)

/** Texts that somebody may have said to break what reads them. */
export const HOSTILE_TEXTS: readonly string[] = [
  '=2+2',
  '＝cmd|calc',
  '\n=2+2',
  '"quoted", and\r\nbroken',
  '\u0000\u001b[2J\u007f\u2028\u2029',
  '\u202egnp.exe',
  '𝄞 100 % ﷐\uffff',
  '__proto__',
  '{"seq":1}',
]

/** An event as it is read, with everything an envelope may have. */
export function sampleEvent(type: string, overrides: Readonly<Record<string, unknown>> = {}): StoredEvent {
  return {
    v: 1,
    id: 'e-1',
    type,
    time: '2026-11-21T22:35:06.753000001Z',
    recordedAt: '2026-11-21T22:35:07.000000000Z',
    tenantId: 'acme',
    sessionId: 's-1',
    runId: 'r-1',
    agent: { id: 'a-1', name: 'planner' },
    actor: { id: 'ada' },
    trace: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' },
    source: { convention: 'gen_ai', scope: 'lib', scopeVersion: '1.0', service: 'shop' },
    data: dataOf[type],
    seq: 7,
    ...overrides,
  } as unknown as StoredEvent
}

/** The same with no more than it must have. */
export function bareEvent(type: string): StoredEvent {
  const { runId: _r, agent: _a, actor: _c, trace: _t, ...rest } = sampleEvent(type)
  return { ...rest, source: { convention: 'append', scope: '' }, data: {} } as unknown as StoredEvent
}

export async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

export async function linesOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const text = (await bytesOf(chunks)).toString()
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}
