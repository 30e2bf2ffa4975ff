import { diag } from '@opentelemetry/api'
import { expect, onTestFinished, test, vi } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { SpanExplanation } from './explain.js'

function explainingSdk() {
  const explanations: SpanExplanation[] = []
  return { ...startRecordingSdk({ onExplain: (explanation) => explanations.push(explanation) }), explanations }
}

test('a claimed span tells who claimed it, when and on what grounds', () => {
  const { tracer, explanations } = explainingSdk()
  const span = tracer.startSpan('chat m', { attributes: { 'gen_ai.operation.name': 'chat' } })
  span.end()
  expect(explanations).toMatchObject([
    {
      name: 'chat m',
      scope: 'test',
      spanId: span.spanContext().spanId,
      moment: 'start',
      convention: 'gen-ai',
      kind: 'model',
    },
  ])
  expect(explanations[0]?.reason).toBe(
    "'gen-ai' recognised a model at its start, by the attribute 'gen_ai.operation.name'",
  )
})

test('a run that its name alone tells is called a guess', async () => {
  const { tracer, explanations } = explainingSdk()
  const span = tracer.startSpan('invoke_agent planner')
  await nextTurn()
  span.end()
  expect(explanations[0]?.reason).toBe("'gen-ai' recognised a run right after its start, by its name, a guess")
})

test('a span that nobody asked about names what would have told', () => {
  const { tracer, explanations } = explainingSdk()
  tracer.startSpan('GET /', { attributes: { 'http.request.method': 'GET' } }).end()
  expect(explanations).toHaveLength(1)
  expect(explanations[0]).toMatchObject({ moment: 'end', candidates: [] })
  expect(explanations[0]?.reason).toContain("the scope 'test', the name 'GET /', or the attributes http.request.method")
})

test('a span that is none of those asked tells who was asked', () => {
  const { tracer, explanations } = explainingSdk()
  tracer.startSpan('x', { attributes: { 'openinference.span.kind': 'NOTHING' } }).end()
  expect(explanations[0]?.convention).toBeUndefined()
  expect(explanations[0]?.reason).toContain("'openinference' (by the attribute 'openinference.span.kind')")
})

test('SPANLEDGER_EXPLAIN=true explains through diag', () => {
  vi.stubEnv('SPANLEDGER_EXPLAIN', 'true')
  const told: unknown[] = []
  const silent = () => {}
  diag.setLogger({ info: (message) => told.push(message), error: silent, warn: silent, debug: silent, verbose: silent })
  onTestFinished(() => {
    vi.unstubAllEnvs()
    diag.disable()
  })
  startRecordingSdk().tracer.startSpan('GET /').end()
  expect(told).toContainEqual(expect.stringContaining("span 'GET /'"))
})

test('a listener that throws costs nothing', () => {
  const { tracer, log } = startRecordingSdk({
    onExplain: () => {
      throw new Error('bug')
    },
  })
  tracer.startSpan('a', { attributes: { 'gen_ai.operation.name': 'invoke_agent' } }).end()
  expect(log.types).toEqual(['run_started', 'run_completed'])
})
