import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CollectingLog } from '../../../test/support/collecting-log.js'
import { AuditSpanProcessor } from '../processor.js'
import type { AuditHealthReason, ProviderReport, WatchedAttachment } from './contract.js'
import { HealthWatch } from './health-watch.js'

const UNWATCHED: ProviderReport = { sampledAway: 0, foreign: 0, suppressed: 0 }
const OK = { id: 'main', log: new CollectingLog() }

function logThatIs(status: string, cause?: unknown, isUnopened = false): WatchedAttachment {
  return {
    id: 'main',
    log: { location: 'x', isUnopened, health: () => ({ status, cause }), counters: () => ({ dropped: { closed: 2 } }) },
  }
}

/** A watch whose world the test makes up. */
function watching() {
  const world = {
    attachments: [OK] as readonly WatchedAttachment[],
    switchedOffBy: undefined as 'process' | 'environment' | undefined,
    isShutDown: false,
    provider: UNWATCHED,
  }
  const warned: AuditHealthReason['code'][] = []
  const watch = new HealthWatch({
    attachments: () => world.attachments,
    switchedOffBy: () => world.switchedOffBy,
    isShutDown: () => world.isShutDown,
    provider: () => world.provider,
    warn: ({ code }) => warned.push(code),
  })
  watch.hasBeenAttached = true
  const codes = () => watch.read().reasons.map(({ code }) => code)
  return { world, watch, warned, codes }
}

function registered(): void {
  trace.setGlobalTracerProvider(new TracerProvider())
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
    const counts = { spans: 1, agentSpans: 1, events: 2, dropped: 0, ...UNWATCHED, missed: 0 }
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

  test('is audited where spans were sampled away or are of a foreign provider, and came all the same', () => {
    registered()
    const { world, watch } = watching()
    world.provider = { sampledAway: 3, foreign: 2, suppressed: 1 }
    watch.spans = 5
    watch.agentSpans = watch.events = 1
    expect(watch.read()).toMatchObject({ status: 'audited', reasons: [], counts: world.provider })
  })

  test('names suppressed tracing only where nothing else has come', () => {
    registered()
    const { world, watch, warned, codes } = watching()
    world.provider = { ...UNWATCHED, suppressed: 1 }
    expect(watch.read()).toMatchObject({ status: 'waiting', reasons: [{ code: 'tracing_suppressed', spans: 1 }] })
    watch.review('exit')
    expect(warned).toEqual([])
    watch.spans = 1
    expect(codes()).toEqual(['no_agent_span'])
  })

  test.each([
    ['11.2.0', true],
    ['10.9.0', false],
    [undefined, false],
  ])('speaks of Sentry, where it is %s, only if it keeps agents away', (version, isNamed) => {
    vi.stubGlobal('__SENTRY__', { version })
    onTestFinished(() => void vi.unstubAllGlobals())
    const { watch } = watching()
    const found = [...watch.read().reasons]
    registered()
    found.push(...watch.read().reasons)
    watch.spans = 1
    found.push(...watch.read().reasons)
    expect(found.map(({ code }) => code)).toEqual(['no_provider', 'no_span', 'no_agent_span'])
    const namesIt = found.map(({ message }) => message.includes("name !== 'VercelAI'"))
    expect(namesIt).toEqual([isNamed, isNamed, isNamed])
  })

  test('misses no provider where spans come from elsewhere', () => {
    const { watch, codes } = watching()
    expect(codes()).toEqual(['no_provider'])
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
    registered()
    const { world, watch, warned } = watching()
    world.attachments = []
    watch.hasBeenAttached = false
    watch.spans = 1
    watch.review('look')
    expect(warned).toEqual([])
    watch.review('started')
    expect(warned).toEqual(['no_log'])
  })

  test.each([true, false])('is not given where nothing has come, with a provider: %s', (hasProvider) => {
    if (hasProvider) registered()
    const { watch, warned } = watching()
    for (const occasion of ['look', 'started', 'exit', 'shutdown'] as const) watch.review(occasion)
    expect(warned).toEqual([])
    expect(watch.read().status).toBe('waiting')
  })

  test('is not given because a test has moved the clocks on', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const warnings: unknown[] = []
    vi.spyOn(process, 'emitWarning').mockImplementation((...given: unknown[]) => void warnings.push(given))
    onTestFinished(() => void vi.restoreAllMocks())
    const audit = new AuditSpanProcessor()
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [audit] }))
    onTestFinished(() => trace.disable())
    trace.getTracer('app').startSpan('x').end()
    vi.advanceTimersByTime(24 * 3_600_000)
    expect(warnings).toEqual([])
    expect(audit.health()).toMatchObject({ status: 'unaudited', reasons: [{ code: 'no_log' }, {}] })
  })

  test('is not given because a log was detached, auditing was switched off by a call, or a log is being opened', () => {
    registered()
    const { world, watch, warned } = watching()
    watch.spans = watch.agentSpans = watch.events = 1
    world.switchedOffBy = 'process'
    watch.review('exit')
    world.attachments = [logThatIs('failing', 'opening')]
    watch.review('exit')
    world.attachments = []
    watch.review('exit')
    expect(warned).toEqual([])
  })
})

test('a span that is in use by hand passes by while none has come', () => {
  registered()
  const { watch, warned } = watching()
  const span = new TracerProvider().getTracer('x').startSpan('x')
  watch.takeSpanInUse(span)
  watch.takeSpanInUse(span)
  watch.takeSpanInUse(trace.wrapSpanContext(span.spanContext()))
  expect(watch.read()).toMatchObject({ status: 'impaired', reasons: [{ code: 'foreign_provider', spans: 1 }, {}] })
  watch.review('look')
  expect(warned).toEqual(['foreign_provider'])
  watch.spans = 1
  watch.takeSpanInUse(new TracerProvider().getTracer('x').startSpan('y'))
  expect(watch.read().counts.missed).toBe(1)
})
