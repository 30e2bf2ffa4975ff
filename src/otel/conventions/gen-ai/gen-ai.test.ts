import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { AuditLogRecordProcessor } from '../../log-records.js'

/** A span written by hand, with all that is known at its start. */
function start(name: string, attributes: Attributes = {}, parent?: Span, kind: SpanKind = SpanKind.INTERNAL): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('app').startSpan(name, { attributes, kind }, around)
}

function agent(name: string, parent?: Span, attributes: Attributes = {}): Span {
  const told = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name, ...attributes }
  return start(`invoke_agent ${name}`, told, parent)
}

function tool(name: string, parent?: Span, attributes: Attributes = {}): Span {
  const told = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name, ...attributes }
  return start(`execute_tool ${name}`, told, parent)
}

function chat(parent: Span | undefined, input: number, output: number, attributes: Attributes = {}): void {
  const span = start('chat m-1', { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }, parent)
  end(span, { 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': output, ...attributes })
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

function fail(span: Span, name: string, message = ''): void {
  span.recordException(Object.assign(new Error(message), { name }))
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}

describe('GenAI spans', () => {
  test('tell an agent as a run from its start, one inside as a sub-agent, and what each consumed', () => {
    const { log } = startRecordingSdk()
    const outer = agent('planner', undefined, { 'gen_ai.conversation.id': 's-1', 'user.id': 'u-1' })
    expect(log.of('run_started')[0]).toMatchObject({ sessionId: 's-1', actor: { id: 'u-1' } })
    chat(outer, 20, 7)
    const call = tool('delegate', outer, { 'gen_ai.tool.call.id': 'c-1', 'gen_ai.tool.type': 'function' })
    const inner = agent('writer', call)
    chat(inner, 5, 3)
    end(inner, { 'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.output_tokens': 3 })
    end(call)
    end(outer, { 'gen_ai.usage.input_tokens': 25, 'gen_ai.usage.output_tokens': 10 })
    const [first, second] = log.of('run_started')
    expect(second).toMatchObject({ parentRunId: first?.runId, data: { agent: { name: 'writer' } } })
    expect(log.of('tool_call_completed')[0]?.data).toMatchObject({
      callId: 'c-1',
      tool: { name: 'delegate', type: 'function' },
    })
    expect(log.of('run_completed').map(({ data }) => data.usage)).toMatchObject([
      { inputTokens: 5, outputTokens: 3 },
      { inputTokens: 20, outputTokens: 7 },
    ])
  })

  test('tell what an agent consumed by its own span where no model call does', () => {
    const { log } = startRecordingSdk()
    end(agent('planner'), { 'gen_ai.usage.input_tokens': 9, 'gen_ai.usage.output_tokens': 2 })
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 9, outputTokens: 2 })
  })

  test('tell a run by its prescribed name as soon as something happens inside, though no attribute is there yet', () => {
    const { log } = startRecordingSdk()
    const run = start('invoke_agent planner')
    end(tool('search', run))
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_completed'])
    expect(log.of('run_started')[0]?.data).toMatchObject({ agent: { name: 'planner' } })
    end(run, { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.id': 'a-1', 'gen_ai.agent.name': 'Planner' })
    expect(log.of('run_completed')[0]?.agent).toEqual({ id: 'a-1', name: 'Planner' })
  })

  test('that are but a name make a run that is marked as a guess, until an attribute says so', () => {
    const { log } = startRecordingSdk()
    for (const attributes of [{}, { 'gen_ai.agent.name': 'planner' }]) {
      const run = start('invoke_workflow planner', { 'app.step': 1 })
      end(tool('search', run))
      end(run, attributes)
    }
    const marks = (type: 'run_started' | 'run_completed') => log.of(type).map(({ source }) => source.confidence)
    expect(marks('run_started')).toEqual(['heuristic', 'heuristic'])
    expect(marks('run_completed')).toEqual(['heuristic', undefined])
    expect(log.of('tool_call_started')[0]?.source.confidence).toBeUndefined()
  })

  test('tell a run whose name says nothing at its end, with the sub-agents and tokens that were inside', () => {
    const { log } = startRecordingSdk()
    const run = start('answer the question')
    const step = start('a step', {}, run)
    chat(step, 20, 7)
    const inner = agent('writer', step)
    chat(inner, 5, 3)
    end(inner)
    end(step)
    end(run, { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' })
    const runs = log.of('run_started')
    const planner = runs.find(({ data }) => data.agent.name === 'planner')
    const writer = runs.find(({ data }) => data.agent.name === 'writer')
    expect(log.of('sub_agent_invoked')).toMatchObject([{ runId: planner?.runId, data: { subRunId: writer?.runId } }])
    expect(log.of('run_completed').at(-1)?.data.usage).toMatchObject({ inputTokens: 20, outputTokens: 7 })
    expect(planner?.time).toBe(log.of('run_completed').at(-1)?.data.startedAt)
  })

  test('tell a failed run, tool and model call by the status, or by error.type alone', () => {
    const { log } = startRecordingSdk()
    const run = agent('planner')
    fail(tool('search', run), 'RangeError', 'too far')
    end(tool('read', run), { 'error.type': 'timeout' })
    end(start('chat m', { 'gen_ai.operation.name': 'chat' }, run), { 'error.type': '500' })
    end(run, { 'error.type': 'AgentError' })
    expect(log.of('tool_call_failed').map(({ data }) => data.error?.code)).toEqual(['RangeError', 'timeout'])
    expect(log.of('error_occurred')[0]?.data).toMatchObject({ operation: 'chat', error: { code: '500' } })
    expect(log.of('run_failed')[0]?.data.error.code).toBe('AgentError')
  })

  test('tell nothing of error.type where the status says that all went well', () => {
    const { log } = startRecordingSdk()
    const run = agent('planner', undefined, { 'error.type': 'retried' })
    run.setStatus({ code: SpanStatusCode.OK })
    end(run)
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('tell a run that its caller aborted as cancelled', () => {
    const { log } = startRecordingSdk()
    const run = agent('planner')
    fail(start('chat m', { 'gen_ai.operation.name': 'chat' }, run), 'AbortError')
    fail(run, 'AbortError', 'This operation was aborted')
    expect(log.of('run_cancelled')[0]?.data.reason).toBe('aborted')
    expect(log.of('error_occurred')).toEqual([])
  })

  test('tell a quota that is used up, and a rate limit as an error only', () => {
    const { log } = startRecordingSdk()
    fail(start('chat m', { 'gen_ai.operation.name': 'chat' }), 'RateLimitError', '429 Rate limit reached')
    expect(log.of('usage_limit_exceeded')).toEqual([])
    fail(start('chat m', { 'gen_ai.operation.name': 'chat' }), 'RateLimitError', 'You exceeded your current quota')
    expect(log.of('usage_limit_exceeded')[0]).toMatchObject({
      data: { axis: 'quota' },
      source: { confidence: 'heuristic' },
    })
  })

  test('tell a tool call once though a client below tells it too', () => {
    const { log } = startRecordingSdk()
    const run = agent('planner')
    const call = tool('search', run)
    const named = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }
    const request = start('tools/call search', named, call, SpanKind.CLIENT)
    end(request)
    end(call)
    end(run)
    expect(log.of('tool_call_started')).toHaveLength(1)
    expect(log.of('tool_call_completed')).toHaveLength(1)
  })

  test('tell a remote agent once though the request to it is a span too', () => {
    const { log } = startRecordingSdk()
    const run = agent('remote')
    const named = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'remote' }
    end(start('invoke_agent remote', named, run, SpanKind.CLIENT), { 'gen_ai.usage.input_tokens': 4 })
    end(run)
    expect(log.of('run_started')).toHaveLength(1)
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 4 })
  })

  test('tell a transfer of control as a hand-off and no tool call, and one that returns as a call', () => {
    const { log } = startRecordingSdk()
    const run = agent('triage')
    const to = (name: string, mode: string) => ({ 'gen_ai.transfer.mode': mode, 'gen_ai.transfer.target.name': name })
    end(tool('transfer_to_billing', run, { 'gen_ai.agent.name': 'triage', ...to('billing', 'pass_control') }))
    end(tool('ask_weather', run, to('weather', 'return_to_caller')))
    end(run)
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'triage', to: 'billing' }])
    expect(log.of('tool_call_started').map(({ data }) => data.tool.name)).toEqual(['ask_weather'])
  })

  test('tell no hand-off of a transfer that failed', () => {
    const { log } = startRecordingSdk()
    const transfer = { 'gen_ai.transfer.mode': 'pass_control', 'gen_ai.transfer.target.name': 'billing' }
    fail(tool('transfer', agent('triage'), transfer), 'Error', 'no such agent')
    expect(log.of('agent_handoff')).toEqual([])
  })

  test('tell what a retrieval and a look-up in memory found, and writing to memory as no recall', () => {
    const { log } = startRecordingSdk()
    const operation = (name: string, attributes: Attributes) =>
      end(start(name, { 'gen_ai.operation.name': name }), attributes)
    operation('retrieval', { 'gen_ai.retrieval.documents': '[{"id":"a"},{"id":"b"}]' })
    operation('search_memory', { 'gen_ai.memory.record.count': 0 })
    operation('update_memory', { 'gen_ai.memory.record.count': 3 })
    expect(log.of('memory_recall').map(({ data }) => data)).toMatchObject([
      { tier: 'retriever', hits: 2 },
      { tier: 'memory', hits: 0 },
    ])
  })

  test('tell a model call of an older version, or of an unknown operation, by what it consumed', () => {
    const { log } = startRecordingSdk()
    const model = {
      'gen_ai.request.model': 'm-1',
      'gen_ai.usage.prompt_tokens': 3,
      'gen_ai.usage.completion_tokens': 1,
    }
    end(start('openai.chat'), { 'gen_ai.system': 'openai', ...model })
    end(start('transcribe', { 'gen_ai.operation.name': 'transcription' }), model)
    end(start('step', { 'gen_ai.operation.name': 'of_my_own' }))
    expect(log.of('token_usage_updated').map(({ data }) => data.inputTokens)).toEqual([3, 3])
    expect(log.of('run_started')).toEqual([])
  })

  test('tell a call that two instrumentations told of once', () => {
    const { log } = startRecordingSdk()
    const usage = { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 3, 'gen_ai.response.id': 'r-1' }
    end(trace.getTracer('framework').startSpan('chat'), usage)
    end(trace.getTracer('client').startSpan('chat'), usage)
    expect(log.of('token_usage_updated')).toHaveLength(1)
  })
})

describe('GenAI events', () => {
  test('tell a run that pauses, and does not go on before its span ends, as suspended', () => {
    const { log } = startRecordingSdk()
    const run = agent('approver')
    run.addEvent('gen_ai.agent.paused', { 'gen_ai.agent.pause.reason': 'human_input', 'gen_ai.agent.pause.id': 'p-1' })
    run.addEvent('gen_ai.agent.checkpointed', { 'gen_ai.agent.checkpoint.id': 'ck-1' })
    end(run)
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'human_input', waitingFor: 'p-1' })
    expect(log.of('custom')[0]?.data).toMatchObject({ name: 'gen_ai.agent.checkpointed', checkpointId: 'ck-1' })
    const next = agent('approver')
    next.addEvent('gen_ai.agent.resumed', { 'gen_ai.agent.resumed_from.id': 'ck-1' })
    end(next)
    expect(log.of('resumed')[0]).toMatchObject({
      runId: log.of('run_started')[1]?.runId,
      data: { fromCheckpoint: 'ck-1' },
    })
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('tell a run that pauses and goes on within its span as completed', () => {
    const { log } = startRecordingSdk()
    const run = agent('approver')
    run.addEvent('gen_ai.agent.paused')
    run.addEvent('gen_ai.agent.resumed')
    end(run)
    expect(log.types).toEqual(['run_started', 'resumed', 'run_completed'])
  })

  test('are read from log records as well', () => {
    const { log, audit } = startRecordingSdk()
    const run = agent('approver')
    const spanContext = run.spanContext()
    new AuditLogRecordProcessor(audit).onEmit({ eventName: 'gen_ai.agent.paused', attributes: {}, spanContext })
    end(run)
    expect(log.of('run_suspended')[0]?.data.reason).toBe('paused')
  })

  test('tell what an evaluation found, without the explanation', () => {
    const { log } = startRecordingSdk()
    const run = agent('planner')
    run.addEvent('gen_ai.evaluation.result', {
      'gen_ai.evaluation.name': 'relevance',
      'gen_ai.evaluation.score.value': -0.5,
      'gen_ai.evaluation.score.label': 'pass',
      'gen_ai.evaluation.explanation': 'a secret of the conversation',
    })
    end(run)
    expect(log.of('custom')[0]?.data).toMatchObject({ evaluation: 'relevance', score: -0.5, label: 'pass' })
    expect(JSON.stringify(log.events)).not.toContain('secret')
  })

  test('that carry messages say nothing', async () => {
    const { log } = startRecordingSdk()
    const run = agent('planner')
    run.addEvent('gen_ai.user.message', { content: 'hello' })
    run.addEvent('gen_ai.choice', { message: 'hi', finish_reason: 'stop' })
    await nextTurn()
    end(run)
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })
})
