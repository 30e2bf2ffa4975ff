import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** A span of Strands, as its tracer starts it: under the name of the service. */
function start(name: string, operation: string, parent?: Span, attributes: Attributes = {}) {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const service = String(attributes['gen_ai.system'] ?? 'strands-agents')
  const told = { 'gen_ai.operation.name': operation, 'gen_ai.system': service, ...attributes }
  return trace.getTracer(service).startSpan(name, { attributes: told }, around)
}

const agent = (name: string, parent?: Span): Span =>
  start(`invoke_agent ${name}`, 'invoke_agent', parent, { 'gen_ai.agent.name': name })

function cycle(parent: Span): Span {
  const around = trace.setSpan(ROOT_CONTEXT, parent)
  const attributes = { 'agent_loop.cycle_id': 'cycle-1' }
  return trace.getTracer('strands-agents').startSpan('execute_agent_loop_cycle', { attributes }, around)
}

function tool(name: string, parent: Span, status?: string): Span {
  const told = { 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': `call-${name}` }
  const span = start(`execute_tool ${name}`, 'execute_tool', parent, told)
  if (status) span.setAttribute('gen_ai.tool.status', status)
  return span.setAttribute('gen_ai.event.end_time', '2026-01-01T00:00:00Z')
}

const node = (id: string, parent: Span): Span =>
  start(`execute_node ${id}`, 'execute_node', parent, { 'gen_ai.agent.id': id })

function chat(parent: Span): void {
  end(start('chat', 'chat', parent, { 'gen_ai.request.model': 'm-1' }), {
    'gen_ai.usage.input_tokens': 5,
    'gen_ai.usage.output_tokens': 2,
  })
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).setStatus({ code: SpanStatusCode.OK }).end()
}

function endBecause(span: Span, reason: string): void {
  span.addEvent('gen_ai.choice', { message: '[]', finish_reason: reason })
  end(span)
}

function fail(span: Span, error: Error): void {
  span.recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message }).end()
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}

describe('Agents of Strands', () => {
  test('are told whatever the service is named', () => {
    const { log } = startRecordingSdk()
    const run = start('invoke_agent a', 'invoke_agent', undefined, {
      name: 'invoke_agent a',
      'gen_ai.system': 'my-service',
    })
    end(start('chat', 'chat', run, { 'gen_ai.system': 'my-service' }), { 'gen_ai.usage.input_tokens': 5 })
    end(run, { 'gen_ai.usage.input_tokens': 500 })
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 5 })
    expect(log.of('run_started')[0]?.source?.convention).toBe('strands')
  })

  test('are not what somebody writes by hand with a tracer named like the provider', () => {
    const { log } = startRecordingSdk()
    end(start('invoke_agent a', 'invoke_agent', undefined, { 'gen_ai.system': 'openai' }))
    expect(log.of('run_started')[0]?.source?.convention).toBe('gen-ai')
  })

  test('count their model calls, not their own sum, which earlier runs are part of', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const loop = cycle(run)
    chat(loop)
    end(loop)
    end(run, { 'gen_ai.usage.input_tokens': 500, 'gen_ai.usage.output_tokens': 200 })
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 5, outputTokens: 2 })
  })

  test.each(['interrupt', 'checkpoint'])('stopped with %s are suspended', (reason) => {
    const { log } = startRecordingSdk()
    endBecause(agent('a'), reason)
    expect(log.of('run_suspended')[0]?.data.reason).toBe(reason)
  })

  test('tell why they stopped by the latest conventions, in an event or an attribute', () => {
    const { log } = startRecordingSdk()
    const messages = (reason: string) => ({
      'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', parts: [], finish_reason: reason }]),
    })
    const first = agent('a')
    first.addEvent('gen_ai.client.inference.operation.details', messages('interrupt'))
    end(first)
    end(agent('b'), messages('cancelled'))
    end(agent('c'), messages('endTurn'))
    expect(log.types.filter((type) => type !== 'run_started')).toEqual([
      'run_suspended',
      'run_cancelled',
      'run_completed',
    ])
    expect(log.of('run_completed')[0]?.data.finishReason).toBe('endTurn')
  })

  test.each([
    ['limitTurns', 'turns'],
    ['limitTotalTokens', 'total_tokens'],
    ['limitOutputTokens', 'output_tokens'],
  ])('stopped by %s have reached a limit', (reason, axis) => {
    const { log } = startRecordingSdk()
    endBecause(agent('a'), reason)
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis })
    expect(log.of('run_completed')[0]?.data.finishReason).toBe(reason)
  })

  test("fail where the model's answer had to stop for its length", () => {
    const { log } = startRecordingSdk()
    fail(agent('a'), named('MaxTokensError', 'too long'))
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'output_tokens' })
    expect(log.of('run_failed')[0]?.data.error.code).toBe('MaxTokensError')
  })

  test('tell a tool that waits for somebody from one that failed', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    chat(run)
    end(tool('pay', run))
    end(tool('search', run, 'error'))
    end(tool('add', run, 'success'))
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['add'])
    expect(log.of('tool_call_failed').map(({ data }) => data.callId)).toEqual(['call-search'])
  })

  test('go on with what was left waiting when tools run before any model is called', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const loop = cycle(run)
    end(tool('pay', loop, 'success'))
    end(tool('search', loop, 'success'))
    end(loop)
    expect(log.of('resumed')).toMatchObject([{ source: { confidence: 'heuristic' } }])
    const other = cycle(agent('b'))
    chat(other)
    end(tool('pay', other, 'success'))
    end(other)
    expect(log.of('resumed')).toHaveLength(1)
  })

  test('compact their context when a call is tried again that did not fit', () => {
    const { log } = startRecordingSdk()
    const loop = cycle(agent('a'))
    fail(start('chat', 'chat', loop), named('ContextWindowOverflowError', 'input is too long'))
    chat(loop)
    expect(log.of('context_compacted')).toMatchObject([{ source: { confidence: 'heuristic' } }])
    end(loop)
    const last = cycle(agent('b'))
    fail(start('chat', 'chat', last), named('ContextWindowOverflowError', 'input is too long'))
    fail(last, named('ContextWindowOverflowError', 'input is too long'))
    chat(cycle(agent('c')))
    expect(log.of('context_compacted')).toHaveLength(1)
  })

  test('recall what their memory finds, and are not runs for what is written there', () => {
    const { log } = startRecordingSdk()
    end(start('memory.search', 'memory.search'), { 'memory.result.count': 3 })
    end(start('memory.add', 'memory.add'))
    end(start('memory.extract', 'memory.extract'))
    expect(log.types).toEqual(['memory_recall'])
    expect(log.of('memory_recall')[0]?.data).toMatchObject({ tier: 'memory', hits: 3 })
  })
})

describe('Swarms of Strands', () => {
  const swarm = (attributes: Attributes = {}): Span =>
    start('invoke_swarm', 'invoke_swarm', undefined, { 'gen_ai.agent.id': 'team', ...attributes })

  /** A node whose agent answers with the node to go on with. */
  function answer(id: string, parent: Span, to?: string): void {
    const step = node(id, parent)
    const run = agent(id, step)
    const call = tool('strands_structured_output', run, 'success')
    call.addEvent('gen_ai.tool.message', { content: JSON.stringify({ agentId: to, message: 'go on' }) })
    end(call)
    end(run)
    end(step, { 'gen_ai.agent.status': 'COMPLETED' })
  }

  test('hand over when the agent that was asked for starts', () => {
    const { log } = startRecordingSdk()
    const around = swarm()
    answer('first', around, 'second')
    expect(log.of('agent_handoff')).toEqual([])
    answer('second', around)
    end(around)
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'first', to: 'second' }])
    expect(log.of('sub_agent_invoked')).toHaveLength(2)
    expect(log.of('tool_call_started')).toEqual([])
  })

  test('that reach their limit have not handed over', () => {
    const { log } = startRecordingSdk()
    const around = swarm()
    answer('first', around, 'second')
    fail(around, new Error('max_steps=<1> | swarm reached step limit'))
    expect(log.of('agent_handoff')).toEqual([])
    expect(log.of('usage_limit_exceeded')).toMatchObject([
      { data: { axis: 'turns', limit: 1 }, source: { confidence: 'heuristic' } },
    ])
    expect(log.types.at(-1)).toBe('run_failed')
  })

  test('are not what an agent with structured output is', () => {
    const { log } = startRecordingSdk()
    const run = agent('alone')
    const call = tool('strands_structured_output', run, 'success')
    call.addEvent('gen_ai.tool.message', { content: '{"agentId":"other"}' })
    end(call)
    end(run)
    end(agent('other'))
    expect(log.of('agent_handoff')).toEqual([])
  })

  test('that took too long tell the limit, and those stopped from outside are cancelled', () => {
    const { log } = startRecordingSdk()
    fail(swarm(), new Error('timeout=<1500>, swarm_id=<s> | swarm exceeded wall-clock budget'))
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'duration_ms', limit: 1500 })
    fail(swarm(), new Error('swarm_id=<s> | cancelled by external signal'))
    expect(log.of('run_cancelled')).toHaveLength(1)
  })

  test('go on when they are given answers to what interrupted them', () => {
    const { log } = startRecordingSdk()
    swarm({ 'gen_ai.agent.input': '[{"type":"interruptResponse","interruptId":"i-1","response":"yes"}]' })
    swarm({ 'gen_ai.agent.input': '[{"type":"textBlock","text":"interruptResponse"}]' })
    expect(log.of('resumed')).toHaveLength(1)
  })
})

describe('Graphs of Strands', () => {
  test.each([
    [['COMPLETED', 'FAILED', 'INTERRUPTED'], 'run_failed'],
    [['INTERRUPTED', 'COMPLETED'], 'run_suspended'],
    [['CANCELLED', 'COMPLETED'], 'run_cancelled'],
    [['COMPLETED', 'COMPLETED'], 'run_completed'],
  ])('with nodes that are %j end as %s, though their own span ends well', (statuses, type) => {
    const { log } = startRecordingSdk()
    const graph = start('invoke_graph', 'invoke_graph', undefined, { 'gen_ai.agent.id': 'flow' })
    for (const [i, status] of statuses.entries()) {
      end(node(`node-${i}`, graph), { 'gen_ai.agent.status': status })
    }
    end(graph)
    expect(log.types).toEqual(['run_started', type])
    expect(log.of('run_started')[0]?.agent).toEqual({ id: 'flow', name: 'graph' })
  })

  test('fail with what made a node fail', () => {
    const { log } = startRecordingSdk()
    const graph = start('invoke_graph', 'invoke_graph')
    const step = node('a', graph)
    fail(agent('a', step), new TypeError('nope'))
    end(step, { 'gen_ai.agent.status': 'FAILED' })
    end(graph)
    expect(log.of('run_failed').map(({ data }) => data.error.code)).toEqual(['TypeError', 'TypeError'])
  })
})
