import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { catalogue, envelopeFields } from './catalogue.js'
import { isReserved } from './reserved.js'
import type { AuditEventData, AuditEventType } from './types.js'
import { EventSchemas } from './validate.js'

const time = '2026-11-21T22:35:06.753000000Z'
const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 }
const tool = { name: 'search' }
const error = { code: 'Error', message: 'no' }
const digest = `sha256:${'0a'.repeat(32)}`
const decision = { decider: 'person', by: 'u-1', reason: 'checked', subjectDigest: digest, nonce: 'n-1' } as const
const openRuns = [{ runId: 'r-1', agent: { name: 'planner' }, startedAt: time }]

/** One event of every type, with all that the design says of it. */
const examples: { [T in AuditEventType]: AuditEventData<T> } = {
  run_started: {
    agent: { id: 'a-1', name: 'planner' },
    model: 'm-1',
    trigger: 'cron',
    agentVersion: '1.4.2',
    serviceVersion: '7',
    codeRevision: '4cdbbeb',
    modelParameters: { temperature: 0.2, topP: 0.9, topK: 40, maxTokens: 1024, seed: -7 },
    systemPromptDigest: digest,
    configurationDigest: digest,
    onBehalfOf: 'u-1',
    grant: 'refunds up to 50 USD',
  },
  run_completed: { startedAt: time, durationMs: 12.5, usage, finishReason: 'stop' },
  run_failed: { durationMs: 12.5, error, usage },
  run_cancelled: { durationMs: 12.5, reason: 'user', by: 'u-1' },
  run_suspended: { reason: 'approval', waitingFor: 'u-1' },
  run_interrupted: { reason: 'process_died', lastEvent: { type: 'run_started', time, seq: 0 } },
  error_occurred: { error, operation: 'chat' },
  token_usage_updated: {
    ...usage,
    cachedInputTokens: 1,
    reasoningTokens: 2,
    model: 'm-1',
    provider: 'p',
    costUsd: 0.1,
  },
  usage_limit_exceeded: { axis: 'requests', limit: 10, observed: 11 },
  sub_agent_invoked: { agentId: 'a-2', subThreadId: 't-2', subRunId: 'r-2' },
  agent_handoff: { from: 'a', to: 'b' },
  resumed: { fromCheckpoint: 'c-1' },
  memory_recall: { tier: 'long_term', namespaceKey: 'k', hits: 0 },
  context_compacted: { droppedChars: 1, retainedChars: 2, droppedTokens: 3, retainedTokens: 4, droppedMessages: 5 },
  tool_call_started: { callId: 'c-1', tool: { name: 'search', type: 'function' }, argumentsDigest: digest },
  tool_call_completed: { callId: 'c-1', tool, durationMs: 1, resultDigest: digest },
  tool_call_failed: { callId: 'c-1', tool, error },
  tool_approval_requested: { callId: 'c-1', tool, subjectDigest: digest, nonce: 'n-1' },
  tool_approval_granted: { callId: 'c-1', tool, ...decision },
  tool_approval_denied: { callId: 'c-1', tool, by: 'u-1', reason: 'too costly' },
  policy_violation: { rule: 'no-pii', action: 'blocked' },
  policy_decision: { policy: 'refunds', version: '3', rule: 'limit', verdict: 'deny', action: 'blocked', ...decision },
  guardrail_evaluated: { guardrail: 'pii', stage: 'output', verdict: 'fail', action: 'redacted', target: 'answer' },
  memory_written: { tier: 'long_term', namespaceKey: 'k', operation: 'update', records: 2 },
  memory_deleted: { tier: 'long_term', namespaceKey: 'k', records: 1 },
  intervention: { kind: 'kill_switch', target: 'planner', ...decision },
  run_identified: { previous: { tenantId: 'default', sessionId: 's-0' } },
  run_identity_conflict: { tenantId: 'other' },
  audit_attached: { attachment: 'attachment-1', openRuns },
  audit_detached: { attachment: 'attachment-1', openRuns: [] },
  auditing_impaired: { reasons: ['foreign_provider'], spans: 3, from: time, to: time },
  auditing_suppressed: { spans: 2, events: 1, from: time, to: time },
  clock_stepped: { from: time, to: time, synchronized: true },
  events_recovered: { count: 3, unattested: 3, from: time, to: time },
  events_dropped: { count: 3, reason: 'queue_full', from: time, to: time },
  journal_set_aside: { files: 1, bytes: 700 },
  ledger_joined: { ledger: 'log.example', log: 1, vkey: 'log.example/1+1234abcd+AQ==', statement: 'a\n\n— a x\n' },
  siblings_noted: { logs: [{ log: 0, origin: 'log.example', size: 3, root: 'AA==', signature: 'AA==' }] },
  staging_adopted: { staging: 's-1', count: 3, unattested: 3, from: time, to: time, ownerDied: true },
  signing_key_changed: { from: 'a+1234abcd', to: 'a+5678abcd+AQ==', statement: 'a\n\n— a x\n' },
  audit_policy_applied: { policy: 'acme', version: '3', digest },
  events_left_out: { policy: 'acme', version: '3', rules: [{ rule: '2', count: 7 }], from: time, to: time },
  redactor_disabled: { redactor: 'names', budgetMs: 5 },
  audit_log_diverged: { reason: 'rolled_back', expectedSize: 3, foundSize: 2, foundRoot: 'AA==', checkpoint: 'x\n' },
  custom: { name: 'anything', nested: { goes: [1, null, 'x'] } },
}
const types = Object.keys(examples) as AuditEventType[]

describe('the catalogue', () => {
  it('has exactly the types of the design', () => {
    expect(Object.keys(catalogue).sort()).toEqual([...types].sort())
    expect(new EventSchemas().types).toEqual(Object.keys(catalogue))
  })

  it.each(types)('has a schema that a full %s fits', (type) => {
    expect(v.parse(catalogue[type as keyof typeof catalogue], examples[type])).toEqual(examples[type])
  })

  const ofCallers = types.filter((type) => !isReserved({ type, data: examples[type] }))

  it.each(ofCallers)('accepts a full %s from a caller', (type) => {
    expect(new EventSchemas().parse({ type, data: examples[type] })).toMatchObject({ type, data: examples[type] })
  })

  it.each(types.filter((type) => !ofCallers.includes(type)))('keeps %s for the log itself', (type) => {
    expect(() => new EventSchemas().parse({ type, data: examples[type] })).toThrow(
      expect.objectContaining({ code: 'AUDIT_EVENT_INVALID', message: expect.stringContaining(type) }),
    )
  })

  it.each(ofCallers.filter((type) => type !== 'custom'))('refuses a field that %s does not have', (type) => {
    const event = { type, data: { ...examples[type], surplus: 1 } }
    expect(() => new EventSchemas().parse(event)).toThrow(/^Invalid audit event: data\.surplus: /)
  })

  it('flags alterations by reasons that the stored schema knows', () => {
    const altered = [{ field: 'data.a', reason: 'truncated', originalLength: 7 }]
    expect(v.parse(envelopeFields.altered, altered)).toEqual(altered)
    expect(v.safeParse(envelopeFields.altered, [{ field: 'data.a', reason: 'whatever' }]).success).toBe(false)
  })
})
