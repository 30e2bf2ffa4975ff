import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function spans(scope: string) {
  return (name: string, parent?: Span, attributes: Attributes = {}): Span => {
    const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    return trace.getTracer(scope).startSpan(name, { attributes }, around)
  }
}

function throwsIn(span: Span, message: string): void {
  span.recordException(new RangeError(message))
  span.end()
}

describe('MLflow', () => {
  const start = spans('mlflow')
  const typed = (type: string, more: Attributes = {}) => ({ 'mlflow.spanType': JSON.stringify(type), ...more })

  test('tells agents, tools, calls and retrievers, whose values are JSON text', () => {
    const { log } = startRecordingSdk()
    const session = { 'mlflow.trace.session': '"s-1"' }
    const agent = start('support', undefined, typed('AGENT', session))
    const usage = { 'mlflow.chat.tokenUsage': '{"input_tokens": 20, "output_tokens": 7, "total_tokens": 27}' }
    start('Completions', agent, typed('CHAT_MODEL', { ...usage, 'mlflow.llm.model': '"gpt-4o"' })).end()
    start('weather', agent, typed('TOOL')).end()
    start(
      'docs',
      agent,
      typed('RETRIEVER', { 'mlflow.spanOutputs': '[{"page_content":"a"},{"page_content":"b"}]' }),
    ).end()
    agent.end()
    expect(log.of('run_started')[0]).toMatchObject({ sessionId: 's-1', data: { agent: { name: 'support' } } })
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['weather'])
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({ inputTokens: 20, outputTokens: 7, model: 'gpt-4o' })
    expect(log.of('memory_recall')[0]?.data).toMatchObject({ tier: 'retriever', hits: 2 })
  })

  test('tells the outermost chain as a run, and types without quotation marks as well', async () => {
    const { log } = startRecordingSdk()
    const chain = start('pipeline', undefined, { 'mlflow.spanType': 'CHAIN' })
    await nextTurn()
    start('parse', chain, { 'mlflow.spanType': 'PARSER' }).end()
    start('weather', chain, { 'mlflow.spanType': 'TOOL' }).end()
    chain.end()
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed'])
  })
})

test('AgentOps: an agent and a tool have the name of the operation, and a session is no run', () => {
  const { log } = startRecordingSdk()
  const start = spans('agentops')
  const session = start('default.session', undefined, { 'agentops.span.kind': 'session' })
  const agent = start('plan.agent', session, { 'agentops.span.kind': 'agent', 'operation.name': 'plan' })
  const tool = { 'agentops.span.kind': 'tool', 'agentops.operation.name': 'search' }
  start('search.tool', agent, tool).end()
  start('openai.chat', agent, { 'agentops.span.kind': 'llm', 'gen_ai.usage.prompt_tokens': 3 }).end()
  agent.end()
  session.end()
  expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['plan'])
  expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['search'])
  expect(log.of('token_usage_updated')[0]?.data.inputTokens).toBe(3)
})

test('Spring AI: a chat client is a run with tools and a retrieval, in its conversation', () => {
  const { log } = startRecordingSdk()
  const start = spans('org.springframework.boot')
  const of = (kind: string, more: Attributes = {}) => ({
    'gen_ai.operation.name': 'framework',
    'spring.ai.kind': kind,
    ...more,
  })
  const conversation = { 'spring.ai.chat.client.conversation.id': 'c-1' }
  const client = start('spring_ai chat_client', undefined, of('chat_client', conversation))
  const advisor = start('call', client, of('advisor'))
  start('pg_vector query', advisor, { 'spring.ai.kind': 'vector_store', 'db.vector.query.top_k': 4 }).end()
  start('pg_vector add', advisor, { 'spring.ai.kind': 'vector_store', 'db.operation.name': 'add' }).end()
  const tool = start('tool_call weather', advisor, of('tool_call', { 'spring.ai.tool.definition.name': 'weather' }))
  tool.setStatus({ code: SpanStatusCode.ERROR, message: 'down' })
  tool.end()
  advisor.end()
  client.end()
  expect(log.of('run_started')[0]).toMatchObject({ sessionId: 'c-1', data: { agent: {} } })
  expect(log.of('memory_recall')).toHaveLength(1)
  expect(log.of('tool_call_failed').map(({ data }) => data.tool.name)).toEqual(['weather'])
})

test('LangChain4j in Quarkus: what a method of an AI service or a tool throws is a failure without a status', () => {
  const { log } = startRecordingSdk()
  const start = spans('io.quarkus.opentelemetry')
  const service = start('langchain4j.aiservices.Assistant.chat')
  throwsIn(start('langchain4j.tools.weather', service), 'down')
  throwsIn(service, 'down')
  expect(log.of('tool_call_failed').map(({ data }) => data.tool.name)).toEqual(['weather'])
  expect(log.of('run_failed').map(({ agent }) => agent?.name)).toEqual(['Assistant.chat'])
})

test('Haystack: a pipeline is a run, an agent in it another, and a component none', async () => {
  const { log } = startRecordingSdk()
  const start = spans('haystack')
  const pipeline = start('haystack.pipeline.run')
  await nextTurn()
  const component = start('haystack.component.run', pipeline, { 'haystack.component.name': 'agent' })
  const agent = start('haystack.agent.run', component)
  start('haystack.agent.step.tool', agent, { 'haystack.tool.name': 'weather' }).end()
  for (const span of [agent, component, pipeline]) span.end()
  expect(log.of('run_started')).toHaveLength(2)
  expect(log.of('sub_agent_invoked')).toHaveLength(1)
  expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['weather'])
})

test('Azure AI Agents: a run on a thread that requires an action is suspended', () => {
  const { log } = startRecordingSdk()
  const start = spans('azure')
  const attributes = {
    'gen_ai.operation.name': 'process_thread_run',
    'gen_ai.thread.id': 't-1',
    'gen_ai.agent.id': 'a-1',
  }
  const run = start('process_thread_run', undefined, attributes)
  run.setAttributes({ 'gen_ai.thread.run.status': 'requires_action', 'gen_ai.usage.input_tokens': 20 }).end()
  expect(log.of('run_suspended')[0]).toMatchObject({ sessionId: 't-1', agent: { id: 'a-1' } })
  expect(log.of('token_usage_updated')[0]?.data.inputTokens).toBe(20)
})
