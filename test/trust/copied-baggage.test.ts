import { type Context, context, propagation, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, it, onTestFinished } from 'vitest'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'

/** Everything by which a caller might try to say whose its request is, under the names that processors look for. */
const CALLERS_WORDS = {
  'spanledger.tenant.id': 'victim-tenant',
  'spanledger.run.id': 'victim-run',
  'session.id': 'victim-session',
  'user.id': 'victim-user',
  langfuse_user_id: 'victim-user',
  langfuse_session_id: 'victim-session',
  langfuse_metadata_tenantId: 'victim-tenant',
}

const request = propagation.setBaggage(
  ROOT_CONTEXT,
  propagation.createBaggage(Object.fromEntries(Object.entries(CALLERS_WORDS).map(([key, value]) => [key, { value }]))),
)

/** Copies baggage into attributes: as it is, or under the names that another library gives it. */
function copying(nameOf: (key: string) => string | undefined) {
  return {
    onStart(span: Span, parent: Context): void {
      for (const [key, { value }] of propagation.getBaggage(parent)?.getAllEntries() ?? []) {
        const name = nameOf(key)
        if (name !== undefined) span.setAttribute(name, value)
      }
    },
    onEnd(): void {},
    forceFlush: async () => {},
    shutdown: async () => {},
  }
}

const RENAMED: Readonly<Record<string, string>> = {
  langfuse_user_id: 'user.id',
  langfuse_session_id: 'session.id',
  langfuse_metadata_tenantId: 'langfuse.trace.metadata.tenantId',
}

function start(nameOf: (key: string) => string | undefined) {
  const audit = new AuditSpanProcessor()
  const provider = new TracerProvider({ spanProcessors: [copying(nameOf) as never, audit] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  onTestFinished(async () => {
    await audit.shutdown()
    context.disable()
  })
  return { audit, log: new CollectingLog(), tracer: provider.getTracer('langfuse-sdk') }
}

const AGENT = { 'langfuse.observation.type': 'agent', 'gen_ai.operation.name': 'invoke_agent' }

/** Asserts that nothing of the caller's words chose whose an event is, and that they are on record as claims. */
function expectClaims(log: CollectingLog): void {
  const told = log.events.filter(({ type }) => type !== 'audit_attached' && type !== 'audit_detached')
  expect(told.length).toBeGreaterThan(0)
  for (const event of told) {
    const { tenantId, sessionId, runId, actor, claimed } = event
    expect(`${tenantId} ${sessionId} ${runId} ${actor?.id}`).not.toContain('victim')
    expect(claimed).toMatchObject({ tenantId: 'victim-tenant' })
  }
}

it.each([
  ['as it is', (key: string) => key],
  ['under other names', (key: string) => RENAMED[key]],
])('baggage that is copied into attributes of a span %s stays a claim', (_, nameOf) => {
  const { audit, log, tracer } = start(nameOf)
  audit.attach(log)
  tracer.startSpan('agent', { attributes: AGENT }, request).end()
  expectClaims(log)
})

it('also for a span that began before the log was attached', () => {
  const { audit, log, tracer } = start((key) => key)
  const unheard = tracer.startSpan('unheard', { attributes: AGENT }, request)
  const heard = tracer.startSpan('heard', { attributes: AGENT }, request)
  audit.attach(log)
  tracer.startSpan('chat', { attributes: { 'gen_ai.operation.name': 'chat' } }, trace.setSpan(request, heard)).end()
  heard.end()
  unheard.end()
  expectClaims(log)
})

it('baggage that is copied into attributes of a log record stays a claim', () => {
  const { audit, log } = start((key) => key)
  audit.attach(log)
  const provider = new LoggerProvider({ processors: [new AuditLogRecordProcessor(audit) as never] })
  const attributes = { ...CALLERS_WORDS, 'spanledger.to': 'writer' }
  provider.getLogger('app').emit({ eventName: 'spanledger.agent_handoff', attributes, context: request })
  expectClaims(log)
})

it('what a log record says without its caller counts', () => {
  const { audit, log } = start((key) => key)
  audit.attach(log)
  const provider = new LoggerProvider({ processors: [new AuditLogRecordProcessor(audit) as never] })
  const attributes = { 'spanledger.to': 'writer', 'spanledger.tenant.id': 'acme', 'session.id': 's-1' }
  provider.getLogger('app').emit({ eventName: 'spanledger.agent_handoff', attributes, context: request })
  expect(log.of('agent_handoff')).toMatchObject([{ tenantId: 'acme', sessionId: 's-1' }])
})
