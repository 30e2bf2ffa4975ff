import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { eventJsonSchema } from '../../scripts/event-schema.mjs'
import { storedEventSchemas } from '../../src/events/validate.js'

const published = readFileSync(new URL('../../schema/audit-event.schema.json', import.meta.url), 'utf8')

const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false })
addFormats.default(ajv)
const accepts = ajv.compile(JSON.parse(published))

const time = '2026-11-21T22:35:06.753000001Z'
const envelope = {
  v: 1,
  id: 'e-1',
  time,
  recordedAt: time,
  tenantId: 'acme',
  sessionId: 's-1',
  runId: 'r-1',
  parentRunId: 'r-0',
  supersedes: 'e-0',
  agent: { id: 'a-1', name: 'Planner' },
  actor: { id: 'u-1' },
  trace: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', parentSpanId: '00f067aa0ba902b7' },
  source: { convention: 'spanledger', scope: 'app', scopeVersion: '1.0.0', service: 'web', confidence: 'heuristic' },
  claimed: { tenantId: 't', sessionId: 's', userId: 'u', parentRunId: 'r-0' },
  statementOf: 'example.com/log',
  altered: [{ field: 'data.error.message', reason: 'truncated', originalLength: 90_000 }],
}
const error = { code: 'E_TIMEOUT', message: 'no answer' }
const tool = { name: 'search', type: 'function' }
const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, reasoningTokens: 2, costUsd: 0.001 }
const ended = { startedAt: time, durationMs: 12.5 }
const digest = `sha256:${'0a'.repeat(32)}`
const decision = { decider: 'person', by: 'u-1', reason: 'too dear', subjectDigest: digest, nonce: 'n-1' }
const openRuns = [{ runId: 'r-1', agent: { name: 'Planner' }, startedAt: time }]

const dataByType: Record<string, Record<string, unknown>> = {
  run_started: {
    agent: { id: 'a-1' },
    model: 'gpt',
    trigger: 'schedule',
    agentVersion: '1.4.2',
    modelParameters: { temperature: 0.2, topP: 0.9, topK: 40, maxTokens: 1024, seed: 7 },
    systemPromptDigest: digest,
    onBehalfOf: 'u-1',
    grant: 'refunds',
  },
  run_completed: { ...ended, usage, finishReason: 'stop' },
  run_failed: { ...ended, error, usage },
  run_cancelled: { ...ended, reason: 'user', by: 'u-1' },
  run_suspended: { ...ended, reason: 'approval', waitingFor: 'u-1' },
  run_interrupted: { ...ended, reason: 'process_died', lastEvent: { type: 'run_started', time, seq: 0 } },
  error_occurred: { error, operation: 'chat' },
  token_usage_updated: { ...usage, model: 'gpt', provider: 'openai', responseId: 'resp-1' },
  usage_limit_exceeded: { axis: 'cost_usd', limit: 1, observed: 1.5 },
  sub_agent_invoked: { agentId: 'a-2', subThreadId: 's-2', subRunId: 'r-2' },
  agent_handoff: { from: 'a-1', to: 'a-2' },
  resumed: { fromCheckpoint: 'c-1' },
  memory_recall: { tier: 'long_term', namespaceKey: 'acme/u-1', hits: 0 },
  context_compacted: { droppedChars: 900, retainedChars: 100, droppedMessages: 3 },
  tool_call_started: { callId: 'c-1', tool, argumentsDigest: digest },
  tool_call_completed: { callId: 'c-1', tool, durationMs: 3, resultDigest: digest },
  tool_call_failed: { callId: 'c-1', tool, durationMs: 3, error },
  tool_approval_requested: { callId: 'c-1', tool, by: 'a-1' },
  tool_approval_granted: { callId: 'c-1', tool, ...decision },
  tool_approval_denied: { callId: 'c-1', tool, ...decision },
  policy_violation: { rule: 'no-pii', action: 'blocked' },
  policy_decision: { policy: 'refunds', version: '3', rule: 'limit', verdict: 'deny', target: 'refund', ...decision },
  guardrail_evaluated: {
    guardrail: 'pii',
    stage: 'output',
    verdict: 'fail',
    action: 'redacted',
    subjectDigest: digest,
  },
  memory_written: { tier: 'long_term', namespaceKey: 'k', operation: 'update', records: 2 },
  memory_deleted: { tier: 'long_term', namespaceKey: 'k', records: 1 },
  intervention: { kind: 'kill_switch', target: 'planner', ...decision },
  run_identified: { previous: { tenantId: 'default', sessionId: 's-0' } },
  run_identity_conflict: { tenantId: 'other', sessionId: 's-9' },
  audit_attached: { attachment: 'main', openRuns },
  audit_detached: { attachment: 'main', openRuns: [] },
  auditing_impaired: { reasons: ['foreign_provider'], spans: 2, from: time, to: time },
  auditing_suppressed: { spans: 2, events: 1, from: time, to: time },
  clock_stepped: { from: time, to: time, synchronized: false },
  events_recovered: { count: 3, unattested: 0, from: time, to: time },
  events_dropped: { count: 3, reason: 'queue_full', from: time, to: time },
  journal_set_aside: { files: 1, bytes: 700 },
  ledger_joined: { ledger: 'log.example', log: 1, vkey: 'log.example/1+1234abcd+AQ==', statement: 'a\n\n— a x\n' },
  siblings_noted: { logs: [{ log: 0, origin: 'log.example', size: 3, root: 'AA==', signature: 'AA==' }] },
  staging_adopted: { staging: 's-1', count: 3, unattested: 3, from: time, to: time, ownerDied: true },
  signing_key_changed: { from: 'log.example+1234abcd', to: 'log.example+5678abcd+AQ==' },
  audit_policy_applied: { policy: 'acme', version: '3', digest },
  events_left_out: { policy: 'acme', version: '3', rules: [{ rule: '2', count: 7 }], from: time, to: time },
  redactor_disabled: { redactor: 'names', budgetMs: 5 },
  audit_log_diverged: { reason: 'rolled_back', expectedSize: 3, foundSize: 2, foundRoot: 'AA==' },
  custom: { name: 'invoice_sent', invoiceId: 'i-1', lines: [1, 2] },
}

test('the published JSON Schema is what the catalogue says today (otherwise: npm run build)', () => {
  expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(eventJsonSchema(storedEventSchemas))))
})

test('every event type of the catalogue has a sample below', () => {
  const types = storedEventSchemas.map((schema) => schema.entries.type.literal)
  expect(Object.keys(dataByType).sort()).toEqual(types.sort())
})

describe.each(storedEventSchemas.map((schema) => ({ type: schema.entries.type.literal, schema })))('$type', (given) => {
  const sample = { ...envelope, type: given.type, data: dataByType[given.type] }

  test('a stored event is valid, also with the position that readers add', () => {
    expect(accepts(sample), JSON.stringify(accepts.errors)).toBe(true)
    expect(accepts({ ...sample, seq: 7 })).toBe(true)
  })

  test('JSON Schema and runtime validation judge damaged data alike', () => {
    const events = [...damages(sample.data)].map((data) => ({ ...sample, data }))
    expect(rejectedByBoth(given.schema, events)).toBeGreaterThan(5)
  })
})

test('JSON Schema and runtime validation judge damaged envelopes alike', () => {
  const [schema] = storedEventSchemas
  const type = schema?.entries.type.literal ?? ''
  const events = [...damages(envelope)].map((damaged) => ({ ...Object(damaged), type, data: dataByType[type] }))
  expect(rejectedByBoth(schema, events)).toBeGreaterThan(100)
})

test('an unknown type matches no definition', () => {
  expect(accepts({ ...envelope, type: 'from_the_future', data: {} })).toBe(false)
})

function rejectedByBoth(schema: (typeof storedEventSchemas)[number] | undefined, events: unknown[]): number {
  let rejected = 0
  for (const event of events) {
    const valid = schema !== undefined && v.safeParse(schema, event).success
    expect(accepts(event), JSON.stringify(event)).toBe(valid)
    if (!valid) rejected++
  }
  return rejected
}

/** Every copy of a value in which one part is missing, of a wrong type, or a stranger. */
function* damages(value: unknown): Generator<unknown> {
  yield* [null, true, -1, 'not a time', [], { stranger: 1 }].filter((wrong) => typeof wrong !== typeof value)
  if (typeof value === 'string') yield* ['', 'not a time']
  if (typeof value === 'number') yield -1
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) for (const damaged of damages(item)) yield value.with(index, damaged)
  } else if (typeof value === 'object' && value !== null) {
    yield { ...value, stranger: 1 }
    for (const [key, part] of Object.entries(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
      for (const damaged of damages(part)) yield { ...value, [key]: damaged }
    }
  }
}
