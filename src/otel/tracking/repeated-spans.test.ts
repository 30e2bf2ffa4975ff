import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { IdGenerator } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'

/* Runs that two layers tell of, and spans that an engine for durable workflows starts again under the same ids. */

interface Made {
  readonly scope?: string
  readonly kind?: SpanKind
  readonly attributes?: Attributes
}

function start(
  name: string,
  parent?: Span,
  { scope = 'framework', kind = SpanKind.INTERNAL, attributes = {} }: Made = {},
) {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer(scope).startSpan(name, { kind, attributes }, around)
}

function agent(name: string, parent?: Span, made: Made = {}): Span {
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name, ...made.attributes }
  return start(`invoke_agent ${name}`, parent, { ...made, attributes })
}

function chat(parent: Span, response = 'r1', input = 5): void {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'm',
    'gen_ai.response.id': response,
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': 1,
  }
  start('chat m', parent, { attributes }).end()
}

function tool(parent: Span, name = 'add'): Span {
  const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name }
  return start(`execute_tool ${name}`, parent, { attributes })
}

describe('a hosting layer and the framework inside tell of one run', () => {
  test('which has the tokens, the tools and the session of both', () => {
    const { log } = startRecordingSdk()
    const host = agent('x', undefined, { scope: 'hosting', kind: SpanKind.SERVER })
    const inner = agent('X', host, { attributes: { 'gen_ai.conversation.id': 'c1', 'gen_ai.request.model': 'm' } })
    chat(inner)
    tool(inner).end()
    inner.end()
    host.end()
    expect(log.types).toEqual([
      'run_started',
      'token_usage_updated',
      'tool_call_started',
      'tool_call_completed',
      'run_completed',
    ])
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 5, outputTokens: 1 })
  })

  test('which fails when the framework says so and the hosting layer says nothing', () => {
    const { log } = startRecordingSdk()
    const host = agent('x', undefined, { scope: 'hosting' })
    const inner = agent('x', host)
    inner.recordException({ name: 'TypeError', message: 'broken' })
    inner.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' }).end()
    host.end()
    expect(log.types).toEqual(['run_started', 'run_failed'])
    expect(log.of('run_failed')[0]?.data.error).toEqual({ code: 'TypeError', message: 'broken' })
  })

  test('on both sides of a hop, told by one instrumentation', () => {
    const { log } = startRecordingSdk()
    const client = agent('x', undefined, { kind: SpanKind.CLIENT })
    agent('x', client, { kind: SpanKind.SERVER }).end()
    client.end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('where OpenInference is the outer one, which says late what it is', async () => {
    const { log } = startRecordingSdk()
    const outer = start('x', undefined, { scope: 'openinference' })
    outer.setAttributes({ 'openinference.span.kind': 'AGENT', 'agent.name': 'x' })
    const inner = agent('x', outer)
    await nextTurn()
    chat(inner)
    inner.end()
    outer.end()
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
  })
})

describe('an outer layer that tells only at its end that it is a run', () => {
  test('adds no run to that of the framework inside', () => {
    const { log } = startRecordingSdk()
    const outer = start('work', undefined, { scope: 'late' })
    const inner = agent('x', outer)
    chat(inner)
    inner.end()
    outer.setAttributes({ 'openinference.span.kind': 'AGENT', 'agent.name': 'x' }).end()
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
  })

  test('is a run around two', () => {
    const { log } = startRecordingSdk()
    const outer = start('work', undefined, { scope: 'late' })
    agent('x', outer).end()
    agent('x', outer).end()
    outer.setAttributes({ 'openinference.span.kind': 'AGENT', 'agent.name': 'x' }).end()
    expect(log.of('run_started')).toHaveLength(3)
  })
})

describe('two runs stay two', () => {
  test('where an agent calls itself through a tool', () => {
    const { log } = startRecordingSdk()
    const outer = agent('x')
    const call = tool(outer, 'x')
    agent('x', call, { scope: 'other' }).end()
    call.end()
    outer.end()
    expect(log.of('run_started')).toHaveLength(2)
    expect(log.of('sub_agent_invoked')).toHaveLength(1)
  })

  test('of one instrumentation, of two agents, and of a workflow and its agent', () => {
    const { log } = startRecordingSdk()
    const outer = agent('x')
    agent('x', outer).end()
    agent('y', outer, { scope: 'other' }).end()
    outer.end()
    const workflow = start('invoke_workflow x', undefined, {
      attributes: { 'gen_ai.operation.name': 'invoke_workflow', 'gen_ai.workflow.name': 'x' },
    })
    agent('x', workflow, { scope: 'other' }).end()
    workflow.end()
    expect(log.of('run_started')).toHaveLength(5)
  })
})

/** Gives out the ids of the first pass again after `rewind`. */
class ReplayedIds implements IdGenerator {
  #traces = 0
  #spans = 0

  generateTraceId(): string {
    return (++this.#traces).toString(16).padStart(32, '0')
  }

  generateSpanId(): string {
    return (++this.#spans).toString(16).padStart(16, '0')
  }

  rewind(): void {
    this.#traces = 0
    this.#spans = 0
  }
}

describe('an engine that replays spans under their ids', () => {
  test('adds only what is new', () => {
    const idGenerator = new ReplayedIds()
    const { log } = startRecordingSdk({}, { idGenerator })
    for (const pass of [1, 2]) {
      idGenerator.rewind()
      const run = agent('x')
      chat(run)
      run.addEvent('spanledger.resumed')
      tool(run).end()
      if (pass === 2) run.addEvent('spanledger.resumed')
      if (pass === 2) chat(run, 'r2', 7)
      run.end()
    }
    expect(log.types).toEqual([
      'run_started',
      'token_usage_updated',
      'resumed',
      'tool_call_started',
      'tool_call_completed',
      'run_completed',
      'resumed',
      'token_usage_updated',
    ])
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? [])).size).toBe(1)
  })

  test('ends what the first pass left open', () => {
    const idGenerator = new ReplayedIds()
    const { log } = startRecordingSdk({}, { idGenerator })
    const [first] = [agent('x')]
    tool(first)
    idGenerator.rewind()
    const run = agent('x')
    tool(run).end()
    run.end()
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed'])
  })
})
