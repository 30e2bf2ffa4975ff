import { context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { AGENT, CHAT, childOf, TOOL } from '../../test/support/agent-spans.js'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { recordAgentHandoff } from '../record/record.js'
import { withRun } from '../record/run.js'

vi.mock(import('../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../test/support/replaceable-timers.js')),
}))

describe('a run', () => {
  test('is recorded when it starts, and has one terminal event', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    expect(log.types).toEqual(['run_started'])
    span.end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
    const [completed] = log.of('run_completed')
    expect(completed?.data.startedAt).toBe(log.of('run_started')[0]?.time)
    expect(completed?.runId).toBe(`${span.spanContext().traceId}-${span.spanContext().spanId}`)
    expect(completed?.source).toMatchObject({ convention: 'gen-ai', scope: 'test', scopeVersion: '1.0.0' })
  })

  test('that throws has exactly one terminal event, with the error', async () => {
    const { log } = startRecordingSdk()
    const run = withRun({ agentName: 'planner' }, async () => {
      throw new RangeError('too far')
    })
    await expect(run).rejects.toThrow('too far')
    expect(log.types).toEqual(['run_started', 'run_failed'])
    expect(log.of('run_failed')[0]?.data.error).toEqual({
      code: 'RangeError',
      message: 'too far',
      stackTrace: expect.stringMatching(/^RangeError: too far\n/),
    })
  })

  test('is recognised a microtask later when its attributes come after the start', async () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('agent')
    span.setAttributes(AGENT)
    expect(log.types).toEqual([])
    await nextTurn()
    expect(log.types).toEqual(['run_started'])
  })

  test('is found by what is inside, though the context carries a wrapper of its span that nobody has claimed yet', () => {
    const { tracer, log } = startRecordingSdk()
    const run = tracer.startSpan('agent')
    run.setAttributes(AGENT)
    const wrapper = { spanContext: () => run.spanContext(), isRecording: () => true } as Span
    childOf(wrapper, 'execute_tool search', TOOL).end()
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_completed'])
    expect(log.of('tool_call_started')[0]?.runId).toBe(log.of('run_started')[0]?.runId)
  })

  test('is found by what is inside, though the context carries a wrapper of its span, which began in an earlier turn', async () => {
    const { tracer, log } = startRecordingSdk()
    const run = tracer.startSpan('agent')
    await nextTurn()
    run.setAttributes(AGENT)
    const wrapper = { inner: run, spanContext: () => run.spanContext(), isRecording: () => true } as unknown as Span
    childOf(wrapper, 'execute_tool search', TOOL).end()
    context.with(trace.setSpan(ROOT_CONTEXT, wrapper), () => recordAgentHandoff({ to: 'writer' }))
    run.end()
    const runIds = log.events.flatMap(({ type, runId }) => (type.startsWith('audit_') ? [] : [runId]))
    expect(log.types.slice(0, 2)).toEqual(['run_started', 'tool_call_started'])
    expect(new Set(runIds).size).toBe(1)
  })

  test('is recognised before what happens inside it, though its attributes came after its start', () => {
    const { tracer, log } = startRecordingSdk()
    const run = tracer.startSpan('agent')
    run.setAttributes(AGENT)
    const chat = childOf(run, 'chat', CHAT)
    chat.setAttribute('gen_ai.usage.input_tokens', 5)
    chat.end()
    run.end()
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
    expect(log.of('run_completed')[0]?.data.usage?.inputTokens).toBe(5)
  })

  test('is recognised at its end when its attributes come last, with its true start', async () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('agent', { startTime: [1_700_000_000, 42] })
    await nextTurn()
    span.setAttributes(AGENT)
    span.end([1_700_000_002, 0])
    expect(log.types).toEqual(['run_started', 'run_completed'])
    expect(log.of('run_started')[0]?.time).toBe('2023-11-14T22:13:20.000000042Z')
    expect(log.of('run_completed')[0]?.data.durationMs).toBeCloseTo(2000, 3)
  })

  test('inside another is announced on the outer one, and has a scope of its own', () => {
    const { tracer, log } = startRecordingSdk()
    const outer = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    const inner = childOf(outer, 'invoke_agent writer', {
      ...AGENT,
      'gen_ai.agent.name': 'writer',
      'gen_ai.conversation.id': 'thread-2',
    })
    childOf(inner, 'execute_tool search', TOOL).end()
    inner.end()
    outer.end()
    expect(log.types).toEqual([
      'run_started',
      'sub_agent_invoked',
      'run_started',
      'tool_call_started',
      'tool_call_completed',
      'run_completed',
      'run_completed',
    ])
    const [outerStart, innerStart] = log.of('run_started')
    const [announced] = log.of('sub_agent_invoked')
    expect(announced).toMatchObject({ runId: outerStart?.runId, agent: { name: 'planner' } })
    expect(announced?.data).toEqual({ agentId: 'writer', subThreadId: 'thread-2', subRunId: innerStart?.runId })
    expect(innerStart).toMatchObject({ parentRunId: outerStart?.runId, sessionId: 'thread-2' })
    expect(log.of('tool_call_started')[0]).toMatchObject({
      runId: innerStart?.runId,
      agent: { name: 'writer' },
      sessionId: 'thread-2',
    })
  })

  test('whose span leaks is failed at shutdown when its last child failed, interrupted otherwise', async () => {
    const { audit, tracer, log } = startRecordingSdk()
    const failing = tracer.startSpan('a', { attributes: AGENT }, ROOT_CONTEXT)
    const silent = tracer.startSpan('b', { attributes: AGENT }, ROOT_CONTEXT)
    const chat = childOf(failing, 'chat', CHAT)
    chat.setStatus({ code: SpanStatusCode.ERROR, message: 'TimeoutError: no answer' })
    chat.end()
    childOf(silent, 'chat', CHAT).end()
    await audit.shutdown()
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TimeoutError')
    expect(log.of('run_interrupted')[0]?.data).toMatchObject({ reason: 'abandoned' })
  })

  test('with nothing open and nothing seen for long is given up, until its end comes all the same', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { tracer, log } = startRecordingSdk({ abandonAfterMillis: 60_000 })
    const span = tracer.startSpan('a', { attributes: AGENT })
    await vi.advanceTimersByTimeAsync(50_000)
    expect(log.types).toEqual(['run_started'])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(log.types).toEqual(['run_started', 'run_interrupted'])
    span.end()
    expect(log.types).toEqual(['run_started', 'run_interrupted', 'run_completed'])
  })

  test('is given up ten times later while something below it is open', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { tracer, log } = startRecordingSdk({ abandonAfterMillis: 60_000 })
    const span = tracer.startSpan('a', { attributes: AGENT })
    childOf(span, 'execute_tool search', TOOL)
    await vi.advanceTimersByTimeAsync(590_000)
    expect(log.types).toEqual(['run_started', 'tool_call_started'])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'run_interrupted'])
  })

  test('past the bound the oldest is given up', () => {
    const { tracer, log } = startRecordingSdk({ maxOpenRuns: 2 })
    for (const name of ['a', 'b', 'c']) tracer.startSpan(name, { attributes: AGENT }, ROOT_CONTEXT)
    expect(log.types).toEqual(['run_started', 'run_started', 'run_started', 'run_interrupted'])
    expect(log.of('run_interrupted')[0]?.runId).toBe(log.of('run_started')[0]?.runId)
  })
})

test('a child that starts after its parent has ended still finds its run', () => {
  const { tracer, log } = startRecordingSdk()
  const run = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
  run.end()
  childOf(run, 'execute_tool search', TOOL).end()
  expect(log.of('tool_call_completed')[0]?.runId).toBe(log.of('run_started')[0]?.runId)
})
