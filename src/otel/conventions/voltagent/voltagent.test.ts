import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function start(name: string, attributes: Attributes, parent?: Span, tracer = '@voltagent/core'): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer(tracer).startSpan(name, { attributes }, around)
}

/** What every span of the agent or workflow repeats. */
const of = (type: string, id: string) => ({ 'entity.type': type, 'entity.id': id, 'entity.name': id })

const agent = (id: string, attributes: Attributes = {}, parent?: Span): Span =>
  start(id, { ...of('agent', id), ...attributes }, parent)

const within = (type: string, parent: Span, attributes: Attributes = {}): Span =>
  start(type, { ...of('agent', 'a'), 'span.type': type, ...attributes }, parent)

const workflow = (attributes: Attributes = {}): Span => start('flow', { ...of('workflow', 'flow'), ...attributes })

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).setStatus({ code: SpanStatusCode.OK }).end()
}

function fail(span: Span, error: Error, attributes: Attributes = {}): void {
  span.setAttributes(attributes).recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message }).end()
}

const attempt = { 'llm.model': 'm-1', 'llm.attempt': 1 }
const callTokens = (input: number) => ({
  'llm.usage.prompt_tokens': input,
  'llm.usage.completion_tokens': 1,
  'llm.usage.cached_tokens': 4,
})
const tokens = (input: number) => ({ 'usage.prompt_tokens': input, 'usage.completion_tokens': 1 })

describe('Agents of VoltAgent', () => {
  test('are the spans of an agent that are not something of its', () => {
    const { log } = startRecordingSdk()
    const run = agent('a', { 'user.id': 'u-1', 'conversation.id': 'c-1', 'ai.model.name': 'm-1' })
    end(within('guardrail', run))
    end(within('something new', run))
    end(run, { 'ai.response.finish_reason': 'stop' })
    expect(log.types).toEqual(['run_started', 'run_completed'])
    expect(log.of('run_started')[0]).toMatchObject({
      agent: { id: 'a', name: 'a' },
      sessionId: 'c-1',
      actor: { id: 'u-1' },
      data: { model: 'm-1' },
    })
    expect(log.of('run_completed')[0]?.data.finishReason).toBe('stop')
  })

  test('are known by what the caller put into their context', () => {
    const { log } = startRecordingSdk()
    end(agent('a', { 'agent.context': '{"tenantId":"t-1","userId":"u-1","secret":"s"}' }))
    expect(log.of('run_started')[0]).toMatchObject({ tenantId: 't-1', actor: { id: 'u-1' } })
  })

  test('that are called by another bear their own name, not that of their caller', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const sub = { 'voltagent.is_subagent': true, 'subagent.id': 'b', 'subagent.name': 'B' }
    end(agent('a', sub, within('tool', run, { 'tool.name': 'delegate_task' })), tokens(3))
    end(run, tokens(5))
    expect(log.of('sub_agent_invoked')[0]?.data.agentId).toBe('b')
    expect(log.of('run_started')[1]?.agent).toEqual({ id: 'b', name: 'B' })
    expect(log.of('run_completed').map(({ data }) => data.usage?.inputTokens)).toEqual([3, 5])
  })

  test('tell the sum of their calls, each of which tells its last step only', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    end(within('llm', run, attempt), callTokens(20))
    end(run, tokens(50))
    expect(log.of('token_usage_updated').map(({ data }) => data.inputTokens)).toEqual([50])
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 50 })
  })

  test('that tell no sum have used what their calls tell', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    end(within('llm', run, attempt), callTokens(20))
    end(within('llm', run, attempt), callTokens(30))
    fail(run, new Error('late'))
    expect(log.of('run_failed')[0]?.data.usage).toMatchObject({
      inputTokens: 50,
      outputTokens: 2,
      cachedInputTokens: 8,
    })
  })

  test('do not have in their sum the call that finds a title', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    end(within('llm', run, { 'llm.model': 'small' }), callTokens(7))
    end(run, tokens(50))
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 57 })
  })

  test('leave the counting to an instrumentation that tells every call', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const call = within('llm', run, attempt)
    for (const input of [20, 30]) {
      const told = { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': input }
      end(start('chat m-1', told, call, 'openai'))
    }
    end(call, callTokens(30))
    end(run, tokens(50))
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 50 })
  })

  test('that were cancelled are not failed', () => {
    const { log } = startRecordingSdk()
    fail(agent('a'), new Error('stop'), { 'agent.state': 'cancelled', 'cancellation.reason': 'user left' })
    expect(log.of('run_cancelled')[0]?.data.reason).toBe('user left')
    expect(log.of('run_failed')).toEqual([])
  })

  test('stopped by the limit of steps only where the model wanted to go on', () => {
    const { log } = startRecordingSdk()
    const stopped = {
      'voltagent.stopped_by_max_steps': true,
      'voltagent.max_steps': 3,
      'voltagent.step_count': 3,
    }
    end(agent('a'), { ...stopped, 'ai.response.finish_reason': 'stop' })
    expect(log.of('usage_limit_exceeded')).toEqual([])
    end(agent('a'), { ...stopped, 'ai.response.finish_reason': 'tool-calls' })
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'turns', limit: 3, observed: 3 })
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('wait where the model asked for tools that nobody has run', () => {
    const { log } = startRecordingSdk()
    end(agent('a'), { 'ai.response.finish_reason': 'tool-calls' })
    const run = agent('b')
    end(within('tool', run, { 'tool.name': 'done' }))
    end(run, { 'ai.response.finish_reason': 'tool-calls' })
    expect(log.of('run_suspended')[0]?.data.reason).toBe('tool_calls')
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('tell what a guardrail blocked or changed', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    end(within('guardrail', run, { 'guardrail.name': 'pii' }), { 'guardrail.action': 'allow' })
    end(within('guardrail', run, { 'guardrail.name': 'pii' }), { 'guardrail.action': 'modify' })
    fail(within('guardrail', run, { 'guardrail.id': 'g-1' }), new Error('no'), { 'guardrail.action': 'block' })
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([
      { rule: 'pii', action: 'modify' },
      { rule: 'g-1', action: 'block' },
    ])
  })

  test('compact their context where a new summary is made, not where an old one is used', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const summary = (attributes: Attributes) => end(within('summary', run), attributes)
    summary({ 'agent.summary.action': 'inject', 'agent.summary.updated': true })
    summary({ 'agent.summary.action': 'generate', 'agent.summary.updated': false })
    summary({
      'agent.summary.action': 'generate',
      'agent.summary.updated': true,
      'agent.summary.candidates': 9,
      'agent.summary.previous_count': 4,
    })
    expect(log.of('context_compacted').map(({ data }) => data)).toEqual([{ droppedMessages: 5 }])
  })

  test('recall what they read from memory or a retriever, and nothing by writing', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    end(within('memory', run, { 'memory.operation': 'read' }), { 'memory.message_count': 2 })
    end(within('memory', run, { 'memory.operation': 'write' }), { 'memory.message_count': 4 })
    end(within('retriever', run, { 'retriever.name': 'docs' }), { 'retriever.document_count': 3 })
    expect(log.of('memory_recall').map(({ data }) => [data.tier, data.hits])).toEqual([
      ['memory', 2],
      ['retriever', 3],
    ])
  })

  test('search among tools as part of the tool that searches', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const search = within('tool', run, { 'tool.name': 'searchTools', 'tool.call.id': 'call-1' })
    end(within('tool', search, { 'tool.search.name': 'searchTools' }))
    end(search)
    expect(log.of('tool_call_started').map(({ data }) => data.callId)).toEqual(['call-1'])
  })

  test('tell in an event of their span what is recorded by hand', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    run.addEvent('spanledger.agent_handoff', { 'spanledger.from': 'a', 'spanledger.to': 'b' })
    run.addEvent('workflow.resumed.not')
    end(run)
    expect(log.of('agent_handoff')[0]?.data).toEqual({ from: 'a', to: 'b' })
    expect(log.of('resumed')).toEqual([])
  })
})

describe('Workflows of VoltAgent', () => {
  test('wait, and go on as another run', () => {
    const { log } = startRecordingSdk()
    const first = workflow({ 'workflow.context': '{"sessionId":"s-1"}' })
    first.addEvent('workflow.suspended', { 'suspension.reason': 'needs approval' })
    end(first, { 'workflow.state': 'suspended' })
    expect(log.of('run_suspended')[0]).toMatchObject({ sessionId: 's-1', data: { reason: 'needs approval' } })
    const second = workflow()
    second.addEvent('workflow.resumed', { 'resume.step_index': 2 })
    expect(log.of('resumed')[0]?.data).toEqual({ fromCheckpoint: 'step 2' })
    end(second, { 'workflow.state': 'completed' })
    expect(log.types.at(-1)).toBe('run_completed')
  })

  test('tell why they were cancelled, and by what they failed', () => {
    const { log } = startRecordingSdk()
    const cancelled = workflow()
    cancelled.addEvent('workflow.cancelled', { 'cancellation.reason': 'too late' })
    end(cancelled, { 'workflow.state': 'cancelled' })
    fail(workflow(), new RangeError('nope'), { 'workflow.state': 'error' })
    expect(log.of('run_cancelled')[0]?.data.reason).toBe('too late')
    expect(log.of('run_failed')[0]?.data.error).toMatchObject({ code: 'RangeError' })
  })

  test('hold their agents as sub-agents', () => {
    const { log } = startRecordingSdk()
    const run = workflow()
    const step = start('step', { ...of('workflow', 'flow'), 'span.type': 'workflow-step' }, run)
    end(agent('a', {}, step))
    end(step)
    end(run, { 'workflow.state': 'completed' })
    expect(log.of('sub_agent_invoked')).toHaveLength(1)
    expect(log.of('run_started').map(({ data }) => data.trigger)).toEqual(['workflow', undefined])
  })
})
