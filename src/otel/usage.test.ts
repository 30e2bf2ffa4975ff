import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { AGENT, CHAT, childOf } from '../../test/support/agent-spans.js'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'

describe('tokens', () => {
  test('are counted once, at the innermost span that reports them, and summed for the run', () => {
    const { tracer, log } = startRecordingSdk()
    const agent = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    for (const [input, output] of [
      [20, 7],
      [33, 9],
    ] as const) {
      const outer = childOf(agent, 'chat', CHAT)
      const inner = childOf(outer, 'chat', CHAT)
      for (const span of [inner, outer]) {
        span.setAttributes({ 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': output })
        span.end()
      }
    }
    agent.setAttributes({ 'gen_ai.usage.input_tokens': 53, 'gen_ai.usage.output_tokens': 16 })
    agent.end()
    const usage = log.of('token_usage_updated')
    expect(usage.map(({ data }) => [data.inputTokens, data.outputTokens])).toEqual([
      [20, 7],
      [33, 9],
    ])
    expect(usage.every(({ runId }) => runId === log.of('run_started')[0]?.runId)).toBe(true)
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 53, outputTokens: 16, totalTokens: 69 })
  })

  test('of one response told by two instrumentations are those of one call', () => {
    const { log } = startRecordingSdk()
    for (const scope of ['client', 'framework']) {
      const span = trace.getTracer(scope).startSpan('chat', { attributes: CHAT }, ROOT_CONTEXT)
      span.setAttributes({ 'gen_ai.response.id': 'resp-1', 'gen_ai.usage.input_tokens': 5 })
      span.end()
    }
    expect(log.of('token_usage_updated')).toHaveLength(1)
  })

  test('of a response that a client told outside of the run are the run’s all the same', () => {
    const { tracer, log } = startRecordingSdk()
    const agent = tracer.startSpan('invoke_agent helper', { attributes: AGENT })
    const call = { ...CHAT, 'gen_ai.response.id': 'resp-1', 'gen_ai.usage.input_tokens': 5 }
    trace.getTracer('client').startSpan('chat', { attributes: call }, ROOT_CONTEXT).end()
    trace.getTracer('framework').startSpan('chat', { attributes: call }, trace.setSpan(ROOT_CONTEXT, agent)).end()
    agent.setAttribute('gen_ai.usage.input_tokens', 5).end()
    expect(log.of('token_usage_updated')).toHaveLength(1)
    expect(log.of('run_completed')[0]?.data.usage?.inputTokens).toBe(5)
  })

  test('of a client call without an agent belong to no run', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('chat', { attributes: CHAT })
    span.setAttribute('gen_ai.usage.input_tokens', 5)
    span.end()
    expect(log.types).toEqual(['token_usage_updated'])
    expect(log.events.at(-1)).toMatchObject({ runId: undefined, sessionId: span.spanContext().traceId })
  })
})
