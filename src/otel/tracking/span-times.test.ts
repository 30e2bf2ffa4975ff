import { type HrTime, ROOT_CONTEXT, SpanStatusCode, type TimeInput, type Tracer, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import { isPlausible, mendedTime } from '../hr-time.js'
import { endOf, startOf } from './span-times.js'

const NOW_SECONDS = 1_795_000_000
const NOW = NOW_SECONDS * 1000
const INVALID = [{ field: 'time', reason: 'invalid' }]

function run(tracer: Tracer, startTime: TimeInput, endTime: TimeInput): void {
  const agent = { 'openinference.span.kind': 'AGENT' }
  tracer.startSpan('x', { startTime, attributes: agent }).end(endTime)
}

describe('a time', () => {
  test.each([
    ['microseconds taken for milliseconds', [NOW_SECONDS * 1e3, 0]],
    ['nanoseconds taken for milliseconds', [NOW_SECONDS * 1e6, 0]],
    ['nanoseconds taken for seconds', [NOW_SECONDS * 1e9, 0]],
    ['seconds taken for milliseconds', [NOW_SECONDS / 1e3, 0]],
    ['more nanoseconds than a second has', [NOW_SECONDS - 2, 2e9]],
    ['fewer nanoseconds than none', [NOW_SECONDS + 1, -1e9]],
  ])('is mended by its magnitude: %s', (_, time) => {
    expect(isPlausible(time as HrTime, NOW)).toBe(false)
    const [seconds, nanoseconds] = mendedTime(time as HrTime, NOW) ?? []
    expect(seconds).toBe(NOW_SECONDS)
    expect(nanoseconds).toBeCloseTo(0)
  })

  test('is mended that the SDK took for a reading of its clock, being seconds', () => {
    const now = Date.now()
    const taken = performance.timeOrigin / 1000 + Math.floor(now / 1000) / 1000
    expect(mendedTime([taken, 0], now)?.[0]).toBeCloseTo(now / 1000, -1)
  })

  test.each([
    ['NaN', [Number.NaN, Number.NaN]],
    ['1970', [0, 0]],
    ['9999', [253_402_300_799, 0]],
    ['a negative one', [-NOW_SECONDS, 0]],
    ['without end', [Number.POSITIVE_INFINITY, 0]],
  ])('is unknown: %s', (_, time) => {
    expect(isPlausible(time as HrTime, NOW)).toBe(false)
    expect(mendedTime(time as HrTime, NOW)).toBeUndefined()
  })

  test.each([
    ['of the present', NOW_SECONDS],
    ['of years ago', NOW_SECONDS - 3 * 365 * 86_400],
    ['of tomorrow, by a clock that goes ahead', NOW_SECONDS + 3600],
  ])('is taken as it is: %s', (_, seconds) => {
    expect(isPlausible([seconds, 999_999_999], NOW)).toBe(true)
  })
})

describe('the times of a span', () => {
  const spanFrom = (startTime: HrTime, endTime: HrTime) => ({ startTime, endTime }) as never

  test('stand in for each other, and the moment of their being seen for both', () => {
    const good: HrTime = [NOW_SECONDS - 60, 0]
    const bad: HrTime = [Number.NaN, 0]
    expect(startOf(spanFrom(bad, good), NOW)).toEqual({ time: '2026-11-18T11:05:40.000000000Z', isMended: true })
    expect(startOf(spanFrom(bad, bad), NOW)).toEqual({ time: '2026-11-18T11:06:40.000000000Z', isMended: true })
    expect(endOf(spanFrom(good, bad), '', NOW)).toEqual({ time: '2026-11-18T11:06:40.000000000Z', isMended: true })
  })

  test('do not run backwards', () => {
    const span = spanFrom([NOW_SECONDS, 0], [NOW_SECONDS - 5, 0])
    const { time } = startOf(span, NOW)
    expect(endOf(span, time, NOW)).toEqual({ time, isMended: true })
  })
})

describe('an event', () => {
  test('says that its time is mended, and its start and duration with it', () => {
    const { log, tracer } = startRecordingSdk()
    const now = Date.now()
    run(tracer, now * 1000, (now + 1000) * 1000)
    const [started] = log.of('run_started')
    const [completed] = log.of('run_completed')
    expect(Date.parse(started?.time ?? '')).toBeCloseTo(now, -1)
    expect(started?.altered).toEqual(INVALID)
    expect(completed?.data.durationMs).toBeCloseTo(1000, -1)
    expect(completed?.altered).toEqual([
      { field: 'data.startedAt', reason: 'invalid' },
      { field: 'data.durationMs', reason: 'invalid' },
      ...INVALID,
    ])
  })

  test('says nothing of a time that is merely late', async () => {
    const { audit, log, tracer } = startRecordingSdk()
    const before = Date.now() - 90 * 86_400_000
    run(tracer, before, before + 1000)
    await audit.forceFlush()
    expect(log.of('run_completed')[0]).toMatchObject({ altered: undefined, data: { durationMs: 1000 } })
    expect(Date.parse(log.of('run_started')[0]?.time ?? '')).toBe(before)
  })

  test('of a failed tool call says that its duration is not the one that was told', () => {
    const { log, tracer } = startRecordingSdk()
    const now = Date.now()
    const attributes = { 'openinference.span.kind': 'TOOL' }
    const tool = tracer.startSpan('pay', { startTime: now * 1000, attributes }, trace.deleteSpan(ROOT_CONTEXT))
    tool.setStatus({ code: SpanStatusCode.ERROR, message: 'no' }).end(now * 1000)
    expect(log.of('tool_call_failed')[0]?.altered).toEqual([
      { field: 'data.durationMs', reason: 'invalid' },
      ...INVALID,
    ])
  })
})
