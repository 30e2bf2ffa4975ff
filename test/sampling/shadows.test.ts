import { context, propagation, ROOT_CONTEXT, SpanKind, TraceFlags, type Tracer, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type Sampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { auditSampler } from '../../src/otel/sampler.js'
import { withAuditing } from '../../src/record/context.js'
import { recordCustom } from '../../src/record/record.js'
import { withRun } from '../../src/record/run.js'
import { CollectingLog } from '../support/collecting-log.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'refund', 'gen_ai.tool.call.id': 'call-1' }
const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

let log: CollectingLog
let audit: AuditSpanProcessor
let exporter: InMemorySpanExporter

beforeEach(() => {
  log = new CollectingLog()
  audit = new AuditSpanProcessor({ log })
  exporter = new InMemorySpanExporter()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

afterEach(async () => {
  await audit.shutdown()
  trace.disable()
  context.disable()
})

function register(sampler: Sampler): TracerProvider {
  const provider = new TracerProvider({
    sampler,
    spanProcessors: [audit, new SimpleSpanProcessor({ exporter })],
  })
  trace.setGlobalTracerProvider(provider)
  return provider
}

function runAgent(tracer: Tracer): void {
  tracer.startActiveSpan('agent', { attributes: AGENT }, (run) => {
    tracer.startActiveSpan('tool', { attributes: TOOL }, (tool) => tool.end())
    run.end()
  })
}

const TRAIL = ['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed']

describe('what the sampler drops is on record, and not exported', () => {
  test.each<[string, Sampler]>([
    ['a sampler that drops everything', new AlwaysOffSampler()],
    ['a ratio of nothing', new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0) })],
  ])('%s', (_, sampler) => {
    register(sampler)
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
    expect(exporter.getFinishedSpans()).toEqual([])
  })

  test('a hundredth of the traces leaves all of the trail', () => {
    register(new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.01) }))
    for (let n = 0; n < 300; n++) runAgent(trace.getTracer('test'))
    expect(log.of('run_completed')).toHaveLength(300)
    expect(log.of('tool_call_completed')).toHaveLength(300)
    expect(exporter.getFinishedSpans().length).toBeLessThan(60)
  })

  test('a caller whose traceparent says that the trace is not sampled', () => {
    register(new ParentBasedSampler({ root: new AlwaysOnSampler() }))
    const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.NONE, isRemote: true }
    context.with(trace.setSpanContext(ROOT_CONTEXT, caller), () => runAgent(trace.getTracer('test')))
    expect(log.types).toEqual(TRAIL)
    expect(log.of('run_started')[0]?.trace?.traceId).toBe(caller.traceId)
    expect(exporter.getFinishedSpans()).toEqual([])
  })

  test('a tracer from before the provider was registered', () => {
    const tracer = trace.getTracer('early')
    register(new AlwaysOffSampler())
    runAgent(tracer)
    expect(log.types).toEqual(TRAIL)
  })

  test('a tracer of the registered provider itself', () => {
    const provider = register(new AlwaysOffSampler())
    runAgent(provider.getTracer('direct'))
    expect(log.types).toEqual(TRAIL)
  })

  test('a processor that is made after the provider was registered', async () => {
    const other = new CollectingLog()
    register(new AlwaysOffSampler())
    const late = new AuditSpanProcessor({ log: other })
    runAgent(trace.getTracer('late'))
    expect(other.types).toEqual(TRAIL)
    await late.shutdown()
  })

  test('a provider that replaces a disabled one', () => {
    register(new AlwaysOffSampler())
    trace.disable()
    register(new AlwaysOffSampler())
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
  })

  test('attributes that come after the start', () => {
    register(new AlwaysOffSampler())
    const span = trace.getTracer('test').startSpan('agent')
    span.setAttributes(AGENT)
    span.end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('a run of withRun, with what is recorded in it', () => {
    register(new AlwaysOffSampler())
    withRun({ agentName: 'planner' }, () => recordCustom('checked'))
    expect(log.types).toEqual(['run_started', 'custom', 'run_completed'])
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
  })
})

describe('a span that is shadowed', () => {
  test('keeps the ids and the flag of the sampler, also in what is propagated', () => {
    register(new AlwaysOffSampler())
    const tracer = trace.getTracer('test')
    tracer.startActiveSpan('agent', { attributes: AGENT }, (outer) => {
      const inner = tracer.startSpan('tool', { attributes: TOOL })
      expect(outer.spanContext().traceFlags).toBe(TraceFlags.NONE)
      expect(inner.spanContext().traceId).toBe(outer.spanContext().traceId)
      expect(trace.getActiveSpan()).toBe(outer)
      inner.end()
      outer.end()
    })
    const [run] = log.of('run_started')
    const [tool] = log.of('tool_call_started')
    expect(tool?.runId).toBe(run?.runId)
    expect(tool?.trace?.traceId).toBe(run?.trace?.traceId)
  })

  test('behaves as a span of the SDK', () => {
    register(new AlwaysOffSampler())
    const span = trace.getTracer('test').startSpan('agent', { attributes: AGENT, kind: SpanKind.CLIENT })
    expect(span.isRecording()).toBe(true)
    const same = span
      .setAttribute('a', 1)
      .setAttributes({ b: ['x'] })
      .addEvent('e')
      .addLink({ context: span.spanContext() })
      .setStatus({ code: 2, message: 'no' })
      .updateName('other')
    expect(same).toBe(span)
    span.recordException(new Error('boom'))
    span.end()
    expect(span.isRecording()).toBe(false)
    expect(log.of('run_failed')[0]?.data.error.message).toBe('no')
  })

  test('is not made where a transport or a database is asked', () => {
    register(new AlwaysOffSampler())
    const http = trace.getTracer('anything').startSpan('GET', { attributes: { 'http.request.method': 'GET' } })
    const dns = trace.getTracer('@opentelemetry/instrumentation-dns').startSpan('dns.lookup')
    expect([http.isRecording(), dns.isRecording()]).toEqual([false, false])
  })

  test('is not made where auditing is off', () => {
    register(new AlwaysOffSampler())
    const span = withAuditing(false, () => trace.getTracer('test').startSpan('agent', { attributes: AGENT }))
    expect(span.isRecording()).toBe(false)
  })

  test('is not made where tracing is suppressed', () => {
    register(new AlwaysOnSampler())
    const suppressed = context.active().setValue(SUPPRESSED, true)
    const span = trace.getTracer('test').startSpan('agent', { attributes: AGENT }, suppressed)
    expect(span.isRecording()).toBe(false)
  })

  test('is not made without a log', async () => {
    for (const attachment of audit.attachments) await attachment.detach()
    register(new AlwaysOffSampler())
    expect(trace.getTracer('test').startSpan('agent', { attributes: AGENT }).isRecording()).toBe(false)
  })

  test('is not made once the processor is shut down', async () => {
    register(new AlwaysOffSampler())
    await audit.shutdown()
    expect(trace.getTracer('test').startSpan('agent', { attributes: AGENT }).isRecording()).toBe(false)
  })

  test('is not made twice where the sampler is wrapped', () => {
    register(auditSampler(new AlwaysOffSampler()))
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
  })
})

test('spans that are sampled are recorded once, and exported', () => {
  register(new AlwaysOnSampler())
  runAgent(trace.getTracer('test'))
  expect(log.types).toEqual(TRAIL)
  expect(exporter.getFinishedSpans()).toHaveLength(2)
})

describe('an application without a provider', () => {
  test('is on record, and its spans nest', () => {
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
  })

  test('also where nothing keeps the active context', () => {
    context.disable()
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
  })

  test('propagates what it propagated before', () => {
    const tracer = trace.getTracer('test')
    tracer.startActiveSpan('agent', { attributes: AGENT }, (span) => {
      expect(trace.isSpanContextValid(span.spanContext())).toBe(false)
      span.end()
    })
    const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.SAMPLED, isRemote: true }
    const within = trace.setSpanContext(ROOT_CONTEXT, caller)
    const span = tracer.startSpan('agent', { attributes: AGENT }, within)
    expect(span.spanContext()).toEqual(caller)
    span.end()
    expect(log.of('run_completed')).toHaveLength(2)
    expect(log.of('run_started')[1]?.trace?.traceId).toBe(caller.traceId)
    expect(log.of('run_started')[1]?.trace?.spanId).not.toBe(caller.spanId)
  })

  test('gives way to a provider that is registered later', () => {
    const tracer = trace.getTracer('test')
    runAgent(tracer)
    register(new AlwaysOnSampler())
    runAgent(tracer)
    expect(log.types).toEqual([...TRAIL, ...TRAIL])
    expect(exporter.getFinishedSpans()).toHaveLength(2)
  })

  test('a run of withRun is on record once', () => {
    withRun({ agentName: 'planner' }, () => recordCustom('checked'))
    expect(log.types).toEqual(['run_started', 'custom', 'run_completed'])
  })
})

test('baggage of a caller names nobody in what is shadowed', () => {
  register(new AlwaysOffSampler())
  const baggage = propagation.createBaggage({ 'spanledger.tenant.id': { value: 'victim' } })
  context.with(propagation.setBaggage(context.active(), baggage), () => runAgent(trace.getTracer('test')))
  expect(log.of('run_started')[0]?.tenantId).not.toBe('victim')
})
