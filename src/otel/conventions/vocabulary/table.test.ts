import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function spans(scope: string) {
  return (name: string, parent?: Span, attributes: Attributes = {}, options: SpanOptions = {}): Span => {
    const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    return trace.getTracer(scope).startSpan(name, { attributes, ...options }, around)
  }
}

function fail(span: Span, name: string, message: string, status = true): void {
  span.recordException(Object.assign(new Error(message), { name }))
  if (status) span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}

describe('LangWatch', () => {
  const start = spans('any')

  test('tells a retriever with its contexts, and a guardrail that was not passed', () => {
    const { log } = startRecordingSdk()
    const agent = start('bot', undefined, { 'langwatch.span.type': 'agent', 'langwatch.customer.id': 'acme' })
    const contexts = '[{"document_id":"d1","chunk_id":"c1","content":"x"}]'
    start('search', agent, { 'langwatch.span.type': 'rag', 'langwatch.rag.contexts': contexts }).end()
    const check = start('jailbreak', agent, { 'langwatch.span.type': 'guardrail' })
    check.setAttribute('langwatch.output', '{"type":"guardrail_result","value":{"status":"processed","passed":false}}')
    check.end()
    start('step', agent, { 'langwatch.span.type': 'component' }).end()
    agent.end()
    expect(log.of('memory_recall').map(({ data }) => data)).toEqual([{ tier: 'retriever', hits: 1 }])
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'jailbreak', action: 'triggered' }])
    expect(log.of('run_started').map(({ tenantId, data }) => [tenantId, data.agent.name])).toEqual([['acme', 'bot']])
  })
})

test('LangWatch’s callbacks of LangChain: the input in the name of a tool is never recorded', async () => {
  const { log } = startRecordingSdk()
  const start = spans('langwatch.instrumentation.langchain')
  const chain = start('weather-agent', undefined, { 'langwatch.span.type': 'chain' })
  await nextTurn()
  start('Tool: weather — {"card":"4111"}', chain, { 'langwatch.span.type': 'tool' }).end()
  start('Node: agent (step 1)', chain, { 'langwatch.span.type': 'component' }).end()
  chain.end()
  expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['weather'])
  expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['weather-agent'])
  expect(JSON.stringify(log.events)).not.toContain('4111')
})

describe('Laminar', () => {
  const start = spans('lmnr.tracer')

  test('tells the outermost function that it observes as a run, and what one throws as a failure', async () => {
    const { log } = startRecordingSdk()
    const agent = start('my_agent', undefined, { 'lmnr.association.properties.session_id': 's-1' })
    await nextTurn()
    const inner = start('plan', agent)
    const tool = start('weather', inner, { 'lmnr.span.type': 'TOOL' })
    fail(tool, 'RangeError', 'down', false)
    inner.end()
    fail(agent, 'Error', 'down', false)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_failed', 'run_failed'])
    expect(log.of('run_started')[0]).toMatchObject({ sessionId: 's-1', data: { agent: { name: 'my_agent' } } })
  })

  test('tells of no run where a model is called, or an evaluation runs, by itself', async () => {
    const { log } = startRecordingSdk()
    start('chat', undefined, { 'lmnr.span.type': 'LLM', 'gen_ai.usage.input_tokens': 3 }).end()
    start('evaluation', undefined, { 'lmnr.span.type': 'EVALUATION' }).end()
    await nextTurn()
    expect(log.types).toEqual(['token_usage_updated'])
  })

  test('tells hand-offs of @openai/agents, and guardrails that were triggered', () => {
    const { log } = startRecordingSdk()
    const run = start('Agent workflow', undefined, { 'lmnr.span.type': 'DEFAULT' })
    const handoff = start('agents.handoff', run, { 'lmnr.span.type': 'TOOL' })
    handoff.setAttributes({ 'openai.agents.handoff.from': 'Triage', 'openai.agents.handoff.to': 'Billing' }).end()
    const check = start('agents.guardrail', run, { 'lmnr.span.type': 'DEFAULT' })
    check.setAttributes({ 'openai.agents.guardrail.name': 'math', 'openai.agents.guardrail.triggered': true }).end()
    run.end()
    expect(log.of('agent_handoff')[0]?.data).toEqual({ from: 'Triage', to: 'Billing' })
    expect(log.of('policy_violation')[0]?.data).toEqual({ rule: 'math', action: 'triggered' })
    expect(log.of('tool_call_started')).toEqual([])
  })
})

test('Effect: a call of a toolkit is a tool call, cancelled by an interruption', () => {
  const { log } = startRecordingSdk()
  const start = spans('effect')
  start('Toolkit.handle', undefined, { tool: 'weather' }).end()
  start('Toolkit.handle', undefined, { tool: 'slow' }).setAttribute('status.interrupted', true).end()
  start('Toolkit.handle').end()
  expect(log.of('tool_call_started').map(({ data }) => data.tool.name)).toEqual(['weather', 'slow'])
  expect(log.of('tool_call_failed').map(({ data }) => data.tool.name)).toEqual(['slow'])
})

describe('Ax', () => {
  const start = spans('app')

  test('tells a flow that throws as failed, as its program did, by a guess; one that goes on ends well', () => {
    const { log } = startRecordingSdk()
    const flow = start('AxFlow', undefined, { total_steps: 2 })
    fail(start('AxGen', flow, { signature: '{}' }), 'AxGenerateError', 'Generate failed: down')
    flow.end()
    expect(log.of('run_failed')).toHaveLength(2)
    expect(log.of('run_failed').map(({ source }) => source?.confidence)).toEqual([undefined, 'heuristic'])
    const retried = start('AxFlow', undefined, { total_steps: 2 })
    fail(start('AxGen', retried, { signature: '{}' }), 'AxGenerateError', 'Generate failed: down')
    start('AxGen', retried, { signature: '{}' }).end()
    retried.end()
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('tells programs and flows, tokens from events, and tools that throw', () => {
    const { log } = startRecordingSdk()
    const flow = start('AxFlow > nightly', undefined, { total_steps: 2 })
    const program = start('AxGen > summary', flow, { signature: '{}' })
    const call = start('AI Chat Request', program, { 'gen_ai.system': 'OpenAI', 'gen_ai.operation.name': 'chat' })
    call.addEvent('gen_ai.usage', { 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 })
    call.end()
    fail(start('Tool: weather', program, { 'tool.name': 'weather', 'function.id': 'c-1' }), 'Error', 'down', false)
    fail(program, 'AxGenerateError', 'Generate failed: Max steps reached: 3')
    flow.end()
    expect(log.of('run_started').map(({ data }) => [data.agent.name, data.trigger])).toEqual([
      ['nightly', 'workflow'],
      ['summary', undefined],
    ])
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({ inputTokens: 20, outputTokens: 7 })
    expect(log.of('tool_call_failed')[0]?.data).toMatchObject({ callId: 'c-1', tool: { name: 'weather' } })
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'turns' })
  })

  test('tells a program that was aborted by the error that caused its own', () => {
    const { log } = startRecordingSdk()
    const program = start('AxGen', undefined, { signature: '{}' })
    program.recordException(Object.assign(new Error('aborted'), { name: 'AxAIServiceAbortedError' }))
    fail(program, 'AxGenerateError', 'Generate failed: aborted')
    expect(log.types).toEqual(['run_started', 'run_cancelled'])
  })

  test('leaves spans of the same names to others', () => {
    const { log } = startRecordingSdk()
    start('Tool: hammer').end()
    start('AxGen').end()
    expect(log.types).toEqual([])
  })
})

describe('TanStack AI', () => {
  const start = spans('my-app')
  const call = { 'gen_ai.system': 'openai', 'gen_ai.request.model': 'm' }
  const iteration = (root: Span, n: number) =>
    start(
      `chat m #${n}`,
      root,
      { ...call, 'gen_ai.operation.name': 'chat', 'tanstack.ai.iteration': n },
      { kind: SpanKind.CLIENT },
    )

  test('tells the span around its first call of a model as a run, before anything inside', () => {
    const { log } = startRecordingSdk()
    const root = start('chat m', undefined, call)
    const first = iteration(root, 0)
    const tool = start('execute_tool weather', first, { 'gen_ai.tool.name': 'weather', 'gen_ai.tool.call.id': 'c-1' })
    tool.end()
    first.setAttributes({ 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 }).end()
    root.setAttributes({ 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 }).end()
    expect(log.types).toEqual([
      'run_started',
      'tool_call_started',
      'tool_call_completed',
      'token_usage_updated',
      'run_completed',
    ])
    expect(log.of('run_started')[0]?.data.agent).toEqual({})
  })

  test('tells a cancelled run from a failed one', () => {
    const { log } = startRecordingSdk()
    for (const reason of ['cancelled', undefined]) {
      const root = start('chat m', undefined, call)
      for (const span of [iteration(root, 0), root]) {
        if (reason) span.setAttribute('tanstack.ai.completion.reason', reason)
        span.setStatus({ code: SpanStatusCode.ERROR, message: reason ?? '400 bad' }).end()
      }
    }
    expect(log.types).toEqual(['run_started', 'run_cancelled', 'run_started', 'error_occurred', 'run_failed'])
  })
})

describe('OpenLIT', () => {
  const start = spans('@openlit/instrumentation-openai-agents')
  const agentSpan = (name: string, parent?: Span) =>
    start(name, parent, { 'gen_ai.operation.name': name.split(' ')[0] as string })

  test('tells agents, not their tasks and turns, and a hand-off for what says agent inside of one', () => {
    const { log } = startRecordingSdk()
    const flow = agentSpan('invoke_workflow Agent workflow')
    const task = agentSpan('invoke_agent', flow)
    const triage = agentSpan('invoke_agent Triage', task)
    const turn = agentSpan('invoke_agent', triage)
    const handoff = agentSpan('invoke_agent unknown', turn)
    handoff.setAttributes({ 'gen_ai.agent.name': 'Billing', 'gen_ai.agent.source': 'Triage' }).end()
    const check = agentSpan('invoke_agent pii', triage)
    agentSpan('invoke_agent Checker', check).end()
    check.setAttributes({ 'gen_ai.agent.name': 'pii', 'gen_ai.guardrail.triggered': true }).end()
    for (const span of [turn, triage]) span.end()
    agentSpan('invoke_agent Billing', task).end()
    for (const span of [task, flow]) span.end()
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual([
      'Agent workflow',
      'Triage',
      'Checker',
      'Billing',
    ])
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'Triage', to: 'Billing' }])
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'pii', action: 'triggered' }])
  })

  test('tells no run of a node of a graph', () => {
    const { log } = startRecordingSdk()
    const node = spans('@openlit/instrumentation-langgraph')
    const graph = node('invoke_workflow support', undefined, { 'gen_ai.operation.name': 'invoke_workflow' })
    node('invoke_agent agent', graph, { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'agent' }).end()
    graph.end()
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['support'])
  })

  test('tells no run of the node of a prebuilt agent that is called agent', async () => {
    const { log } = startRecordingSdk()
    const chain = spans('@openlit/instrumentation-langchain')
    const named = (name: string) => ({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name })
    const graph = chain('invoke_agent weather_agent', undefined, named('weather_agent'))
    chain('invoke_agent agent', graph, named('agent')).end()
    graph.end()
    await nextTurn()
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['weather_agent'])
  })

  test('tells what its guards denied', () => {
    const { log } = startRecordingSdk()
    const agent = spans('x')('invoke_agent x', undefined, { 'gen_ai.operation.name': 'invoke_agent' })
    agent.addEvent('guard.evaluation', { 'guard.name': 'pii', 'guard.action': 'deny' })
    agent.addEvent('guard.evaluation', { 'guard.name': 'pii', 'guard.action': 'allow' })
    agent.end()
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'pii', action: 'deny' }])
  })
})

test('Sentry: the outermost chain of LangChain is a run', async () => {
  const { log } = startRecordingSdk()
  const start = spans('@sentry/node')
  const outer = start('chain RunnableSequence', undefined, { 'langchain.chain.name': 'RunnableSequence' })
  start('chain ChatPromptTemplate', outer, { 'langchain.chain.name': 'ChatPromptTemplate' }).end()
  outer.end()
  await nextTurn()
  expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['RunnableSequence'])
})
