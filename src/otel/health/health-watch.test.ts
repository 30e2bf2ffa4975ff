import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CollectingLog } from '../../../test/support/collecting-log.js'
import { AuditSpanProcessor } from '../processor.js'
import type { AuditHealthReason, ProviderReport, WatchedAttachment } from './contract.js'
import { HealthWatch } from './health-watch.js'
import { DIAGNOSIS_AFTER_MILLIS } from './reasons.js'

const UNWATCHED: ProviderReport = { sampledAway: 0, foreign: 0, coversEveryProvider: false }
const OK = { id: 'main', log: new CollectingLog() }

function logThatIs(status: string, cause?: unknown, isUnopened = false): WatchedAttachment {
  return {
    id: 'main',
    log: { location: 'x', isUnopened, health: () => ({ status, cause }), stats: () => ({ dropped: { closed: 2 } }) },
  }
}

/** A watch whose world the test makes up. */
function watching() {
  const world = {
    attachments: [OK] as readonly WatchedAttachment[],
    switchedOffBy: undefined as 'process' | 'environment' | undefined,
    isShutDown: false,
    provider: UNWATCHED,
    uptimeSeconds: 100,
  }
  const warned: AuditHealthReason['code'][] = []
  const watch = new HealthWatch({
    attachments: () => world.attachments,
    switchedOffBy: () => world.switchedOffBy,
    isShutDown: () => world.isShutDown,
    provider: () => world.provider,
    warn: ({ code }) => warned.push(code),
    uptimeSeconds: () => world.uptimeSeconds,
  })
  watch.hasBeenAttached = true
  const codes = () => watch.read().reasons.map(({ code }) => code)
  const pass = (millis = DIAGNOSIS_AFTER_MILLIS) => {
    world.uptimeSeconds += millis / 1000
  }
  return { world, watch, warned, codes, pass }
}

function registered(flush?: () => void): void {
  const provider = new TracerProvider()
  provider.forceFlush = async () => flush?.()
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  onTestFinished(() => {
    trace.disable()
    context.disable()
  })
}

describe('the answer', () => {
  test('is audited once an agent has been recorded', () => {
    registered()
    const { watch } = watching()
    expect(watch.read()).toMatchObject({ status: 'waiting', reasons: [{ code: 'no_span' }] })
    watch.spans = 1
    expect(watch.read()).toMatchObject({ status: 'waiting', reasons: [{ code: 'no_agent_span' }] })
    watch.agentSpans = 1
    watch.events = 2
    const counts = { spans: 1, agentSpans: 1, events: 2, dropped: 0, sampledAway: 0, foreign: 0 }
    expect(watch.read()).toEqual({ status: 'audited', reasons: [], counts })
  })

  test.each([
    ['opening', 'log_opening', 'waiting'],
    [new Error('no permission'), 'log_unavailable', 'unaudited'],
    [new Error('disk full'), 'log_failing', 'impaired'],
  ])('names what a log is about: %s', (cause, code, status) => {
    registered()
    const { world, watch } = watching()
    watch.spans = watch.agentSpans = watch.events = 1
    world.attachments = [logThatIs('failing', cause, code === 'log_unavailable')]
    const [found] = watch.read().reasons
    expect(watch.read()).toMatchObject({ status, counts: { dropped: 2 } })
    expect(found).toMatchObject({ code, attachment: 'main' })
    if (code === 'log_unavailable') expect(found?.message).toContain('no permission')
    if (code === 'log_failing') expect(found?.message).toContain('disk full')
  })

  test('is impaired, not unaudited, where one of two logs is unavailable', () => {
    registered()
    const { world, watch } = watching()
    watch.events = 1
    world.attachments = [OK, logThatIs('failing', new Error('no permission'), true)]
    expect(watch.read().status).toBe('impaired')
  })

  test('counts spans that were sampled away, and those of a foreign provider', () => {
    registered()
    const { world, watch } = watching()
    world.provider = { sampledAway: 3, foreign: 2, coversEveryProvider: false }
    expect(watch.read()).toMatchObject({
      status: 'unaudited',
      reasons: [
        { code: 'foreign_provider', spans: 2 },
        { code: 'spans_sampled_away', spans: 3 },
      ],
    })
    watch.spans = watch.agentSpans = watch.events = 1
    expect(watch.read().status).toBe('impaired')
  })

  test('misses no provider where whoever watches has all spans come', () => {
    const { world, codes } = watching()
    expect(codes()).toEqual(['no_provider'])
    world.provider = { ...UNWATCHED, coversEveryProvider: true }
    expect(codes()).toEqual(['no_span'])
  })

  test('misses no provider where spans come from elsewhere', () => {
    const { watch, codes } = watching()
    watch.isFedDirectly = true
    expect(codes()).toEqual([])
    watch.spans = watch.agentSpans = watch.events = 1
    expect(codes()).toEqual([])
  })

  test('is unaudited where auditing is switched off, no log is attached, or the processor is shut down', () => {
    const { world, watch, codes } = watching()
    watch.isFedDirectly = true
    world.switchedOffBy = 'process'
    world.attachments = []
    expect(codes()).toEqual(['switched_off', 'no_log'])
    expect(watch.read().status).toBe('unaudited')
    world.isShutDown = true
    expect(codes()).toEqual(['shut_down'])
  })
})

describe('a warning', () => {
  test('waits until the application has started', () => {
    const { watch, warned, pass } = watching()
    watch.review('look')
    expect(warned).toEqual([])
    pass()
    watch.review('look')
    expect(warned).toEqual(['no_provider'])
  })

  test('is not given because a test has moved the clocks on', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const warnings: unknown[] = []
    vi.spyOn(process, 'emitWarning').mockImplementation((...given: unknown[]) => void warnings.push(given))
    onTestFinished(() => void vi.restoreAllMocks())
    const audit = new AuditSpanProcessor({ log: new CollectingLog() })
    vi.advanceTimersByTime(24 * 3_600_000)
    expect(warnings).toEqual([])
    expect(audit.health()).toMatchObject({ status: 'unaudited', reasons: [{ code: 'no_provider' }] })
  })

  test('is not given where the application is idle, and its provider has the processor', async () => {
    const { watch, warned, pass } = watching()
    registered(() => {
      watch.flushes++
    })
    pass()
    await watch.reviewAfterGrace()
    expect(warned).toEqual([])
    expect(watch.read().status).toBe('waiting')
  })

  test('is given where the provider is another, though no span has come', async () => {
    registered()
    const { watch, warned, pass } = watching()
    pass()
    await watch.reviewAfterGrace()
    expect(warned).toEqual(['foreign_provider'])
    watch.spans = watch.agentSpans = watch.events = 1
    expect(watch.read()).toMatchObject({ status: 'audited', reasons: [] })
  })

  test('is given where nobody can tell whether the provider has the processor', async () => {
    trace.setGlobalTracerProvider({ getTracer: (name) => new TracerProvider().getTracer(name) })
    onTestFinished(() => trace.disable())
    const { watch, warned, pass } = watching()
    pass()
    await watch.reviewAfterGrace()
    expect(warned).toEqual(['no_span'])
  })

  test('is not given because a log was detached, auditing was switched off by a call, or a log is being opened', () => {
    registered()
    const { world, watch, warned, pass } = watching()
    watch.spans = watch.agentSpans = watch.events = 1
    pass()
    world.switchedOffBy = 'process'
    watch.review('exit')
    world.attachments = [logThatIs('failing', 'opening')]
    watch.review('exit')
    world.attachments = []
    watch.review('exit')
    expect(warned).toEqual([])
  })
})

test('a span that is in use by hand is a foreign one while none has come', () => {
  registered()
  const { watch } = watching()
  const span = new TracerProvider().getTracer('x').startSpan('x')
  watch.noteInUse(span)
  watch.noteInUse(span)
  watch.noteInUse(trace.wrapSpanContext(span.spanContext()))
  expect(watch.foreign).toBe(1)
  watch.spans = 1
  watch.noteInUse(new TracerProvider().getTracer('x').startSpan('y'))
  expect(watch.foreign).toBe(1)
})
