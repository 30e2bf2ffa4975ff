import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** A span as `traceable` starts it: what it is, nobody knows yet. */
function start(name: string, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('langsmith').startSpan(name, { attributes: { 'langsmith.traceable': 'true' } }, around)
}

/** The first half of a batch: the status is set already, for good. */
function post(span: Span, kind: string, attributes: Attributes = {}): Span {
  span.setAttributes({ 'langsmith.span.kind': kind, 'gen_ai.operation.name': kind, ...attributes })
  return span.setStatus({ code: SpanStatusCode.OK })
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

function fail(span: Span, error: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR })
  span.recordException(new Error(error))
  span.end()
}

describe('LangSmith', () => {
  test('tells the outermost chain as the run, whose events have its session', () => {
    const { log } = startRecordingSdk()
    const agent = start('helper')
    const step = start('plan', agent)
    const model = start('ChatOpenAI', step)
    const tool = start('weather', agent)
    post(agent, 'chain', { 'langsmith.metadata.thread_id': 't-1', 'langsmith.metadata.user_id': 'u-1' })
    post(step, 'chain')
    post(model, 'llm', { 'gen_ai.request.model': 'm-1', 'gen_ai.system': 'openai' })
    post(tool, 'tool', { 'gen_ai.tool.call.id': 'c-1' })
    const usage = { 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 }
    end(model, {
      ...usage,
      'langsmith.usage_metadata': '{"input_token_details":{"cache_read":4},"output_token_details":{"reasoning":3}}',
    })
    end(step, usage)
    end(tool)
    end(agent, usage)
    expect(log.types).toEqual([
      'run_started',
      'token_usage_updated',
      'tool_call_started',
      'tool_call_completed',
      'run_completed',
    ])
    for (const event of log.events.slice(1)) {
      expect(event).toMatchObject({ sessionId: 't-1', actor: { id: 'u-1' }, agent: { name: 'helper' } })
    }
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({
      inputTokens: 20,
      cachedInputTokens: 4,
      reasoningTokens: 3,
    })
    expect(log.of('tool_call_completed')[0]?.data).toMatchObject({ callId: 'c-1', tool: { name: 'weather' } })
  })

  test('tells no run of a chain inside another, though what is outside is told last', () => {
    const { log } = startRecordingSdk()
    const agent = start('helper')
    const step = start('plan', agent)
    end(post(step, 'chain'))
    end(post(agent, 'chain'))
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['helper'])
  })

  test('tells an outermost chain below a span of no agent kind', () => {
    const { log } = startRecordingSdk()
    const request = trace.getTracer('http').startSpan('POST /chat')
    end(post(start('helper', request), 'chain'))
    expect(log.of('run_started')).toHaveLength(1)
  })

  test.each(['llm', 'tool', 'retriever', 'prompt', 'parser', 'embedding'])('tells no run of a bare %s', (kind) => {
    const { log } = startRecordingSdk()
    end(post(start('x'), kind))
    expect(log.of('run_started')).toEqual([])
  })

  test('tells a failure by its exception, which stands beside the status OK', () => {
    const { log } = startRecordingSdk()
    const agent = post(start('helper'), 'chain')
    fail(post(start('weather', agent), 'tool'), 'RangeError: too far\n    at weather (file.js:1:1)')
    fail(post(start('ChatOpenAI', agent), 'llm'), 'Error: 429 You exceeded your current quota')
    fail(agent, 'TypeError: no')
    expect(log.of('tool_call_failed')[0]?.data.error).toEqual({ code: 'RangeError', message: 'RangeError: too far' })
    expect(log.of('error_occurred')[0]?.data.operation).toBe('chat')
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'quota' })
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TypeError')
  })

  test('tells a run that waits, and one that was aborted', () => {
    const { log } = startRecordingSdk()
    fail(post(start('waits'), 'chain'), 'GraphInterrupt: [{"id":"1"}]')
    fail(post(start('aborted'), 'chain'), 'AbortError: This operation was aborted')
    expect(log.of('run_suspended')[0]?.agent?.name).toBe('waits')
    expect(log.of('run_cancelled')[0]?.agent?.name).toBe('aborted')
  })

  test('counts what a retriever found', () => {
    const { log } = startRecordingSdk()
    end(post(start('docs'), 'retriever'), { 'gen_ai.completion': '{"outputs":[{"page_content":"a"}]}' })
    expect(log.of('memory_recall')[0]?.data).toEqual({ tier: 'retriever', hits: 1 })
  })
})
