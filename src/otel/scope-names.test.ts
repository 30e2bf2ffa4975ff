import { type Attributes, context, propagation, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { AuditLogRecordProcessor } from './log-records.js'
import { AuditSpanProcessor } from './processor.js'

function run(tracer: Tracer, attributes: Attributes, name = 'x'): void {
  tracer.startSpan(name, { attributes }).end()
}

const AGENTS: Readonly<Record<string, Attributes>> = {
  GenAI: { 'gen_ai.operation.name': 'invoke_agent' },
  OpenInference: { 'openinference.span.kind': 'AGENT' },
  'the AI SDK': { 'ai.operationId': 'ai.generateText', 'ai.response.finishReason': 'stop' },
  Langfuse: { 'langfuse.observation.type': 'agent' },
  LangSmith: { 'langsmith.span.kind': 'chain' },
  Traceloop: { 'traceloop.span.kind': 'agent' },
  Genkit: { 'genkit:type': 'action', 'genkit:metadata:subtype': 'flow' },
  Mastra: { 'mastra.span.type': 'agent_run' },
}

/** The places where users of these frameworks put their own ids. */
const HOLDERS: Readonly<Record<string, (ids: Readonly<Record<string, string | number>>) => Attributes>> = {
  'the AI SDK': (ids) => under('ai.telemetry.metadata.', ids),
  'AI SDK 7': (ids) => under('ai.settings.context.', ids),
  Langfuse: (ids) => under('langfuse.trace.metadata.', ids),
  LangSmith: (ids) => under('langsmith.metadata.', ids),
  Traceloop: (ids) => under('traceloop.association.properties.', ids),
  Mastra: (ids) => under('mastra.metadata.', ids),
  OpenInference: (ids) => ({ metadata: JSON.stringify(ids) }),
  Genkit: (ids) => ({ 'genkit:metadata:context': JSON.stringify(ids) }),
}

function under(prefix: string, ids: Readonly<Record<string, string | number>>): Attributes {
  return Object.fromEntries(Object.entries(ids).map(([name, value]) => [prefix + name, value]))
}

const WHOSE = { tenantId: '7', sessionId: '42', actor: { id: '1234' } }

describe('an id that is a number', () => {
  test.each(Object.entries(HOLDERS))('counts in the metadata of %s', (framework, hold) => {
    const { log, tracer } = startRecordingSdk()
    const agent = AGENTS[framework] ?? AGENTS.GenAI
    run(tracer, { ...agent, ...hold({ tenantId: 7, sessionId: 42, userId: 1234 }) })
    expect(log.events.at(-1)).toMatchObject(WHOSE)
  })

  test('counts as an attribute, and true and false are none', () => {
    const { log, tracer } = startRecordingSdk()
    run(tracer, { ...AGENTS.OpenInference, 'session.id': 42, 'user.id': 1234, 'spanledger.tenant.id': 7 })
    expect(log.events.at(-1)).toMatchObject(WHOSE)
    run(tracer, { ...AGENTS['the AI SDK'], 'ai.telemetry.metadata.tenantId': true })
    expect(log.events.at(-1)?.tenantId).not.toBe('true')
  })
})

describe('names of the application', () => {
  const scopeNames = { tenant: ['orgId'], session: ['chat_id', 'thread'], user: ['member'], run: ['job'] }
  const ids = { orgId: 7, thread: 42, member: 1234, job: 'j-1' }

  test.each(Object.entries(AGENTS))('hold as attributes of a span of %s', (_, agent) => {
    const { log, tracer } = startRecordingSdk({ scopeNames })
    run(tracer, { ...agent, ...ids })
    expect(log.events.map(({ type }) => type)).toContain('run_started')
    for (const event of log.events.slice(1)) expect(event).toMatchObject({ ...WHOSE, runId: 'j-1' })
  })

  test.each(Object.entries(HOLDERS))('hold in the metadata of %s', (framework, hold) => {
    const { log, tracer } = startRecordingSdk({ scopeNames })
    run(tracer, { ...(AGENTS[framework] ?? AGENTS.GenAI), ...hold(ids) })
    expect(log.events.at(-1)).toMatchObject({ ...WHOSE, runId: 'j-1' })
  })

  test('outweigh those of a framework, and the first that holds something counts', () => {
    const { log, tracer } = startRecordingSdk({ scopeNames })
    run(tracer, { ...AGENTS.GenAI, 'gen_ai.conversation.id': 'of the framework', thread: 'second', chat_id: 'first' })
    expect(log.events.at(-1)?.sessionId).toBe('first')
  })

  test('hold in log records', () => {
    const { log, audit } = startRecordingSdk({ scopeNames })
    const record = {
      eventName: 'spanledger.policy_decision_noted',
      attributes: { orgId: 'acme', thread: 's-1' },
      hrTime: [1_795_000_000, 0] as [number, number],
      instrumentationScope: { name: 'app' },
    }
    new AuditLogRecordProcessor(audit).onEmit(record as never, ROOT_CONTEXT)
    expect(log.events.at(-1)).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
  })

  test('are the word of the caller in baggage, unless that is trusted', () => {
    const baggage = propagation.createBaggage({ orgId: { value: 'acme' }, thread: { value: 's-1' } })
    const within = propagation.setBaggage(ROOT_CONTEXT, baggage)
    for (const trustBaggage of [false, true]) {
      const { log, tracer } = startRecordingSdk({ scopeNames, trustBaggage })
      context.with(within, () => run(tracer, { ...AGENTS.GenAI }))
      const event = log.events.at(-1)
      expect(event?.claimed?.tenantId).toBe(trustBaggage ? undefined : 'acme')
      expect(event?.tenantId === 'acme' && event.sessionId === 's-1').toBe(trustBaggage)
    }
  })

  test.each([
    [{ tenants: ['a'] }, "did you mean 'tenant'"],
    [{ tenant: 'orgId' }, 'scopeNames.tenant must be a list'],
    [{ user: [''] }, 'scopeNames.user'],
    [{ session: Array.from({ length: 33 }, (_, i) => `n${i}`) }, 'at most 32 names'],
    [null, 'scopeNames'],
  ])('are checked: %j', (given, message) => {
    expect(() => new AuditSpanProcessor({ scopeNames: given as never })).toThrow(message)
  })
})
