import { context, diag, propagation, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { nextTurn, startAuditedSdk, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { heardWarnings } from '../../test/support/warnings.js'
import { setAuditingEnabled, withAuditing } from '../record/context.js'
import { recordAgentHandoff, recordMemoryRecall, recordTokenUsageUpdated } from '../record/record.js'
import { withRun } from '../record/run.js'
import { withScope } from '../record/scope.js'
import type { Convention } from './conventions/contract.js'
import { AuditSpanProcessor } from './processor.js'

vi.mock(import('../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../test/support/replaceable-timers.js')),
}))

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search', 'gen_ai.tool.call.id': 'call-1' }

/** Starts a span below another. */
function childOf(parent: Span, name: string, attributes: Record<string, string>): Span {
  return trace.getTracer('test').startSpan(name, { attributes }, trace.setSpan(ROOT_CONTEXT, parent))
}

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
    expect(log.of('run_failed')[0]?.data.error).toEqual({ code: 'RangeError', message: 'too far' })
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

describe('events added to spans', () => {
  test('are recorded when they are added, also past the limit at which the SDK drops them', () => {
    const { tracer, log } = startRecordingSdk({}, { spanLimits: { eventCountLimit: 2 } })
    const span = tracer.startSpan('GET /')
    for (let n = 0; n < 200; n++)
      span.addEvent('spanledger.memory_recall', { 'spanledger.tier': 'long', 'spanledger.hits': n })
    expect(log.of('memory_recall').map(({ data }) => data.hits)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    span.end()
    expect(log.of('memory_recall')).toHaveLength(200)
  })

  test('have the time, the span and the run they happened in', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    span.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' }, [1_700_000_000, 7])
    expect(log.of('agent_handoff')[0]).toMatchObject({
      time: '2023-11-14T22:13:20.000000007Z',
      runId: log.of('run_started')[0]?.runId,
      trace: { spanId: span.spanContext().spanId },
      data: { to: 'writer' },
    })
  })

  test('a hand-off without predecessor has no `from`; a recall without hits is recorded with 0', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner' }, () => {
      recordAgentHandoff({ to: 'writer' })
      recordMemoryRecall({ tier: 'long_term', namespaceKey: 'user:1', hits: 0 })
    })
    expect(log.of('agent_handoff')[0]?.data).toEqual({ to: 'writer' })
    expect(log.of('memory_recall')[0]?.data).toMatchObject({ hits: 0 })
  })

  test('of a type that the catalogue does not have are recorded as they are; one that looks mistyped is warned of once', () => {
    const warnings = heardWarnings()
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('GET /')
    for (const type of ['invoice_sent', 'memory_recal', 'memory_recal']) span.addEvent(`spanledger.${type}`)
    expect(log.types).toEqual(['invoice_sent', 'memory_recal', 'memory_recal'])
    expect(warnings).toEqual([expect.stringContaining("did you mean 'memory_recall'?")])
  })

  test('are not recorded after the end of the span', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('GET /')
    span.end()
    span.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' })
    expect(log.types).toEqual([])
  })

  test('return the span, so that calls can be chained', () => {
    const { tracer } = startRecordingSdk()
    const span = tracer.startSpan('GET /')
    expect(span.addEvent('a').addEvent('b')).toBe(span)
  })

  test('reach every processor that listens, once', () => {
    const { tracer, log } = startRecordingSdk()
    const second = new AuditSpanProcessor()
    const other = new CollectingLog()
    second.attach(other)
    const span = tracer.startSpan('GET /')
    second.onStart(span as never, ROOT_CONTEXT)
    span.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' })
    expect([log.types, other.types]).toEqual([['agent_handoff'], ['agent_handoff']])
  })
})

describe('recording by hand where no span records', () => {
  test('goes straight to the attached logs, into the run around it', () => {
    const { log } = startRecordingSdk({}, { sampler: new AlwaysOffSampler() })
    withRun({ agentName: 'planner' }, () => {
      recordTokenUsageUpdated({ inputTokens: 3, outputTokens: 4, totalTokens: 7 })
    })
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
    const runIds = new Set(log.events.flatMap(({ type, runId }) => (type.startsWith('audit_') ? [] : [runId])))
    expect(runIds.size).toBe(1)
    expect([...runIds][0]).toBeTypeOf('string')
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ totalTokens: 7 })
  })

  test('a sub-agent is announced before it starts', () => {
    const { log } = startRecordingSdk({}, { sampler: new AlwaysOffSampler() })
    withRun({ agentName: 'planner' }, () => withRun({ agentName: 'writer' }, () => {}))
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started', 'run_completed', 'run_completed'])
    const [outer, inner] = log.of('run_started')
    expect(inner?.parentRunId).toBe(outer?.runId)
  })
})

describe('scope', () => {
  test('of withScope holds for all that runs inside', async () => {
    const { tracer, log } = startRecordingSdk()
    await withScope({ tenantId: 'acme', sessionId: 's-1', userId: 'u-1' }, async () => {
      await nextTurn()
      tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    })
    for (const event of log.events.slice(1)) {
      expect(event).toMatchObject({ tenantId: 'acme', sessionId: 's-1', actor: { id: 'u-1' } })
    }
  })

  test('of withScope inside a run holds for the user of what is recorded there, and moves no event of the run', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner', tenantId: 't1', sessionId: 's1' }, () => {
      withScope({ tenantId: 't2', userId: 'ada' }, () => recordAgentHandoff({ to: 'writer' }))
      recordAgentHandoff({ to: 'editor' })
    })
    expect(log.of('agent_handoff').map(({ tenantId, actor }) => [tenantId, actor?.id])).toEqual([
      ['t1', 'ada'],
      ['t1', undefined],
    ])
    expect(log.of('run_identity_conflict')).toMatchObject([{ tenantId: 't1', data: { tenantId: 't2' } }])
  })

  test('and runs hold without any SDK, also across asynchronous work', async () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    onTestFinished(() => audit.shutdown())
    await withScope({ tenantId: 'acme', sessionId: 's-1' }, () =>
      withRun({ agentName: 'planner' }, async () => {
        await nextTurn()
        recordAgentHandoff({ to: 'writer' })
      }),
    )
    expect(log.types).toEqual(['run_started', 'agent_handoff', 'run_completed'])
    const [started] = log.of('run_started')
    expect(log.of('agent_handoff')[0]).toMatchObject({ tenantId: 'acme', sessionId: 's-1', runId: started?.runId })
  })

  test('comes from baggage where that is trusted', () => {
    const { tracer, log } = startRecordingSdk({ trustBaggage: true })
    const baggage = propagation.createBaggage({
      'spanledger.tenant.id': { value: 'acme' },
      'spanledger.session.id': { value: 's-2' },
    })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }, propagation.setBaggage(ROOT_CONTEXT, baggage)).end()
    expect(log.events.at(-1)).toMatchObject({ tenantId: 'acme', sessionId: 's-2' })
  })

  test('an attribute outweighs the context, and children inherit it', () => {
    const { tracer, log } = startRecordingSdk()
    withScope({ sessionId: 'from-context' }, () => {
      const span = tracer.startSpan('invoke_agent planner', {
        attributes: { ...AGENT, 'session.id': 'from-attribute' },
      })
      const http = tracer.startSpan('GET', {}, trace.setSpan(context.active(), span))
      tracer.startSpan('execute_tool search', { attributes: TOOL }, trace.setSpan(context.active(), http)).end()
    })
    expect(new Set(log.events.slice(1).map(({ sessionId }) => sessionId))).toEqual(new Set(['from-attribute']))
  })

  test('a session that shows only later is that of the run from then on', () => {
    const { tracer, log } = startRecordingSdk()
    const run = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    const chat = childOf(run, 'chat', CHAT)
    chat.setAttributes({ 'gen_ai.conversation.id': 's-3', 'gen_ai.usage.input_tokens': 1 })
    chat.end()
    run.end()
    expect(log.of('run_started')[0]?.sessionId).toBe(run.spanContext().traceId)
    expect(log.of('token_usage_updated')[0]?.sessionId).toBe('s-3')
    expect(log.of('run_completed')[0]?.sessionId).toBe('s-3')
  })
})

describe('attaching', () => {
  test('the same log twice is the same attachment', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    expect(audit.attach(log)).toBe(audit.attach(log))
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('several logs all receive, each by its own filter and tenant', () => {
    const { audit, tracer } = startAuditedSdk()
    const [all, some] = [new CollectingLog(), new CollectingLog()]
    audit.attach(all)
    audit.attach(some, { filter: ({ type }) => type === 'run_completed', tenantId: 'acme' })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(all.types).toEqual(['run_started', 'run_completed'])
    expect(some.types).toEqual(['run_completed'])
    expect(some.of('run_completed')[0]?.tenantId).toBe('acme')
    expect(some.of('run_completed')[0]?.id).toBe(all.of('run_completed')[0]?.id)
  })

  test('and detaching are themselves events, with the runs then open', async () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const attachment = audit.attach(log, { id: 'main' })
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    await attachment.detach()
    audit.attach(log)
    span.end()
    expect(log.events.map(({ type }) => type)).toEqual([
      'audit_attached',
      'run_started',
      'audit_detached',
      'audit_attached',
      'run_completed',
    ])
    const open = [{ runId: log.of('run_started')[0]?.runId, agent: { name: 'planner' } }]
    expect(log.of('audit_detached')[0]?.data).toMatchObject({ attachment: 'main', openRuns: open })
    expect(log.of('audit_attached').map(({ data }) => data.openRuns.length)).toEqual([0, 1])
  })

  test('ends before it the runs whose spans have leaked', async () => {
    const leaky: Convention = {
      name: 'leaky',
      scopes: ['test'],
      recognise: (_, __, { run }) =>
        run ? { kind: 'step' } : { kind: 'run', agent: { name: 'planner' }, mayLeak: true },
      conclude: () => ({ outcome: 'failed', error: { code: 'Timeout', message: '' } }),
    }
    const { audit, tracer } = startAuditedSdk({ conventions: [leaky] })
    const log = new CollectingLog()
    const attachment = audit.attach(log)
    childOf(tracer.startSpan('run'), 'step', {}).end()
    await attachment.detach()
    expect(log.events.map(({ type }) => type)).toEqual([
      'audit_attached',
      'run_started',
      'run_failed',
      'audit_detached',
    ])
    expect(log.of('audit_detached')[0]?.data.openRuns).toEqual([])
  })

  test('while a run goes on gives its terminal event with startedAt, and no invented start', () => {
    const { audit, tracer } = startAuditedSdk()
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT, startTime: [1_700_000_000, 0] })
    const before = childOf(span, 'execute_tool search', TOOL)
    const log = new CollectingLog()
    audit.attach(log)
    before.end()
    childOf(span, 'execute_tool search', TOOL).end()
    span.end()
    expect(log.types).toEqual(['tool_call_completed', 'tool_call_started', 'tool_call_completed', 'run_completed'])
    expect(log.of('run_completed')[0]?.data.startedAt).toBe('2023-11-14T22:13:20.000000000Z')
    expect(log.of('tool_call_started')[0]?.runId).toBe(log.of('run_completed')[0]?.runId)
  })

  test('nothing is recorded while detached, and a run that ends meanwhile leaves no trace later', async () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const span = await audit
      .attach(log)
      .detach()
      .then(() => tracer.startSpan('invoke_agent planner', { attributes: AGENT }))
    span.end()
    audit.attach(log)
    expect(log.types).toEqual([])
  })

  test('a second attachment cannot take the id of another', () => {
    const { audit } = startAuditedSdk()
    audit.attach(new CollectingLog(), { id: 'main' })
    expect(() => audit.attach(new CollectingLog(), { id: 'main' })).toThrow("'main' is attached already")
    expect(() => audit.attach({} as never)).toThrow(TypeError)
  })
})

describe('switching off', () => {
  test('for one flow of calls leaves its neighbour audited, and ends by itself', async () => {
    const { tracer, log } = startRecordingSdk()
    const run = async (name: string) => {
      await nextTurn()
      tracer.startSpan(name, { attributes: { ...AGENT, 'gen_ai.agent.name': name } }).end()
    }
    await Promise.all([withAuditing(false, () => run('silent')), run('heard')])
    await run('after')
    expect(log.of('run_started').map(({ agent }) => agent?.name)).toEqual(['heard', 'after'])
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('a span begun where auditing is off stays silent, wherever it ends', () => {
    const { tracer, log } = startRecordingSdk()
    const off = setAuditingEnabled(ROOT_CONTEXT, false)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }, off).end()
    expect(log.types).toEqual([])
  })

  test('of the processor is on the record, and withAuditing overrides it', () => {
    const { audit, tracer, log } = startRecordingSdk()
    audit.setEnabled(false)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    withAuditing(true, () => tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end())
    audit.setEnabled(true)
    expect(log.types).toEqual(['custom', 'run_started', 'run_completed', 'custom'])
    expect(log.of('custom').map(({ data }) => data.name)).toEqual(['auditing_disabled', 'auditing_enabled'])
  })

  test.each([
    ['false', []],
    ['0', []],
    ['true', ['run_started', 'run_completed']],
    ['maybe', ['run_started', 'run_completed']],
  ])('SPANLEDGER_ENABLED=%s', (value, expected) => {
    vi.stubEnv('SPANLEDGER_ENABLED', value)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { tracer, log } = startRecordingSdk()
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(expected)
  })

  test('setEnabled overrides SPANLEDGER_ENABLED', () => {
    vi.stubEnv('SPANLEDGER_ENABLED', 'false')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { audit, tracer, log } = startRecordingSdk()
    audit.setEnabled(true)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.of('run_completed')).toHaveLength(1)
  })
})

describe('what fails', () => {
  test('a log that throws costs neither the application nor the other logs, nor its own next event', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const failing = new CollectingLog()
    const recorded = vi.spyOn(failing, 'record').mockImplementationOnce(() => undefined)
    recorded.mockImplementationOnce(() => {
      throw new Error('disk on fire')
    })
    audit.attach(failing)
    audit.attach(log)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
    expect(failing.types).toEqual(['run_completed'])
  })

  test('a convention that throws counts as one that does not know', () => {
    const broken: Convention = {
      name: 'broken',
      attributePrefixes: ['gen_ai.'],
      recognise: () => {
        throw new Error('bug')
      },
    }
    const { tracer, log } = startRecordingSdk({ conventions: [broken] })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('a filter that throws lets the event pass', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    audit.attach(log, {
      filter: () => {
        throw new Error('bug')
      },
    })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('forceFlush and shutdown tell of every log that cannot be flushed, and do not reject', async () => {
    const problems: unknown[] = []
    const silent = () => {}
    const error = (_: string, problem: unknown) => void problems.push(problem)
    diag.setLogger({ info: silent, error, warn: silent, debug: silent, verbose: silent })
    onTestFinished(() => diag.disable())
    const audit = new AuditSpanProcessor()
    for (const message of ['no space', 'no disk']) {
      const log = new CollectingLog()
      vi.spyOn(log, 'flush').mockRejectedValue(new Error(message))
      audit.attach(log)
    }
    await audit.forceFlush()
    expect(problems).toEqual([new Error('no space'), new Error('no disk')])
    await audit.shutdown()
    expect(problems).toHaveLength(4)
  })

  test.each([
    [{ log: new CollectingLog(), location: './audit' }, 'not both'],
    [{ locaton: './audit' }, "did you mean 'location'"],
    [{ abandonAfterMillis: 1 }, 'abandonAfterMillis'],
    [{ conventions: [{ name: 'x' }] }, 'recognise'],
  ])('%o is refused', (options, message) => {
    expect(() => new AuditSpanProcessor(options as never)).toThrow(message)
  })

  test('attach after shutdown is refused, and shutdown can be repeated', async () => {
    const audit = new AuditSpanProcessor()
    await Promise.all([audit.shutdown(), audit.shutdown()])
    expect(() => audit.attach(new CollectingLog())).toThrow('shut down')
  })
})

test('a child that starts after its parent has ended still finds its run', () => {
  const { tracer, log } = startRecordingSdk()
  const run = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
  run.end()
  childOf(run, 'execute_tool search', TOOL).end()
  expect(log.of('tool_call_completed')[0]?.runId).toBe(log.of('run_started')[0]?.runId)
})

test('spans of no agent kind leave no event', () => {
  const { tracer, log } = startRecordingSdk()
  tracer.startSpan('GET /', { attributes: { 'http.request.method': 'GET', 'server.address': 'a', gen: 'x' } }).end()
  expect(log.types).toEqual([])
})
