import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, test, vi } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import {
  agent,
  BEGIN_SECONDS,
  planner,
  search,
  span,
  start,
  TOOL,
  useDayAfter,
  WHOLE,
} from '../../../test/support/delivered-spans.js'
import { withScope } from '../../record/index.js'
import type { SpanLike } from '../span.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

useDayAfter()

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
