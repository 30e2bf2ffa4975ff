import { type DiagLogFunction, diag, trace } from '@opentelemetry/api'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startAuditedSdk, startRecordingSdk } from '../../../test/support/audited-sdk.js'
import { DIAGNOSIS_AFTER_MILLIS } from '../health/reasons.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

function heard(): string[] {
  const told: string[] = []
  const quiet: DiagLogFunction = () => {}
  const warn: DiagLogFunction = (message) => told.push(message)
  diag.setLogger({ error: quiet, warn, info: quiet, debug: quiet, verbose: quiet }, { suppressOverrideMessage: true })
  onTestFinished(() => diag.disable())
  return told
}

const explaining = { onExplain: () => {} }
const AGENT = { 'gen_ai.operation.name': 'invoke_agent' }

test('tells at the first span, once, that no log is attached', async () => {
  const told = heard()
  const { tracer, audit } = startAuditedSdk(explaining)
  tracer.startSpan('one').end()
  tracer.startSpan('two').end()
  await audit.forceFlush()
  expect(told).toEqual([expect.stringContaining('no log is attached')])
})

test('tells after half a minute that no span has been seen', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const told = heard()
  startRecordingSdk(explaining)
  vi.advanceTimersByTime(DIAGNOSIS_AFTER_MILLIS)
  expect(told).toEqual([expect.stringContaining('no span has been seen')])
})

test('tells that of the spans seen none was an agent, and how the AI SDK is made to tell', async () => {
  const told = heard()
  const { audit } = startRecordingSdk(explaining)
  trace.getTracer('@opentelemetry/instrumentation-http').startSpan('GET /').end()
  await audit.forceFlush()
  expect(told).toEqual([
    expect.stringMatching(/scopes '@opentelemetry\/instrumentation-http'.*experimental_telemetry/s),
  ])
})

test('tells what the SDK took from a span', () => {
  const told = heard()
  const { tracer } = startRecordingSdk(explaining, {
    spanLimits: { attributeCountLimit: 2, attributeValueLengthLimit: 64 },
  })
  const attributes = { ...AGENT, 'gen_ai.output.messages': JSON.stringify(['x'.repeat(100)]), c: 1, d: 2 }
  tracer.startSpan('invoke_agent x', { attributes }).end()
  expect(told).toEqual([
    expect.stringContaining("dropped 2 attributes, all that were set after 'gen_ai.output.messages'"),
    expect.stringContaining('cut, or too long to be read to the end: gen_ai.output.messages'),
  ])
})

test('has nothing to tell where agents are seen whole, and nothing while spans are not explained', async () => {
  const told = heard()
  for (const options of [explaining, {}]) {
    const { tracer, audit } = startRecordingSdk(options)
    tracer.startSpan('invoke_agent x', { attributes: AGENT }).end()
    await audit.forceFlush()
  }
  startAuditedSdk().tracer.startSpan('unheard').end()
  expect(told).toEqual([])
})
