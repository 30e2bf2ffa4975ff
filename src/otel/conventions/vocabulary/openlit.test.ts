import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function spans(scope: string) {
  return (name: string, parent?: Span, attributes: Attributes = {}): Span => {
    const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    return trace.getTracer(scope).startSpan(name, { attributes }, around)
  }
}

test('OpenLIT for @openai/agents: a workflow whose span never ends has failed as its agent did', async () => {
  const { log, audit } = startRecordingSdk()
  const start = spans('@openlit/instrumentation-openai-agents')
  const workflow = start('invoke_workflow Agent workflow')
  const agent = start('invoke_agent Looper', workflow, { 'gen_ai.agent.name': 'Looper' })
  agent.setStatus({ code: SpanStatusCode.ERROR, message: 'Max turns exceeded' }).end()
  await audit.shutdown()
  expect(log.of('run_failed')).toHaveLength(2)
  expect(log.of('usage_limit_exceeded').map(({ data }) => data.axis)).toContain('turns')
})

test('OpenLIT for vector stores: a query is a recall, and an insertion none', () => {
  const { log } = startRecordingSdk()
  const start = spans('@openlit/instrumentation-chroma')
  start('QUERY docs')
    .setAttributes({ 'db.vector.query.top_k': 5, 'db.n_results': 2, 'db.collection.name': 'docs' })
    .end()
  start('INSERT docs').setAttributes({ 'db.vector.count': 3 }).end()
  expect(log.of('memory_recall').map(({ data }) => data)).toEqual([
    { tier: 'retriever', namespaceKey: 'docs', hits: 2 },
  ])
})

test('a retriever that asks another is one recall, and the number of documents counts before a cut list', () => {
  const { log } = startRecordingSdk()
  const start = spans('@openlit/instrumentation-llamaindex')
  const retrieval = { 'gen_ai.operation.name': 'retrieval' }
  const outer = start('retrieval engine', undefined, retrieval)
  start('retrieval vectors', outer, retrieval).end()
  outer.setAttributes({ 'gen_ai.retrieval.document_count': 9, 'gen_ai.retrieval.documents': '[{},{},{}]' }).end()
  expect(log.of('memory_recall').map(({ data }) => data.hits)).toEqual([9])
})
