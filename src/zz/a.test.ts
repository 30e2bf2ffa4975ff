import { context, ROOT_CONTEXT, trace, propagation } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { withRun, withScope } from '../record/index.js'
import { AuditSpanProcessor } from '../otel/processor.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const T = 1_790_000_000
const mk = (id: string, o: any = {}) => ({
  name: id, kind: 0, spanContext: () => ({ traceId: o.trace ?? 'a1', spanId: id, traceFlags: 1 }),
  ...(o.below && { parentSpanContext: { traceId: o.trace ?? 'a1', spanId: o.below, traceFlags: 1 } }),
  startTime: [T + (o.from ?? 0), 0], endTime: [T + (o.to ?? 10), 0], status: { code: 0 }, attributes: o.attributes ?? AGENT, events: o.events ?? [],
  resource: { attributes: { 'service.name': 's' } }, instrumentationScope: { name: 'test' }, ...o.more,
})
const rec = (name: string, attributes: any, o: any = {}) => ({ eventName: name, hrTime: [T + (o.at ?? 0), 0], attributes, resource: { attributes: { 'service.name': 's' } }, instrumentationScope: { name: 'com.anthropic.claude_code.events' }, ...o.more })
const start = () => { const log = new CollectingLog(); return { log, audit: new AuditSpanProcessor({ log }) } }
const show = (log: any) => log.events.map((e: any) => [e.type, e.runId, e.sessionId, e.tenantId, e.parentRunId, JSON.stringify(e.claimed), JSON.stringify(e.data)].join(' | '))

test('two sources prompt', async () => {
  const { log, audit } = start()
  audit.deliver({ source: 'A', logRecords: [rec('claude_code.user_prompt', { 'session.id': 's1', 'prompt.id': 'p1', 'tenant.id': 'acme' })] })
  await audit.forceFlush()
  audit.deliver({ source: 'B', logRecords: [rec('claude_code.tool_result', { 'session.id': 's1', 'prompt.id': 'p1', tool_name: 'evil', tool_use_id: 'x', success: 'true' }, { at: 3 }), rec('claude_code.user_prompt', { 'session.id': 's1', 'prompt.id': 'p2' }, { at: 5 })] })
  await audit.forceFlush()
  console.log('TWO', show(log).join('\n'))
})
test('prompt id = live withRun', async () => {
  const { log, audit, tracer } = startRecordingSdk()
  let release: any
  const p = withRun({ agentName: 'v', tenantId: 'acme', runId: 'victim' }, () => new Promise((r) => { release = r }))
  audit.deliver({ source: 'B', logRecords: [rec('claude_code.user_prompt', { 'session.id': 's1', 'prompt.id': 'victim' }), rec('claude_code.api_request', { 'session.id': 's1', 'prompt.id': 'victim', input_tokens: 5, output_tokens: 3, request_id: 'q' }, { at: 1 }), rec('claude_code.user_prompt', { 'session.id': 's1', 'prompt.id': 'n' }, { at: 5 })] })
  await audit.forceFlush()
  await audit.forceFlush()
  release(); await p
  await audit.forceFlush()
  console.log('WITHRUN', show(log).join('\n'))
})
test('below live', async () => {
  const { log, audit, tracer } = startRecordingSdk()
  const live = tracer.startSpan('x', { attributes: { ...AGENT, 'tenant.id': 'acme', 'spanledger.tenant.id': 'acme' } })
  const ids = live.spanContext()
  audit.deliver({ source: 'B', spans: [mk('00000000000000b1', { trace: ids.traceId, below: ids.spanId })] as any, logRecords: [rec('spanledger.agent_handoff', { 'spanledger.to': 'w' }, { more: { spanContext: { ...ids } } })] as any })
  await audit.forceFlush()
  audit.deliver({ source: 'B', logRecords: [rec('spanledger.agent_handoff', { 'spanledger.to': 'w2' }, { more: { spanContext: ids } })] as any })
  audit.deliver({ source: 'B', spans: [mk('00000000000000b2', { trace: ids.traceId, below: ids.spanId, more: { parentSpanContext: ids } })] as any })
  await audit.forceFlush()
  live.end(); await audit.forceFlush()
  console.log('BELOW', show(log).join('\n'))
})
test('same ids two sources', async () => {
  const { log, audit } = start()
  audit.deliver({ source: 'A', spans: [mk('p1', { attributes: { ...AGENT, 'spanledger.tenant.id': 'acme' } })] as any })
  await audit.forceFlush()
  audit.deliver({ source: 'B', spans: [mk('p1', { from: 2, attributes: { ...AGENT, 'gen_ai.agent.name': 'evil' } })] as any })
  await audit.forceFlush()
  audit.deliver({ source: 'C', spans: [mk('p9', { from: 2, attributes: { ...AGENT, 'gen_ai.agent.name': 'evil2', 'spanledger.run.id': 'a1-p1' } })] as any })
  await audit.forceFlush()
  console.log('SAME', show(log).join('\n'))
})
test('hostile', async () => {
  const { log, audit } = start()
  const evil: any[] = [null, 5, 'x', {}, mk('h1', { more: { name: 5 } }), mk('h2', { more: { name: Symbol('x') } }), mk('h3', { more: { events: [null, 5, { name: 5, time: 3 }, { name: 'spanledger.agent_handoff', time: 1790000001000, attributes: { 'spanledger.to': 'x' } }] } }),
    mk('h4', { more: { endTime: null } }), mk('h5', { more: { status: 5 } }), mk('h6', { more: { resource: 5 } }), mk('h7', { more: { resource: { get attributes() { throw new Error('x') } } } }), mk('h8', { more: { attributes: { get a() { throw new Error() } } } }), mk('h9', { more: { instrumentationScope: 7 } }), mk('ha', { more: { links: 'abc' } }), mk('hb', { more: { links: [null, 5] } }),
    mk('hc', { more: { startTime: [NaN, Infinity], endTime: [Infinity, 0] } }), mk('hd', { more: { droppedEventsCount: 'abc' } }), mk('he', { more: { kind: {} } }), mk('__proto__'), mk('hf', { more: { attributes: JSON.parse('{"__proto__": {"gen_ai.operation.name":"invoke_agent"}}') } }),mk('h10', { more: { status: { code: 2, message: { toString() { throw new Error('z') } } } } }), mk('h11', { more: { parentSpanContext: 5 } }), mk('h12', { more: { resource: { attributes: { a: 5n } } } })]
  for (const e of evil) { try { console.log(JSON.stringify(audit.deliver({ spans: [e] }))) } catch (x) { console.log('THROWN', x) } }
  await audit.forceFlush()
  for (const e of evil) { try { audit.onStart(e, ROOT_CONTEXT); audit.onEnd(e) } catch (x) { console.log('THROWN hook', x) } }
  audit.setEnabled(false)
  for (const e of evil) { try { audit.deliver({ spans: [e], logRecords: [e] }) } catch (x) { console.log('THROWN OFF', x) } }
  await audit.forceFlush()
  console.log('HOSTILE', show(log).join('\n'))
})
test('perf', async () => {
  for (const [what, f] of [['chain', (i: number) => mk('c' + i, { below: i ? 'c' + (i - 1) : undefined, attributes: i === 0 ? AGENT : {} })], ['agents chain', (i: number) => mk('c' + i, { below: i ? 'c' + (i - 1) : undefined })], ['flat', (i: number) => mk('c' + i, { below: i ? 'c0' : undefined })], ['lone', (i: number) => mk('c' + i, { trace: 't' + i, from: i % 77 })], ['orphans', (i: number) => mk('c' + i, { below: 'x' + i })]] as any) {
    for (const n of [300]) {
      const { audit } = start()
      const spans = Array.from({ length: n }, (_, i) => f(i))
      const t = performance.now(); audit.deliver({ spans }); const t1 = performance.now(); await audit.forceFlush()
      console.log('PERF', what, n, Math.round(t1 - t), Math.round(performance.now() - t1))
    }
  }
})
