import { type Attributes, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { end, fail, OPENAI, start } from '../../../../test/support/traceloop-spans.js'
import { withRun } from '../../../record/run.js'

const SDK = '@traceloop/node-server-sdk'

const MCP = '@traceloop/instrumentation-mcp'

describe("Traceloop's SDK", () => {
  const entity = (kind: string, name: string, attributes: Attributes = {}, parent?: Span) =>
    start(SDK, `${name}.${kind}`, { 'traceloop.span.kind': kind, 'traceloop.entity.name': name, ...attributes }, parent)

  test('tells workflows and agents as runs, an agent inside another with its parent', () => {
    const { log } = startRecordingSdk()
    const workflow = entity('workflow', 'support')
    const agent = entity('agent', 'triage', { 'gen_ai.agent.name': 'triage' }, workflow)
    const task = entity('task', 'rank', { 'gen_ai.agent.name': 'triage' }, agent)
    const tool = entity('tool', 'search', { 'gen_ai.agent.name': 'triage' }, task)
    for (const span of [tool, task, agent, workflow]) end(span)
    const [outer, inner] = log.of('run_started')
    expect(outer?.data).toMatchObject({ agent: { name: 'support' }, trigger: 'workflow' })
    expect(inner).toMatchObject({ parentRunId: outer?.runId, data: { agent: { name: 'triage' } } })
    expect(log.of('tool_call_completed')[0]).toMatchObject({ runId: inner?.runId, data: { tool: { name: 'search' } } })
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('tells by association properties whose a run is, from its start', async () => {
    const { log } = startRecordingSdk()
    const properties = {
      'traceloop.association.properties.session_id': 's-1',
      'traceloop.association.properties.user_id': 'u-1',
      'traceloop.association.properties.tenant_id': 't-1',
    }
    const run = entity('workflow', 'support', properties)
    await nextTurn()
    expect(log.of('run_started')[0]).toMatchObject({ sessionId: 's-1', tenantId: 't-1', actor: { id: 'u-1' } })
    end(run)
  })

  test('leaves the span open of what threw: the run is interrupted, or failed as its last child', async () => {
    const { log, audit } = startRecordingSdk()
    entity('agent', 'silent')
    const failing = entity('agent', 'failing')
    fail(start(OPENAI, 'chat m', { 'gen_ai.operation.name': 'chat' }, failing), 'TimeoutError', 'too late')
    await audit.shutdown()
    expect(log.of('run_interrupted').map(({ agent }) => agent?.name)).toEqual(['silent'])
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TimeoutError')
  })

  test('tells calls of models by their request type, with the older names of token counts', () => {
    const { log } = startRecordingSdk()
    end(start(SDK, 'acme.chat', { 'llm.request.type': 'chat', 'gen_ai.request.model': 'm-1' }), {
      'gen_ai.usage.prompt_tokens': 3,
      'gen_ai.usage.completion_tokens': 2,
      'llm.usage.total_tokens': 5,
    })
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({ inputTokens: 3, outputTokens: 2, model: 'm-1' })
  })

  test('tells of guards that found something, not of those that broke', () => {
    const { log } = startRecordingSdk()
    const guard = (status: string, more: Attributes = {}) =>
      start(SDK, 'toxicity.guard', {
        'gen_ai.operation.name': 'guard',
        'gen_ai.guardrail.name': 'toxicity',
        'gen_ai.guardrail.status': status,
        ...more,
      }).end()
    guard('PASSED')
    guard('FAILED')
    guard('FAILED', { 'gen_ai.guardrail.error.type': 'Error' })
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'toxicity', action: 'reported' }])
  })

  test('claims no span for the workflow name that its processor adds to all', () => {
    const { log } = startRecordingSdk()
    start('http', 'GET', { 'traceloop.workflow.name': 'support', 'traceloop.entity.path': 'rank' }).end()
    expect(log.types).toEqual([])
  })
})

describe('clients through Traceloop', () => {
  test('fail by an exception alone where they set no status', () => {
    const { log } = startRecordingSdk()
    const image = start(OPENAI, 'image_generation dall-e-3', { 'gen_ai.operation.name': 'image_generation' })
    image.recordException(new RangeError('no such size'))
    image.end()
    expect(log.of('error_occurred')[0]?.data).toMatchObject({
      operation: 'image_generation',
      error: { code: 'RangeError' },
    })
  })

  test('tell what a vector store found', () => {
    const { log } = startRecordingSdk()
    end(start('@traceloop/instrumentation-pinecone', 'pinecone.query', {}), {
      'db.vector.query.result.matches_length': 4,
    })
    end(start('@traceloop/instrumentation-pinecone', 'pinecone.upsert', {}))
    const byHand = start(SDK, 'elastic.query', {})
    byHand.addEvent('db.query.embeddings').addEvent('db.query.result').addEvent('db.query.result')
    end(byHand)
    expect(log.of('memory_recall').map(({ data }) => data.hits)).toEqual([4, 2])
  })
})

describe('MCP through Traceloop', () => {
  const session = () => start(MCP, 'mcp.client.session', { 'traceloop.span.kind': 'session' })
  const call = (name: string, parent: Span) => start(MCP, `${name}.tool`, { 'traceloop.span.kind': 'tool' }, parent)

  test('tells the tools that are called, at once, and no run', () => {
    const { log } = startRecordingSdk()
    const connection = session()
    end(start(MCP, 'tools/list.mcp', {}, connection))
    const span = call('weather', connection)
    expect(log.of('tool_call_started')[0]?.data.tool).toEqual({ name: 'weather' })
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'no such city' })
    span.end()
    end(connection)
    expect(log.of('tool_call_failed')[0]?.data.error?.message).toBe('no such city')
    expect(log.of('run_started')).toEqual([])
  })

  test('puts a call into the run that makes it, not into the one that opened the session', async () => {
    const { log } = startRecordingSdk()
    const connection = await withRun({ agentName: 'opener' }, async () => session())
    await withRun({ agentName: 'user' }, async () => end(call('weather', connection)))
    const [, user] = log.of('run_started')
    expect(log.of('tool_call_completed')[0]).toMatchObject({ runId: user?.runId, agent: { name: 'user' } })
    end(connection)
  })

  test('is no second tool call inside the one of the framework', () => {
    const { log } = startRecordingSdk()
    const connection = session()
    const outer = start('test', 'execute_tool weather', {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'weather',
    })
    context.with(trace.setSpan(ROOT_CONTEXT, outer), () => end(call('weather', connection)))
    end(outer)
    end(connection)
    expect(log.of('tool_call_completed')).toHaveLength(1)
  })

  test('tells of requests that failed', () => {
    const { log } = startRecordingSdk()
    const connection = session()
    fail(start(MCP, 'resources/read.mcp', {}, connection), 'McpError', 'not found')
    end(connection)
    expect(log.of('error_occurred')[0]?.data).toEqual({
      operation: 'resources/read',
      error: { code: 'McpError', message: 'not found' },
    })
  })
})
