import { type Attributes, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { withAuditing } from '../record/context.js'
import { AuditLogRecordProcessor, type LogRecordLike } from './log-records.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

function startLogging() {
  const started = startRecordingSdk()
  const provider = new LoggerProvider({ processors: [new AuditLogRecordProcessor(started.audit)] })
  return { ...started, logger: provider.getLogger('my-agent', '2.0.0') }
}

test('a log record with an event name is recorded as that event, in the run of its span', () => {
  const { tracer, log, logger } = startLogging()
  const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
  logger.emit({
    eventName: 'spanledger.context_compacted',
    attributes: { 'spanledger.dropped_tokens': 40 },
    context: trace.setSpan(ROOT_CONTEXT, span),
  })
  const [event] = log.of('context_compacted')
  expect(event).toMatchObject({ runId: log.of('run_started')[0]?.runId, data: { droppedTokens: 40 } })
  expect(event?.source).toMatchObject({ convention: 'spanledger', scope: 'my-agent', scopeVersion: '2.0.0' })
  expect(event?.trace?.spanId).toBe(span.spanContext().spanId)
})

test('the name may be the attribute that older instrumentations set', () => {
  const { log, logger } = startLogging()
  logger.emit({ attributes: { 'event.name': 'spanledger.agent_handoff', 'spanledger.to': 'writer' } })
  expect(log.of('agent_handoff')[0]?.data).toEqual({ to: 'writer' })
})

test('other log records leave no event', () => {
  const { log, logger } = startLogging()
  logger.emit({ body: 'started' })
  logger.emit({ eventName: 'device.app.lifecycle' })
  expect(log.types).toEqual([])
})

test('nothing is recorded where auditing is off', () => {
  const { log, logger } = startLogging()
  withAuditing(false, () =>
    logger.emit({ eventName: 'spanledger.agent_handoff', attributes: { 'spanledger.to': 'a' } }),
  )
  expect(log.types).toEqual([])
})

describe('a run that log records tell of', () => {
  const prompt = (attributes: Attributes): LogRecordLike => ({
    eventName: 'claude_code.user_prompt',
    attributes: { 'session.id': 's1', 'prompt.id': 'p1', ...attributes },
    instrumentationScope: { name: 'com.anthropic.claude_code.events' },
  })

  test('has the tenant that the application names, under a name of its own', async () => {
    const { audit, log } = startRecordingSdk({ scopeNames: { tenant: ['orgId'], user: ['member'] } })
    new AuditLogRecordProcessor(audit).onEmit(prompt({ orgId: 'acme', member: 'alice' }))
    await audit.forceFlush()
    expect(log.of('run_started')[0]).toMatchObject({ tenantId: 'acme', actor: { id: 'alice' }, sessionId: 's1' })
  })

  test('has no tenant that is only copied from the baggage of a caller', async () => {
    const { audit, log } = startRecordingSdk({ scopeNames: { user: ['member'] } })
    const entries = { 'spanledger.tenant.id': { value: 'evil' }, member: { value: 'mallory' } }
    const within = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(entries))
    const copied = prompt({ 'spanledger.tenant.id': 'evil', member: 'mallory' })
    new AuditLogRecordProcessor(audit).onEmit(copied, within)
    await audit.forceFlush()
    expect(log.of('run_started')).toHaveLength(1)
    expect(log.of('run_started')[0]).not.toMatchObject({ tenantId: 'evil' })
    expect(log.of('run_started')[0]?.actor).toBeUndefined()
  })
})

function throwing(): never {
  throw new Error('a getter that throws')
}

test.each([
  ['null', null],
  ['a number', 5],
  ['one whose getter throws', Object.defineProperty({}, 'eventName', { get: throwing })],
  ['one without attributes', { eventName: 'spanledger.agent_handoff', attributes: null }],
])('a record that cannot be read never throws: %s', (_, record) => {
  const { audit } = startLogging()
  new AuditLogRecordProcessor(audit).onEmit(record as unknown as LogRecordLike)
})

test('it needs a span processor', () => {
  expect(() => new AuditLogRecordProcessor({} as never)).toThrow(TypeError)
})
