import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** An observation: its type is set right after its start. */
async function start(type: string, name: string, parent?: Span, attributes: Attributes = {}): Promise<Span> {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const span = trace.getTracer('langfuse-sdk').startSpan(name, {}, around)
  span.setAttributes({ 'langfuse.observation.type': type, ...prefixed(attributes) })
  await nextTurn()
  return span
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(prefixed(attributes)).end()
}

function prefixed(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`langfuse.observation.${key}`, value]))
}

describe('Langfuse observations', () => {
  test('tell agents, tools, generations and retrievers; nothing else', async () => {
    const { log } = startRecordingSdk()
    const agent = await start('agent', 'helper')
    for (const type of ['span', 'chain', 'evaluator', 'guardrail', 'event']) end(await start(type, 'x', agent))
    end(await start('tool', 'weather', agent))
    end(await start('retriever', 'docs', agent), { output: '[{"text":"a"},{"text":"b"}]' })
    end(await start('retriever', 'more', agent), { output: '{"documents":[]}' })
    end(await start('agent', 'writer', agent))
    end(agent)
    expect(log.types).toEqual([
      'run_started',
      'tool_call_started',
      'tool_call_completed',
      'memory_recall',
      'memory_recall',
      'sub_agent_invoked',
      'run_started',
      'run_completed',
      'run_completed',
    ])
    expect(log.of('memory_recall').map(({ data }) => data.hits)).toEqual([2, 0])
  })

  test('may learn their session and user after the start: what follows has them', async () => {
    const { log } = startRecordingSdk()
    const agent = await start('agent', 'helper')
    agent.setAttributes({ 'session.id': 's-1', 'user.id': 'u-1' })
    end(await start('tool', 'weather', agent))
    end(agent)
    const [, ...later] = log.events.filter(({ type }) => !type.startsWith('audit_'))
    for (const event of later) expect(event).toMatchObject({ sessionId: 's-1', actor: { id: 'u-1' } })
  })

  test('tell their tenant in the metadata of the trace', async () => {
    const { log } = startRecordingSdk()
    const span = trace.getTracer('langfuse-sdk').startSpan('helper')
    span.setAttributes({ 'langfuse.observation.type': 'agent', 'langfuse.trace.metadata.tenantId': 'acme' })
    await nextTurn()
    expect(log.of('run_started')[0]?.tenantId).toBe('acme')
  })

  test.each([
    ['a status', (span: Span) => span.setStatus({ code: SpanStatusCode.ERROR, message: 'no' }), 'Error'],
    ['a level', (span: Span) => span.setAttributes(prefixed({ level: 'ERROR', status_message: 'no' })), 'Error'],
    [
      'a level with the class in its text',
      (span: Span) => span.setAttributes(prefixed({ level: 'ERROR', status_message: 'RangeError: no' })),
      'RangeError',
    ],
    [
      'a level with the class in the output',
      (span: Span) =>
        span.setAttributes(prefixed({ level: 'ERROR', status_message: 'no', output: '{"error":"TypeError: no"}' })),
      'TypeError',
    ],
  ])('fail by %s', async (_, mark, code) => {
    const { log } = startRecordingSdk()
    const agent = await start('agent', 'helper')
    const tool = await start('tool', 'weather', agent)
    mark(tool)
    end(tool)
    mark(agent)
    end(agent)
    expect(log.of('tool_call_failed')[0]?.data.error?.code).toBe(code)
    expect(log.of('run_failed')[0]?.data.error.code).toBe(code)
  })

  test('do not fail by a warning', async () => {
    const { log } = startRecordingSdk()
    end(await start('agent', 'helper'), { level: 'WARNING', status_message: 'slow' })
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test.each([
    ['plain', { input: 20, output: 7, total: 27 }, { inputTokens: 20, outputTokens: 7 }],
    ['without a total', { input: 20, output: 7 }, { inputTokens: 20, outputTokens: 7, totalTokens: 27 }],
    [
      'with special kinds taken out',
      { input: 29, output: 6, input_cached_tokens: 4, output_reasoning_tokens: 3, total: 42 },
      { inputTokens: 33, outputTokens: 9, cachedInputTokens: 4, reasoningTokens: 3 },
    ],
    [
      'with special kinds taken out, without a total',
      { input: 29, output: 6, input_cached_tokens: 4, output_reasoning_tokens: 3 },
      { inputTokens: 33, outputTokens: 9, cachedInputTokens: 4, reasoningTokens: 3 },
    ],
    [
      'with all of the cache taken out',
      { input: 3, output: 9, cache_read_input_tokens: 20, cache_creation_input_tokens: 10, total: 42 },
      { inputTokens: 33, outputTokens: 9, cachedInputTokens: 20, cacheCreationInputTokens: 10 },
    ],
    [
      'with special kinds left in',
      { input: 33, output: 9, cache_read_input_tokens: 4, total: 42 },
      { inputTokens: 33, outputTokens: 9, cachedInputTokens: 4 },
    ],
    [
      'in OpenAI’s words',
      { prompt_tokens: 33, completion_tokens: 9, total_tokens: 42, prompt_tokens_details: { cached_tokens: 4 } },
      { inputTokens: 33, outputTokens: 9, cachedInputTokens: 4 },
    ],
  ])('tell usage %s', async (_, details, expected) => {
    const { log } = startRecordingSdk()
    const generation = await start('generation', 'chat', undefined, { 'model.name': 'm-1' })
    end(generation, { usage_details: JSON.stringify(details), cost_details: '{"input":0.25,"output":0.5}' })
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({ ...expected, model: 'm-1', costUsd: 0.75 })
  })

  test('tell no usage where there is none', async () => {
    const { log } = startRecordingSdk()
    end(await start('generation', 'chat'), { usage_details: 'many', cost_details: '{}' })
    expect(log.types).toEqual([])
  })

  test('tell LangChain’s agents among its chains', async () => {
    const { log } = startRecordingSdk()
    const metadata = { 'metadata.lc_agent_name': 'helper', 'metadata.ls_integration': 'langchain_create_agent' }
    const agent = await start('span', 'helper', undefined, metadata)
    const node = await start('span', 'tools', agent, metadata)
    end(await start('span', 'writer', node, { ...metadata, 'metadata.lc_agent_name': 'writer' }))
    end(node, { level: 'ERROR', status_message: 'GraphInterrupt: []' })
    end(agent, { level: 'ERROR', status_message: 'GraphRecursionError: Recursion limit of 4 reached' })
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['helper', 'writer'])
    expect(log.of('usage_limit_exceeded')[0]?.data).toMatchObject({ axis: 'turns', limit: 4 })
  })
})

test('what follows from the mere message of an error is a guess', async () => {
  const { log } = startRecordingSdk()
  for (const status_message of ['PIIDetectionError: detected: email', 'GraphInterrupt: []', 'RangeError: too far']) {
    end(await start('agent', 'helper'), { level: 'ERROR', status_message })
  }
  const marks = log.events.map(({ type, source }) => `${type} ${source?.confidence ?? 'evidence'}`)
  expect(marks).toContain('policy_violation heuristic')
  expect(marks).toContain('run_suspended heuristic')
  expect(marks.filter((mark) => mark.startsWith('run_failed'))).toEqual(['run_failed evidence', 'run_failed evidence'])
})
