import { context, type Span, type SpanContext, TraceFlags, type Tracer, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { recordCustom, recordTokenUsageUpdated } from '../../src/record/record.js'
import { withRun } from '../../src/record/run.js'
import { CollectingLog } from '../support/collecting-log.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'refund', 'gen_ai.tool.call.id': 'call-1' }
const TRAIL = ['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed']

let log: CollectingLog
let audit: AuditSpanProcessor

beforeEach(() => {
  log = new CollectingLog()
  audit = new AuditSpanProcessor({ log })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

afterEach(async () => {
  await audit.shutdown()
  trace.disable()
  context.disable()
})

/** A span of a kind of its own: it answers nothing of what it was told, and its ids are a new object each time. */
class OtherSpan {
  readonly #ids: SpanContext
  readonly told: string[] = []
  readonly isSampled: boolean
  constructor(ids: SpanContext, isSampled: boolean) {
    this.#ids = ids
    this.isSampled = isSampled
  }
  spanContext(): SpanContext {
    return { ...this.#ids }
  }
  isRecording(): boolean {
    return this.isSampled
  }
  setAttribute(key: string): this {
    this.told.push(key)
    return this
  }
  setAttributes(attributes: object): this {
    for (const key of Object.keys(attributes)) this.setAttribute(key)
    return this
  }
  addEvent(name: string): this {
    this.told.push(name)
    return this
  }
  addLink(): this {
    return this
  }
  addLinks(): this {
    return this
  }
  setStatus(): this {
    return this
  }
  updateName(): this {
    return this
  }
  recordException(): void {
    this.addEvent('exception')
  }
  end(): void {
    this.told.push('end')
  }
}

let ids = 0

class OtherTracer {
  readonly isSampled: boolean
  constructor(isSampled: boolean) {
    this.isSampled = isSampled
  }

  startSpan(_name: string, _options: object = {}, within = context.active()): Span {
    const parent = trace.getSpanContext(within)
    const spanId = (++ids).toString(16).padStart(16, '0')
    const traceId = parent?.traceId ?? spanId.repeat(2)
    const traceFlags = this.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
    return new OtherSpan({ traceId, spanId, traceFlags }, this.isSampled) as unknown as Span
  }

  // Not by way of its own `startSpan`, as some do it.
  startActiveSpan(name: string, options: object, fn: (span: Span) => unknown): unknown {
    const span = OtherTracer.prototype.startSpan.call(this, name, options)
    return context.with(trace.setSpan(context.active(), span), fn, undefined, span)
  }
}

function runAgent(tracer: Tracer): void {
  tracer.startActiveSpan('agent', { attributes: AGENT }, (run) => {
    const tool = tracer.startSpan('tool')
    tool.setAttributes(TOOL)
    tool.end()
    run.end()
  })
}

describe.each([
  ['records', true],
  ['does not record', false],
])('a provider of a kind of its own that %s', (_, isSampled) => {
  beforeEach(() => {
    const tracer = new OtherTracer(isSampled) as unknown as Tracer
    trace.setGlobalTracerProvider({ getTracer: () => tracer })
  })

  test('is on record, nested, with the ids of its spans', () => {
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
    expect(new Set(log.events.flatMap(({ trace }) => trace?.traceId ?? [])).size).toBe(1)
  })

  test('keeps its own spans, which are told what they are told, once', () => {
    trace.getTracer('test').startActiveSpan('agent', { attributes: AGENT }, (span) => {
      expect(span).toBeInstanceOf(OtherSpan)
      expect(trace.getActiveSpan()).toBe(span)
      expect(span.isRecording()).toBe(true)
      span.setAttributes({ a: 1 }).addEvent('e')
      span.recordException(new Error('boom'))
      span.end()
      expect((span as unknown as OtherSpan).told).toEqual(['a', 'e', 'exception', 'end'])
    })
  })

  test('a run of withRun completes', async () => {
    await withRun({ agentName: 'planner' }, async () => recordCustom('checked'))
    expect(log.types).toEqual(['run_started', 'custom', 'run_completed'])
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
  })
})

test('a run of withRun completes with a tracer of another kind that is not global', () => {
  const tracer = new OtherTracer(true) as unknown as Tracer
  withRun({ agentName: 'planner', tracer }, () => recordCustom('checked'))
  expect(log.types).toEqual(['run_started', 'custom', 'run_completed'])
  expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
})

describe('an SDK without the processor', () => {
  test('is observed from outside, each span once', () => {
    trace.setGlobalTracerProvider(new TracerProvider({}))
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
  })

  test('has what it drops on record as well', () => {
    trace.setGlobalTracerProvider(new TracerProvider({ sampler: new AlwaysOffSampler() }))
    runAgent(trace.getTracer('test'))
    expect(log.types).toEqual(TRAIL)
  })

  test('a run of withRun completes', () => {
    trace.setGlobalTracerProvider(new TracerProvider({}))
    withRun({ agentName: 'planner' }, (run) => {
      recordTokenUsageUpdated({ inputTokens: 1, outputTokens: 2 }, { runId: run.runId })
      run.complete({ finishReason: 'stop' })
    })
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
  })

  test('a run of withRun completes with a tracer that is not global', () => {
    const tracer = new TracerProvider({}).getTracer('apart')
    withRun({ agentName: 'planner', tracer }, () => recordCustom('checked'))
    expect(log.types).toEqual(['run_started', 'custom', 'run_completed'])
  })
})

test('two processors, one of them registered, see each span once each', async () => {
  const other = new CollectingLog()
  const apart = new AuditSpanProcessor({ log: other })
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [audit] }))
  runAgent(trace.getTracer('test'))
  expect(log.types).toEqual(TRAIL)
  expect(other.types).toEqual(TRAIL)
  await apart.shutdown()
})

test('a provider and tracers that cannot be changed are seen by way of the API', () => {
  const tracer = Object.freeze(new OtherTracer(false)) as unknown as Tracer
  trace.setGlobalTracerProvider(Object.freeze({ getTracer: () => tracer }))
  runAgent(trace.getTracer('test'))
  expect(log.types).toEqual(TRAIL)
})
