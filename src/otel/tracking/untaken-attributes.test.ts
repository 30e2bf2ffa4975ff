import { type Attributes, ROOT_CONTEXT, type Span, type Tracer, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'

function start(tracer: Tracer, name: string, attributes: Attributes, parent?: Span): Span {
  return tracer.startSpan(name, { attributes }, parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT)
}

const LLM = { 'openinference.span.kind': 'LLM' }
const USAGE = { 'llm.token_count.prompt': 900, 'llm.token_count.completion': 30 }

function history(messages: number): Attributes {
  return Object.fromEntries(
    Array.from({ length: messages }, (_, i) => [`llm.input_messages.${i}.message.content`, 'x'.repeat(i % 500)]),
  )
}

test.each([70, 300, 2000])('tokens count that are set after a history of %i messages, and are dropped', (messages) => {
  const { log, tracer } = startRecordingSdk()
  const run = start(tracer, 'support', { 'openinference.span.kind': 'AGENT' })
  start(tracer, 'ChatOpenAI', LLM, run)
    .setAttributes({ ...history(messages), ...USAGE })
    .end()
  run.end()
  expect(log.of('token_usage_updated')[0]).toMatchObject({ data: { totalTokens: 930 }, altered: undefined })
  expect(log.of('run_completed')[0]?.altered).toBeUndefined()
})

test('a text that tells how a run ended counts whole, though the SDK cuts it', () => {
  const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeValueLengthLimit: 64 } })
  const run = start(tracer, "agent run: 'x'", { 'mastra.span.type': 'agent_run' })
  const output = { text: 'x'.repeat(300), status: 'suspended', reason: 'tool-call-approval', toolName: 'pay' }
  run.setAttribute('mastra.agent_run.output', JSON.stringify(output)).end()
  expect(log.of('run_suspended')[0]).toMatchObject({ data: { waitingFor: 'pay' }, altered: undefined })
})

test('the span keeps what it has, and takes what it took before', () => {
  const { tracer } = startRecordingSdk({}, { spanLimits: { attributeCountLimit: 2 } })
  const span = start(tracer, 'ChatOpenAI', LLM)
  expect(span.setAttribute('a', 1).setAttributes({ b: 2 })).toBe(span)
  expect(span).toMatchObject({ attributes: { ...LLM, a: 1 }, droppedAttributesCount: 1 })
})

test('a method that another library has put in the place of the class is called', () => {
  const set: string[] = []
  const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeCountLimit: 1 } })
  const span = start(tracer, 'ChatOpenAI', LLM)
  const ours = span.setAttribute
  span.setAttribute = function (this: Span, key, value) {
    set.push(key)
    return ours.call(this, key, value)
  }
  span.setAttributes(USAGE).end()
  expect(set).toEqual(Object.keys(USAGE))
  expect(log.of('token_usage_updated')[0]?.data.totalTokens).toBe(930)
})
