import { afterEach, describe, expect, test, vi } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { AuditSpanProcessor } from '../otel/processor.js'
import { withAuditing } from '../record/context.js'
import { withRun } from '../record/run.js'
import { type AgentsSpan, type AgentsTrace, AuditTracingProcessor } from './index.js'

let ids = 0

afterEach(() => {
  vi.restoreAllMocks()
})

/** Tells a trace processor what the SDK tells it. */
class Workflow {
  readonly trace: AgentsTrace
  readonly #processor: AuditTracingProcessor

  constructor(processor: AuditTracingProcessor, trace: Partial<AgentsTrace> = {}) {
    this.#processor = processor
    this.trace = { traceId: `trace_${String(++ids).padStart(32, '0')}`, name: 'Support', groupId: null, ...trace }
  }

  async begin(): Promise<this> {
    await this.#processor.onTraceStart(this.trace)
    return this
  }

  async finish(): Promise<void> {
    await this.#processor.onTraceEnd(this.trace)
  }

  async span(spanData: AgentsSpan['spanData'], parent?: AgentsSpan): Promise<AgentsSpan> {
    const span: AgentsSpan = {
      traceId: this.trace.traceId,
      spanId: `span_${String(++ids).padStart(24, '0')}`,
      parentId: parent?.spanId ?? null,
      startedAt: '2026-11-21T22:35:00.000Z',
      endedAt: null,
      error: null,
      spanData,
    }
    await this.#processor.onSpanStart(span)
    return span
  }

  async end(span: AgentsSpan, data: object = {}, error: AgentsSpan['error'] = null): Promise<void> {
    const spanData = Object.assign(span.spanData, data)
    await this.#processor.onSpanEnd({ ...span, spanData, error, endedAt: '2026-11-21T22:35:01.500Z' })
  }

  /** A task with an agent in it. */
  async agent(name = 'Helper'): Promise<{ task: AgentsSpan; agent: AgentsSpan; turn: AgentsSpan }> {
    const task = await this.span(named('task', 'Support'))
    const agent = await this.span(named('agent', name), task)
    return { task, agent, turn: await this.span({ type: 'turn' }, agent) }
  }
}

function named(type: string, name: string): AgentsSpan['spanData'] {
  return { type, name } as AgentsSpan['spanData']
}

async function start(trace: Partial<AgentsTrace> = {}) {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  const processor = new AuditTracingProcessor(audit)
  return { log, audit, processor, workflow: await new Workflow(processor, trace).begin() }
}

describe('a workflow', () => {
  test('is a run whose session is its group, with the tenant and the user of its metadata', async () => {
    const { log, workflow } = await start({ groupId: 'thread-1', metadata: { userId: 'u-1', tenant: 'acme', n: 1 } })
    const { task, agent, turn } = await workflow.agent()
    for (const span of [turn, agent, task]) await workflow.end(span)
    await workflow.finish()
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started', 'run_completed', 'run_completed'])
    for (const event of log.events.slice(1)) {
      expect(event).toMatchObject({ sessionId: 'thread-1', tenantId: 'acme', actor: { id: 'u-1' } })
    }
    expect(log.of('run_completed')[0]?.data.durationMs).toBe(1500)
  })

  test('has ids of OpenTelemetry’s form, whatever the user’s own are like', async () => {
    const { log, workflow } = await start({ traceId: 'my trace' })
    await workflow.end(await workflow.span(named('agent', 'Helper')))
    for (const { trace } of log.of('run_started')) {
      expect(trace).toMatchObject({
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
      })
    }
  })

  test('is a sub-agent of the run it begins in', async () => {
    const { log, audit } = startRecordingSdk()
    const processor = new AuditTracingProcessor(audit)
    await withRun({ agentName: 'outer', sessionId: 's-1' }, async () => {
      const workflow = await new Workflow(processor).begin()
      await workflow.finish()
    })
    const [outer, inner] = log.of('run_started')
    expect(inner).toMatchObject({ sessionId: 's-1', parentRunId: outer?.runId, data: { agent: { name: 'Support' } } })
  })

  test('goes on under the id of its trace, also when that had ended', async () => {
    const { log, processor, workflow } = await start({ groupId: 'thread-1' })
    await workflow.finish()
    const again = await new Workflow(processor, { ...workflow.trace, groupId: null }).begin()
    await again.finish()
    const { task, agent, turn } = await workflow.agent()
    await workflow.end(await workflow.span(named('function', 'danger'), turn))
    for (const span of [turn, agent, task]) await workflow.end(span)
    expect(log.of('resumed').map(({ sessionId, agent: { name } = {} }) => [sessionId, name])).toEqual([
      ['thread-1', 'Support'],
      ['thread-1', 'Support'],
    ])
    expect(new Set(log.of('run_started').map(({ runId }) => runId)).size).toBe(4)
    expect(log.of('tool_approval_granted')).toHaveLength(1)
  })
})

describe('usage', () => {
  const usage = { input_tokens: 20, output_tokens: 7, cached_input_tokens: 4, cache_write_input_tokens: 2 }

  test('of turns and tasks counts for what no answer and no run inside has told', async () => {
    const { log, workflow } = await start()
    const { task, agent, turn } = await workflow.agent()
    const tool = await workflow.span(named('function', 'research'), turn)
    const inner = await workflow.span(named('agent', 'Researcher'), tool)
    const innerTurn = await workflow.span({ type: 'turn' }, inner)
    await workflow.end(innerTurn, { usage })
    await workflow.end(inner)
    await workflow.end(tool)
    await workflow.end(turn, { usage: { ...usage, input_tokens: 52, output_tokens: 18 } })
    await workflow.end(agent)
    await workflow.end(task, {
      usage: { ...usage, input_tokens: 60, output_tokens: 20, requests: 3, total_tokens: 80 },
    })
    expect(
      log
        .of('token_usage_updated')
        .map(({ agent: { name } = {}, data }) => [name, data.inputTokens, data.outputTokens]),
    ).toEqual([
      ['Researcher', 20, 7],
      ['Helper', 32, 11],
      ['Support', 8, 2],
    ])
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({ cachedInputTokens: 4, cacheCreationInputTokens: 2 })
  })

  test('comes with the answer where answers are traced, and is not counted again', async () => {
    const { log, workflow } = await start()
    const { turn } = await workflow.agent()
    const response = await workflow.span({ type: 'response' }, turn)
    await workflow.end(response, {
      response_id: 'resp_1',
      _response: {
        id: 'resp_1',
        model: 'gpt-4o',
        output: [],
        usage: { input_tokens: 20, output_tokens: 7, total_tokens: 27, input_tokens_details: { cached_tokens: 4 } },
      },
    })
    await workflow.end(turn, { usage })
    expect(log.of('token_usage_updated').map(({ data }) => data)).toEqual([
      expect.objectContaining({
        inputTokens: 20,
        outputTokens: 7,
        cachedInputTokens: 4,
        model: 'gpt-4o',
        responseId: 'resp_1',
      }),
    ])
  })

  test('of chat completions is in the answers themselves', async () => {
    const { log, workflow } = await start()
    const { turn } = await workflow.agent()
    const generation = await workflow.span({ type: 'generation' }, turn)
    await workflow.end(generation, {
      model: 'gpt-4o',
      output: [{ id: 'chatcmpl-1', choices: [], usage: { prompt_tokens: 20, completion_tokens: 7, total_tokens: 27 } }],
    })
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({
      inputTokens: 20,
      outputTokens: 7,
      responseId: 'chatcmpl-1',
    })
  })
})

describe('a call that waits for approval', () => {
  const asked = { type: 'function_call', call_id: 'call_1', name: 'danger' }

  test.each([
    ['a response', 'response', { _response: { output: [asked, { type: 'message', name: 'no call' }] } }],
    ['a hosted server', 'response', { _response: { output: [{ ...asked, type: 'mcp_approval_request' }] } }],
    [
      'a chat completion',
      'generation',
      { output: [{ choices: [{ message: { tool_calls: [{ id: 'call_1', function: { name: 'danger' } }] } }] }] },
    ],
    ['a message', 'generation', { output: [{ tool_calls: [{ id: 'call_1', function: { name: 'danger' } }] }] }],
  ])('suspends the run: %s', async (_, type, data) => {
    const { log, workflow } = await start()
    const { task, agent, turn } = await workflow.agent()
    await workflow.end(await workflow.span({ type }, turn), data)
    for (const span of [turn, agent, task]) await workflow.end(span)
    await workflow.finish()
    expect(log.of('tool_approval_requested').map(({ data }) => data)).toEqual([
      { callId: 'call_1', tool: { name: 'danger' } },
    ])
    expect(log.of('run_suspended').map(({ agent: { name } = {} }) => name)).toEqual(['Helper', 'Support'])
  })
})

describe('what the processor must stand', () => {
  test('a trace without an end and an agent with an error', async () => {
    const { log, audit, workflow } = await start()
    const { task, agent, turn } = await workflow.agent()
    const error = { message: 'Error in agent run', data: { error: 'OutputGuardrailTripwireTriggered: no' } }
    await workflow.end(await workflow.span(named('guardrail', 'no-bad'), agent), { triggered: true })
    for (const span of [turn, agent, task]) await workflow.end(span, {}, error)
    await audit.forceFlush()
    expect(log.of('run_failed').map(({ data }) => data.error.code)).toEqual(
      Array(2).fill('OutputGuardrailTripwireTriggered'),
    )
    expect(log.of('policy_violation')).toHaveLength(1)
  })

  test('spans that began before it was added: a terminal event, and no invented start', async () => {
    const { log, processor } = await start()
    const unseen: AgentsSpan = {
      traceId: 'trace_1',
      spanId: 'span_1',
      parentId: 'span_0',
      startedAt: '2026-11-21T22:35:00.000Z',
      endedAt: '2026-11-21T22:35:01.000Z',
      error: null,
      spanData: named('agent', 'Late'),
    }
    await processor.onSpanEnd(unseen)
    expect(log.types).toEqual(['run_started', 'run_completed'])
    expect(log.of('run_completed')[0]?.agent).toEqual({ name: 'Late' })
  })

  test('auditing that is off', async () => {
    const { log, audit } = startRecordingSdk()
    const processor = new AuditTracingProcessor(audit)
    await withAuditing(false, async () => {
      const workflow = await new Workflow(processor).begin()
      const { task, agent, turn } = await workflow.agent()
      for (const span of [turn, agent, task]) await workflow.end(span)
      await workflow.finish()
    })
    await nextTurn()
    expect(log.types).toEqual([])
  })

  test('data that throw, or are of no use', async () => {
    const { log, workflow } = await start({ metadata: { userId: 7, tenant: { a: 1 } } })
    const { turn } = await workflow.agent()
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    await workflow.end(await workflow.span({ type: 'response' }, turn), { _response: 'text', usage: 'many' })
    await workflow.end(await workflow.span({ type: 'generation' }, turn), { output: [null, 1, { choices: 'x' }] })
    await workflow.end(await workflow.span(named('function', ''), turn), {}, { message: 'no', data: cyclic })
    const hostile = {
      type: 'response',
      get _response(): never {
        throw new Error('no')
      },
    }
    await workflow.end(await workflow.span(hostile, turn))
    await workflow.finish()
    expect(log.of('tool_call_failed')[0]?.data.error?.message).toBe('no')
    expect(log.types.at(-1)).toBe('run_completed')
  })

  test('an end of a trace that nobody has seen begin, and a second end', async () => {
    const { log, processor, workflow } = await start()
    await processor.onTraceEnd({ traceId: 'trace_unknown', name: 'x' })
    await workflow.finish()
    await workflow.finish()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('being shut down by the SDK: the span processor goes on', async () => {
    const { log, audit, processor } = await start()
    await processor.shutdown()
    await processor.forceFlush()
    await new Workflow(new AuditTracingProcessor(audit)).begin()
    expect(log.of('run_started')).toHaveLength(2)
    expect(() => new AuditTracingProcessor({} as AuditSpanProcessor)).toThrow(TypeError)
  })
})
