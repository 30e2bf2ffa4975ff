import { type Attributes, context, type HrTime, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import { CollectingLog } from '../../../test/support/collecting-log.js'
import { timestampFromHrTime } from '../../events/index.js'
import { withScope } from '../../record/index.js'
import { AuditSpanProcessor } from '../processor.js'
import type { SpanEventLike, SpanLike } from '../span.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

const BEGIN_SECONDS = 1_790_000_000
const MINUTE_MILLIS = 60_000

interface Plan {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly below?: string
  readonly trace?: string
  readonly attributes: Attributes
  readonly events?: readonly SpanEventLike[]
  readonly service?: string
}

/** A moment so many seconds after the beginning. */
function at(seconds: number): HrTime {
  return [BEGIN_SECONDS + seconds, 0]
}

function span({ id, from, to, below, trace: traceId = 'a1', attributes, events = [], service = 's' }: Plan): SpanLike {
  return {
    name: id,
    kind: 0,
    spanContext: () => ({ traceId, spanId: id, traceFlags: 1 }),
    ...(below !== undefined && { parentSpanContext: { traceId, spanId: below, traceFlags: 1 } }),
    startTime: at(from),
    endTime: at(to),
    status: { code: 0 },
    attributes,
    events,
    resource: { attributes: { 'service.name': service } },
    instrumentationScope: { name: 'test' },
  }
}

const agent = (name: string) => ({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name })
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }
const planner = { id: 'p1', from: 0, to: 30, attributes: agent('planner') }
const search = { id: 'c1', from: 10, to: 12, below: 'p1', attributes: TOOL }

function start(options = {}): { audit: AuditSpanProcessor; log: CollectingLog } {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log, ...options })
  onTestFinished(() => audit.shutdown())
  return { audit, log }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: (BEGIN_SECONDS + 86_400) * 1000 })
  return () => void vi.useRealTimers()
})

const WHOLE = ['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed']

describe('what is delivered after the fact', () => {
  test('is recorded as it happened, with the times of its spans', async () => {
    const { audit, log } = start()
    expect(audit.deliver({ spans: [search, planner].map(span) })).toEqual({ accepted: 2, repeated: 0, malformed: 0 })
    await audit.forceFlush()
    expect(log.types).toEqual(WHOLE)
    expect(log.of('tool_call_completed')[0]).toMatchObject({
      time: timestampFromHrTime(at(12)),
      runId: 'a1-p1',
      agent: { name: 'planner' },
      data: { durationMs: 2000 },
    })
    expect(log.of('run_completed')[0]?.data).toMatchObject({ durationMs: 30_000 })
  })

  test('waits until no span of the trace has come for a minute and a half', () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(search)] })
    vi.advanceTimersByTime(MINUTE_MILLIS)
    audit.deliver({ spans: [span(planner)] })
    vi.advanceTimersByTime(MINUTE_MILLIS)
    expect(log.types).toEqual([])
    vi.advanceTimersByTime(MINUTE_MILLIS)
    expect(log.types).toEqual(WHOLE)
  })

  test('waits no longer than it is told to', () => {
    const { audit, log } = start({ deliveryWaitMillis: 0 })
    audit.deliver({ spans: [search, planner].map(span) })
    vi.advanceTimersByTime(5000)
    expect(log.types).toEqual(WHOLE)
  })

  test.each([-1, 1.5, 3_600_001, '90s'])('refuses to wait for %s', (deliveryWaitMillis) => {
    expect(() => new AuditSpanProcessor({ deliveryWaitMillis: deliveryWaitMillis as number })).toThrow(TypeError)
  })

  test('does not wait where the log is detached, or the processor is shut down', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(planner)] })
    await audit.attachments[0]?.detach()
    expect(log.types).toEqual(['run_started', 'run_completed'])
    audit.attach(log)
    audit.deliver({ spans: [span({ ...planner, id: 'p2' })] })
    await audit.shutdown()
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('is translated after half an hour although more keeps coming', () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(planner)] })
    for (let n = 0; n < 31; n++) {
      vi.advanceTimersByTime(MINUTE_MILLIS)
      audit.deliver({ spans: [span({ ...search, id: `c${n}` })] })
    }
    expect(log.types).toContain('run_completed')
  })

  test('counts once, also after it was translated', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [search, planner, search].map(span) })
    await audit.forceFlush()
    expect(audit.deliver({ spans: [planner, search].map(span) })).toEqual({ accepted: 0, repeated: 2, malformed: 0 })
    await audit.forceFlush()
    expect(log.types).toEqual(WHOLE)
  })

  test('counts once where it was seen live', async () => {
    const { audit, log, tracer } = startRecordingSdk()
    const live = tracer.startSpan('x', { attributes: agent('planner') })
    live.end()
    audit.deliver({ spans: [live as unknown as SpanLike] })
    await audit.forceFlush()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('has nothing of what is active when it is recorded', async () => {
    const { audit, log, tracer } = startRecordingSdk()
    const event = { name: 'spanledger.context_compacted', time: at(5), attributes: {} }
    await withScope({ tenantId: 'evil', sessionId: 'evil', userId: 'evil' }, () =>
      tracer.startActiveSpan('live', { attributes: agent('live') }, async (live) => {
        audit.deliver({ spans: [{ ...planner, events: [event] }, search].map(span) })
        await audit.forceFlush()
        live.end()
      }),
    )
    const delivered = log.events.filter(({ runId }) => runId === 'a1-p1')
    expect(delivered).toHaveLength(5)
    expect(JSON.stringify(delivered)).not.toContain('evil')
    expect(delivered.map(({ parentRunId }) => parentRunId)).toEqual(new Array(5).fill(undefined))
  })

  test('is not recorded while no log is attached, and counted while auditing is off', async () => {
    const { audit, log } = start()
    audit.setEnabled(false)
    expect(audit.deliver({ spans: [span(planner)] }).accepted).toBe(0)
    audit.setEnabled(true)
    await audit.forceFlush()
    expect(log.of('auditing_suppressed')[0]?.data.spans).toBe(1)
    expect(log.of('run_started')).toEqual([])
    expect(new AuditSpanProcessor().deliver({ spans: [span(planner)] }).accepted).toBe(0)
  })

  test('is left out and counted where it is no span, or has not ended', () => {
    const { audit, log } = start()
    const hostile = {
      spanContext: () => {
        throw new Error('no')
      },
    }
    const spans = [null, 7, {}, { ...span(planner), endTime: [0, 0] }, hostile] as unknown as SpanLike[]
    expect(audit.deliver({ spans })).toEqual({ accepted: 0, repeated: 0, malformed: 5 })
    expect(log.of('events_dropped')[0]?.data).toMatchObject({ count: 5, reason: 'malformed_delivery' })
  })

  test.each([
    [{ span: [] }, "unknown option 'span'; did you mean 'spans'?"],
    [{ spans: {} }, 'must be lists'],
    [{ source: 7 }, 'source must be a text'],
    [null, 'options must be an object'],
  ])('is refused as %o', (delivery, message) => {
    const { audit } = start()
    expect(() => audit.deliver(delivery as never)).toThrow(message)
  })

  test('says how many events its SDK had no room for', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [{ ...span(planner), droppedEventsCount: 3 }] })
    await audit.forceFlush()
    expect(log.of('events_dropped')[0]).toMatchObject({ runId: 'a1-p1', data: { count: 3, reason: 'span_limit' } })
  })
})

describe('the parent of a delivered span', () => {
  test('is one of the same trace', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [planner, { ...search, trace: 'b2' }].map(span) })
    await audit.forceFlush()
    expect(log.of('tool_call_started')[0]?.runId).toBeUndefined()
  })

  test('is one of the same resource; another is a claim', async () => {
    const { audit, log } = start()
    const other = { id: 'c2', from: 5, to: 6, below: 'p1', service: 'other', attributes: agent('writer') }
    audit.deliver({ spans: [other, planner].map(span) })
    await audit.forceFlush()
    expect(log.of('run_started')[1]).toMatchObject({ parentRunId: 'a1-p1', claimed: { parentRunId: 'a1-p1' } })
    expect(log.of('sub_agent_invoked')).toEqual([])
  })

  test('is one of the same sender', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(planner)], source: 'one' })
    audit.deliver({ spans: [planner, search].map(span), source: 'another' })
    await audit.forceFlush()
    expect(log.of('run_started')).toHaveLength(2)
    audit.deliver({ spans: [span({ ...search, id: 'c2' })], source: 'a third' })
    await audit.forceFlush()
    const [, another] = log.of('run_started')
    expect(log.of('tool_call_started').map(({ runId }) => runId)).toEqual([another?.runId, undefined])
    expect(another?.runId).not.toBe('a1-p1')
  })

  test('is found although it was translated long before', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(planner)] })
    await audit.forceFlush()
    audit.deliver({ spans: [span(search)] })
    await audit.forceFlush()
    expect(log.of('tool_call_completed')[0]).toMatchObject({ runId: 'a1-p1', agent: { name: 'planner' } })
  })

  test('has invoked the runs inside although it comes after them', async () => {
    const { audit, log } = start()
    const writer = { id: 'w1', from: 5, to: 20, below: 'step', attributes: agent('writer') }
    const step = { id: 'step', from: 4, to: 21, below: 'p1', attributes: {} }
    for (const each of [writer, step, planner]) {
      audit.deliver({ spans: [span(each)] })
      await audit.forceFlush()
    }
    expect(log.of('sub_agent_invoked')[0]).toMatchObject({ runId: 'a1-p1', data: { subRunId: 'a1-w1' } })
    expect(log.of('run_completed').map(({ agent }) => agent?.name)).toEqual(['writer', 'planner'])
  })

  test('that comes late has used the tokens that were counted inside', async () => {
    const { audit, log } = start()
    const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.output_tokens': 2 }
    for (const each of [
      { ...search, attributes: chat },
      { ...planner, attributes: { ...chat, ...agent('planner') } },
    ]) {
      audit.deliver({ spans: [span(each)] })
      await audit.forceFlush()
    }
    expect(log.of('token_usage_updated')).toHaveLength(1)
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 5 })
  })
})

describe('log records that are delivered', () => {
  const record = {
    eventName: 'spanledger.context_compacted',
    hrTime: at(15),
    attributes: {},
    spanContext: { traceId: 'a1', spanId: 'p1', traceFlags: 1 },
    instrumentationScope: { name: 'test' },
    resource: { attributes: { 'service.name': 's' } },
  }

  test('take their place among the spans, in the run of theirs', async () => {
    const { audit, log } = start()
    audit.deliver({ logRecords: [record] })
    audit.deliver({ spans: [planner, search].map(span) })
    await audit.forceFlush()
    expect(log.types).toEqual([...WHOLE.slice(0, 3), 'context_compacted', 'run_completed'])
    expect(log.of('context_compacted')[0]?.runId).toBe('a1-p1')
  })

  test('count once', async () => {
    const { audit, log } = start()
    expect(audit.deliver({ logRecords: [record, { ...record }] })).toEqual({ accepted: 1, repeated: 1, malformed: 0 })
    await audit.forceFlush()
    expect(log.of('context_compacted')).toHaveLength(1)
  })
})

describe('a span that comes through a hook', () => {
  test('as plain data is taken for delivered', async () => {
    const { audit, log } = start()
    for (const each of [search, planner]) audit.onEnd(span(each))
    await audit.forceFlush()
    expect(log.types).toEqual(WHOLE)
  })

  test('when it has ended already is taken for delivered, once', async () => {
    const { audit, log } = start()
    for (const each of [search, planner].map(span)) {
      audit.onStart(each as never, ROOT_CONTEXT)
      audit.onEnd(each)
    }
    expect(log.types).toEqual([])
    await audit.forceFlush()
    expect(log.types).toEqual(WHOLE)
  })
})

describe('a span that is told through an SDK', () => {
  const BEFORE = [0, 10, 30].map((seconds) => new Date((BEGIN_SECONDS + seconds) * 1000))

  test('after the fact waits for the spans around it', async () => {
    const { audit, log, tracer } = startRecordingSdk()
    const ids = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }
    const around = trace.setSpanContext(ROOT_CONTEXT, ids)
    tracer.startSpan('tool', { attributes: TOOL, startTime: BEFORE[0] as Date }, around).end(BEFORE[1])
    expect(log.types).toEqual([])
    const root = { ...span({ ...planner, trace: ids.traceId, id: ids.spanId }), resource: resourceOf(tracer) }
    audit.onEnd(root)
    await audit.forceFlush()
    expect(log.types).toEqual(WHOLE)
    expect(log.of('tool_call_started')[0]?.runId).toBe(`${ids.traceId}-${ids.spanId}`)
  })

  test('in the right order is recorded at once', () => {
    const { log, tracer } = startRecordingSdk()
    const run = tracer.startSpan('run', { attributes: agent('planner'), startTime: BEFORE[0] as Date })
    const inside = trace.setSpan(ROOT_CONTEXT, run)
    tracer.startSpan('tool', { attributes: TOOL, startTime: BEFORE[0] as Date }, inside).end(BEFORE[1])
    run.end(BEFORE[2])
    expect(log.types).toEqual(WHOLE)
  })

  test('with a time long past is recorded within the turn where it stays open', async () => {
    const { log, tracer } = startRecordingSdk()
    tracer.startSpan('run', { attributes: agent('planner'), startTime: BEFORE[0] as Date })
    expect(log.types).toEqual([])
    await new Promise((resolve) => setImmediate(resolve))
    expect(log.types).toEqual(['run_started'])
  })

  test('in a scope of the application is recorded there', () => {
    const { log, tracer } = startRecordingSdk()
    withScope({ tenantId: 'acme' }, () => {
      tracer.startSpan('run', { attributes: agent('planner'), startTime: BEFORE[0] as Date }).end(BEFORE[1])
    })
    expect(log.of('run_completed')[0]?.tenantId).toBe('acme')
    expect(context.active()).toBe(ROOT_CONTEXT)
  })

  function resourceOf(tracer: ReturnType<typeof startRecordingSdk>['tracer']): SpanLike['resource'] {
    return (tracer.startSpan('any') as unknown as SpanLike).resource
  }
})
