import { describe, expect, test, vi } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import {
  agent,
  at,
  MINUTE_MILLIS,
  planner,
  search,
  span,
  start,
  useDayAfter,
  WHOLE,
} from '../../../test/support/delivered-spans.js'
import { timestampFromHrTime } from '../../events/index.js'
import { withScope } from '../../record/index.js'
import { AuditSpanProcessor } from '../processor.js'
import type { SpanLike } from '../span.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

useDayAfter()

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
