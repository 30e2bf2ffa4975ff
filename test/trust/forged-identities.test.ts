import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Attributes, type HrTime, ROOT_CONTEXT, type Span, type SpanContext, trace } from '@opentelemetry/api'
import { expect, onTestFinished, test } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import type { Delivery } from '../../src/otel/delivery/delivery.js'
import type { SpanLike } from '../../src/otel/span.js'
import { startAuditedSdk } from '../support/audited-sdk.js'

/*
 * A run of which nobody has named the tenant goes on in this process. Somebody who has seen its ids delivers telemetry that
 * names it, and a tenant and a session of his own.
 */

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }
const STOLEN = { 'spanledger.tenant.id': 'evil', 'session.id': 'stolen' }
const BEGIN: HrTime = [1_790_000_000, 0]
const FORGER = { name: 'forger' }
const SPAN_ID = 'e'.repeat(16)
const CHILD_ID = 'c'.repeat(16)

interface Victim {
  readonly ids: SpanContext
  readonly named: Attributes
}

const FORGERIES: Readonly<Record<string, (victim: Victim) => Delivery>> = {
  'log records that name it': ({ named }) => ({
    logRecords: ['custom', 'run_identified', 'tool_call_started', 'run_completed'].map((type) => record(type, named)),
  }),
  'log records in its span': ({ ids, named }) => ({
    logRecords: ['custom', 'run_identified', 'tool_call_started'].map((type) => record(type, named, ids)),
  }),
  'a span inside of it': ({ ids }) => ({ spans: [span(SPAN_ID, { ...AGENT, ...STOLEN }, { parent: ids })] }),
  'events of a span': ({ ids, named }) => ({ spans: [span(SPAN_ID, STOLEN, { parent: ids, ofEvents: named })] }),
  'its own span': ({ ids }) => ({
    spans: [span(ids.spanId, { ...AGENT, ...STOLEN }, { traceId: ids.traceId })],
  }),
  'a run under its id': ({ named }) => ({ spans: [span(SPAN_ID, { ...named, 'spanledger.run.kind': 'agent' })] }),
  'a run under its id, of which the tenant is told late': ({ ids, named }) => {
    const anonymous = { 'spanledger.run.id': named['spanledger.run.id'] ?? '', 'spanledger.run.kind': 'agent' }
    const own = { ...ids, spanId: SPAN_ID }
    return {
      spans: [
        span(SPAN_ID, anonymous, { traceId: ids.traceId }),
        span(CHILD_ID, { ...TOOL, ...STOLEN }, { parent: own }),
      ],
    }
  },
}

test.each(Object.entries(FORGERIES))('%s: nothing of the run is seen by the tenant', async (_, forge) => {
  const log = await openedLog()
  const { audit, tracer } = startAuditedSdk()
  audit.attach(log)
  const run = tracer.startSpan('run', { attributes: AGENT }, ROOT_CONTEXT)
  tracer.startSpan('tool', { attributes: TOOL }, inside(run)).end()
  const ids = { ...run.spanContext() }
  const runId = `${ids.traceId}-${ids.spanId}`
  const data = JSON.stringify({ previous: { tenantId: 'default' }, name: 'forged' })
  audit.deliver(forge({ ids, named: { ...STOLEN, 'spanledger.run.id': runId, 'spanledger.data': data } }))
  await audit.forceFlush()
  run.end()
  await audit.forceFlush()

  expect(await log.events({ type: 'run_identified', runId }).count()).toBe(0)
  const seen = await log.events({ tenantId: 'evil' }).toArray()
  expect(seen.filter(({ source }) => source.scope === 'test')).toEqual([])
  expect(await log.events({ sessionId: 'stolen', tenantId: 'default' }).count()).toBe(0)
  expect(await log.run(runId, { tenantId: 'default' })).toMatchObject({
    status: 'completed',
    sessionId: ids.traceId,
  })
  expect(await log.events({ runId, tenantId: 'default', type: 'tool_call_completed' }).count()).toBeGreaterThan(0)
  const [end] = await log.events({ runId, tenantId: 'default', type: 'run_completed', order: 'desc' }).toArray()
  expect(end?.source.scope).toBe('test')
})

test('runs of two tenants with one id are told apart, whenever it becomes known whose one of them is', async () => {
  const log = await openedLog()
  const { audit, tracer } = startAuditedSdk()
  audit.attach(log)
  const named = { ...AGENT, 'spanledger.run.id': 'order-1' }
  const ours = tracer.startSpan('run', { attributes: named }, ROOT_CONTEXT)
  const theirs = tracer.startSpan('run', { attributes: { ...named, 'spanledger.tenant.id': 'globex' } }, ROOT_CONTEXT)
  tracer.startSpan('tool', { attributes: TOOL }, inside(ours)).end()
  tracer.startSpan('tool', { attributes: { ...TOOL, ...STOLEN } }, inside(theirs)).end()
  ours.setAttribute('spanledger.tenant.id', 'acme').end()
  theirs.end()
  await audit.forceFlush()
  const runs = await log.runs().toArray()
  expect(runs.map(({ tenantId, status }) => [tenantId, status]).sort()).toEqual([
    ['acme', 'completed'],
    ['globex', 'completed'],
  ])
  expect(await log.events({ tenantId: 'evil' }).count()).toBe(0)
  expect(await log.events({ type: 'run_identity_conflict' }).toArray()).toMatchObject([
    { tenantId: 'globex', data: { tenantId: 'evil' } },
  ])
  expect((await log.run('order-1', { tenantId: 'acme' }))?.toolCalls).toHaveLength(1)
  expect(await log.run('order-1', { tenantId: 'default' })).toBeUndefined()
})

function record(type: string, attributes: Attributes, spanContext?: SpanContext) {
  const placed = spanContext && { spanContext: { ...spanContext } }
  return { eventName: `spanledger.${type}`, hrTime: BEGIN, attributes, instrumentationScope: FORGER, ...placed }
}

interface ForgedFields {
  readonly parent?: SpanContext
  readonly ofEvents?: Attributes
  readonly traceId?: string
}

function span(spanId: string, attributes: Attributes, { parent, ofEvents, ...given }: ForgedFields = {}): SpanLike {
  const traceId = given.traceId ?? parent?.traceId ?? 'd'.repeat(32)
  const types = ['custom', 'run_identified', 'error_occurred']
  return {
    name: 'forged',
    kind: 0,
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    ...(parent && { parentSpanContext: { ...parent } }),
    startTime: BEGIN,
    endTime: [BEGIN[0] + 1, 0],
    status: { code: 0 },
    attributes,
    events: ofEvents ? types.map((type) => ({ name: `spanledger.${type}`, time: BEGIN, attributes: ofEvents })) : [],
    resource: { attributes: {} },
    instrumentationScope: FORGER,
  }
}

function inside(parent: Span) {
  return trace.setSpan(ROOT_CONTEXT, parent)
}

async function openedLog(): Promise<AuditLog> {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const log = await openAuditLog(directory)
  onTestFinished(async () => {
    await log.close()
    await rm(directory, { recursive: true, force: true })
  })
  return log
}
