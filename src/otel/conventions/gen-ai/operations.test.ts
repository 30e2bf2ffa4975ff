import { ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

test('a call that is named after the method of a client, and fails, is a call of a model', () => {
  const { log, tracer } = startRecordingSdk()
  const attributes = { 'gen_ai.operation.name': 'acompletion', 'gen_ai.request.model': 'm-1' }
  const span = tracer.startSpan('litellm_request', { attributes })
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'insufficient_quota' }).end()
  expect(log.of('error_occurred').map(({ data }) => data.operation)).toEqual(['chat'])
  expect(log.of('usage_limit_exceeded').map(({ data }) => data.axis)).toEqual(['quota'])
})

test('a span that says what it is by `gen_ai.span.kind` alone is told by it, under its own name', () => {
  const { log, tracer } = startRecordingSdk()
  const agent = tracer.startSpan('support', { attributes: { 'gen_ai.span.kind': 'AGENT' } })
  const within = trace.setSpan(ROOT_CONTEXT, agent)
  tracer.startSpan('weather', { attributes: { 'gen_ai.span.kind': 'TOOL' } }, within).end()
  tracer.startSpan('docs', { attributes: { 'gen_ai.span.kind': 'RETRIEVER' } }, within).end()
  tracer.startSpan('glue', { attributes: { 'gen_ai.span.kind': 'TASK' } }, within).end()
  agent.end()
  expect(log.of('run_completed').map(({ agent }) => agent?.name)).toEqual(['support'])
  expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['weather'])
  expect(log.of('memory_recall')).toHaveLength(1)
})
