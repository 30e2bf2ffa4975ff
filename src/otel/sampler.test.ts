import { ROOT_CONTEXT } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { setAuditingEnabled } from '../record/context.js'
import { AuditSpanProcessor } from './processor.js'
import { auditSampler } from './sampler.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

function start(sampler = auditSampler(new AlwaysOffSampler())) {
  const log = new CollectingLog()
  const exporter = new InMemorySpanExporter()
  const spanProcessors = [new AuditSpanProcessor({ log }), new SimpleSpanProcessor({ exporter })]
  const tracer = new TracerProvider({ sampler, spanProcessors }).getTracer('test')
  return { log, exporter, tracer }
}

describe('what the wrapped sampler drops', () => {
  test('is recorded and not exported', () => {
    const { log, exporter, tracer } = start()
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
    expect(exporter.getFinishedSpans()).toEqual([])
  })

  test('is recorded also when the attributes that tell come later', () => {
    const { log, tracer } = start()
    const span = tracer.startSpan('agent')
    span.setAttributes(AGENT)
    span.end()
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('stays dropped when it says that it is a transport', () => {
    const { tracer } = start()
    expect(tracer.startSpan('GET', { attributes: { 'http.request.method': 'GET' } }).isRecording()).toBe(false)
    expect(tracer.startSpan('SELECT', { attributes: { 'db.system.name': 'postgresql' } }).isRecording()).toBe(false)
  })

  test('stays dropped where auditing is off', () => {
    const { tracer } = start()
    expect(tracer.startSpan('agent', {}, setAuditingEnabled(ROOT_CONTEXT, false)).isRecording()).toBe(false)
  })
})

test('what the wrapped sampler keeps is exported as before', () => {
  const { exporter, tracer } = start(auditSampler(new AlwaysOnSampler()))
  tracer.startSpan('GET', { attributes: { 'http.request.method': 'GET' } }).end()
  expect(exporter.getFinishedSpans()).toHaveLength(1)
})

test('a hundredth of the traces leaves all of the trail', () => {
  const { log, exporter, tracer } = start(
    auditSampler(new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.01) })),
  )
  for (let n = 0; n < 500; n++) tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
  expect(log.of('run_completed')).toHaveLength(500)
  expect(exporter.getFinishedSpans().length).toBeLessThan(50)
})

test('it needs a sampler to wrap', () => {
  expect(() => auditSampler(undefined as never)).toThrow(TypeError)
})

test('it says what it wraps', () => {
  expect(auditSampler(new AlwaysOffSampler()).toString()).toBe('AuditSampler{AlwaysOffSampler}')
})
