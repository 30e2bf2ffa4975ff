import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** A span written by hand: its kind and attributes are set right after its start. */
function start(kind: string, name: string, attributes: Attributes = {}, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const span = trace.getTracer('app').startSpan(name, {}, around)
  return span.setAttributes({ 'openinference.span.kind': kind, ...attributes })
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

function fail(span: Span, name: string, message: string): void {
  span.recordException(Object.assign(new Error(message), { name }))
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}

describe('OpenInference spans', () => {
  test('tell an agent as a run, whose it is from its start, and an agent inside as a sub-agent', async () => {
    const { log } = startRecordingSdk()
    const outer = start('AGENT', 'planner', { 'session.id': 's-1', 'user.id': 'u-1', metadata: '{"tenant":"acme"}' })
    await nextTurn()
    expect(log.of('run_started')[0]).toMatchObject({ sessionId: 's-1', tenantId: 'acme', actor: { id: 'u-1' } })
    const inner = start('AGENT', 'span name', { 'agent.name': 'writer' }, outer)
    end(inner)
    end(outer)
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started', 'run_completed', 'run_completed'])
    expect(log.of('run_started')[1]).toMatchObject({
      sessionId: 's-1',
      parentRunId: log.of('run_started')[0]?.runId,
      data: { agent: { name: 'writer' } },
    })
  })

  test('tell no run of a chain: any function may be wrapped in one', () => {
    const { log } = startRecordingSdk()
    for (const kind of ['CHAIN', 'GUARDRAIL', 'EVALUATOR', 'PROMPT', 'UNKNOWN', 'no such kind']) end(start(kind, 'x'))
    expect(log.types).toEqual([])
  })

  test('tell what a model call consumed, whatever the call, once', () => {
    const { log } = startRecordingSdk()
    const agent = start('AGENT', 'planner')
    end(start('LLM', 'chat', {}, agent), {
      'llm.token_count.prompt': 20,
      'llm.token_count.completion': 7,
      'llm.token_count.prompt_details.cache_read': 4,
      'llm.response.model_name': 'm-1-2026',
      'llm.model_name': 'm-1',
      'llm.cost.total': 0.5,
    })
    end(start('EMBEDDING', 'embed', { 'embedding.model_name': 'e-1' }, agent), { 'llm.token_count.prompt': 3 })
    end(agent, { 'llm.token_count.prompt': 23, 'llm.token_count.completion': 7 })
    expect(log.of('token_usage_updated').map(({ data }) => data)).toMatchObject([
      { inputTokens: 20, outputTokens: 7, cachedInputTokens: 4, model: 'm-1-2026', costUsd: 0.5 },
      { inputTokens: 3, outputTokens: 0, model: 'e-1' },
    ])
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 23, outputTokens: 7, costUsd: 0.5 })
  })

  test('tell how a tool call ended, under its own id', () => {
    const { log } = startRecordingSdk()
    const call = { 'tool.name': 'weather', 'tool.id': 'call-1' }
    end(start('TOOL', 'span name', call))
    fail(start('TOOL', 'search'), 'RangeError', 'too far')
    expect(log.of('tool_call_completed')[0]?.data).toMatchObject({ callId: 'call-1', tool: { name: 'weather' } })
    expect(log.of('tool_call_failed')[0]?.data).toMatchObject({
      tool: { name: 'search' },
      error: { code: 'RangeError', message: 'too far' },
    })
  })

  test('tell an abort from a failure, and a quota from a rate limit', () => {
    const { log } = startRecordingSdk()
    const agent = start('AGENT', 'planner')
    fail(start('LLM', 'chat', {}, agent), 'RateLimitError', '429 You exceeded your current quota')
    fail(start('LLM', 'chat', {}, agent), 'RateLimitError', '429 Slow down')
    fail(agent, 'AbortError', 'This operation was aborted')
    fail(start('AGENT', 'writer'), 'TimeoutError', 'too late')
    expect(log.of('usage_limit_exceeded').map(({ data }) => data.axis)).toEqual(['quota'])
    expect(log.of('error_occurred')).toHaveLength(2)
    expect(log.of('run_cancelled').map(({ agent }) => agent?.name)).toEqual(['planner'])
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TimeoutError')
  })

  test('tell how many documents a retriever found: by their attributes, by its output, or none', () => {
    const { log } = startRecordingSdk()
    const found = { 'retrieval.documents.0.document.id': 'a', 'retrieval.documents.11.document.id': 'b' }
    end(start('RETRIEVER', 'docs'), found)
    end(start('RETRIEVER', 'docs'), { 'output.value': '[{"id":"a"},{"id":"b"}]' })
    end(start('RETRIEVER', 'docs'), { 'output.value': 'some text' })
    end(start('RETRIEVER', 'docs'))
    expect(log.of('memory_recall').map(({ data }) => data.hits)).toEqual([12, 2, undefined, 0])
  })

  test('that carry nonsense are recorded without it', () => {
    const { log } = startRecordingSdk()
    const agent = start('AGENT', 'planner', { metadata: '[1', 'session.id': '' })
    end(start('LLM', 'chat', {}, agent), { 'llm.token_count.prompt': -1, 'llm.token_count.completion': 'many' })
    end(start('RETRIEVER', 'docs', {}, agent), { 'retrieval.documents.x.document.id': 'a' })
    end(agent)
    expect(log.types).toEqual(['run_started', 'memory_recall', 'run_completed'])
    expect(log.of('memory_recall')[0]?.data.hits).toBe(0)
  })
})
