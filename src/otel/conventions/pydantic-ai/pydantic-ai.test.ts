import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

const { start, fail } = wholeSpans('pydantic-ai')

function run(more: Attributes = {}, parent?: Span): Span {
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'mailer', ...more }
  return start('invoke_agent mailer', { 'gen_ai.conversation.id': 'c-1', ...attributes }, parent)
}

function chat(parent: Span): void {
  const usage = { 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7, 'operation.cost': 0.5 }
  start('chat m', { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm', ...usage }, parent).end()
}

function tool(name: string, parent: Span, more: Attributes = {}): Span {
  const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name, ...more }
  return start(`execute_tool ${name}`, { 'gen_ai.tool.call.id': `call-${name}`, ...attributes }, parent)
}

const DEFERRED = (name: string) => ({ 'pydantic_ai.tool.deferral.name': name })

describe('a run of Pydantic AI', () => {
  test('tells session, tokens once and cost', () => {
    const { log } = startRecordingSdk()
    const agent = run({ 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 })
    chat(agent)
    agent.end()
    expect(log.of('run_completed')[0]).toMatchObject({ sessionId: 'c-1', data: { usage: { inputTokens: 20 } } })
    expect(log.of('token_usage_updated').map(({ data }) => data.costUsd)).toEqual([0.5])
  })

  test('in the words of older versions is one as well', () => {
    const { log } = startRecordingSdk()
    const agent = start('agent run', { agent_name: 'old', model_name: 'm' })
    const tools = start('running tools', { tools: ['weather'] }, agent)
    start('running tool', { 'gen_ai.tool.name': 'weather', 'gen_ai.tool.call.id': 'c-1' }, tools).end()
    tools.end()
    agent.end()
    expect(log.of('run_started')[0]?.data).toMatchObject({ agent: { name: 'old' }, model: 'm' })
    expect(log.of('tool_call_completed')[0]?.data).toMatchObject({ callId: 'c-1', tool: { name: 'weather' } })
  })

  test('is cancelled by the application, or with its task', () => {
    const { log } = startRecordingSdk()
    fail(run(), 'pydantic_ai.exceptions.RunCancelled', 'stop')
    fail(run(), 'asyncio.exceptions.CancelledError')
    expect(log.of('run_cancelled')).toHaveLength(2)
  })

  test('that exceeds a limit has failed by it', () => {
    const { log } = startRecordingSdk()
    fail(run(), 'pydantic_ai.exceptions.UsageLimitExceeded', 'The next request would exceed the request_limit of 3')
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'requests', limit: 3 })
    expect(log.of('run_failed')).toHaveLength(1)
  })
})

describe('a tool that is deferred', () => {
  test.each([
    ['without an error', (span: Span) => span.end()],
    ['with the error of older versions', (span: Span) => fail(span, 'pydantic_ai.exceptions.ApprovalRequired')],
  ])('%s suspends the run for an approval', (_, end) => {
    const { log } = startRecordingSdk()
    const agent = run()
    chat(agent)
    end(tool('send', agent, DEFERRED('ApprovalRequired')))
    agent.end()
    expect(log.of('tool_approval_requested')[0]?.data).toEqual({ callId: 'call-send', tool: { name: 'send' } })
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'tool_approval', waitingFor: 'send' })
    expect(log.types).not.toContain('tool_call_failed')
  })

  test('to somebody else asks for no approval', () => {
    const { log } = startRecordingSdk()
    const agent = run()
    chat(agent)
    tool('job', agent, DEFERRED('CallDeferred')).end()
    agent.end()
    expect(log.of('run_suspended')[0]?.data.reason).toBe('deferred_tool')
    expect(log.of('tool_approval_requested')).toEqual([])
  })

  test('and decided on within the run suspends nothing', () => {
    const { log } = startRecordingSdk()
    const agent = run()
    chat(agent)
    tool('send', agent, DEFERRED('ApprovalRequired')).end()
    chat(agent)
    agent.end()
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('from the outset has no span: the result of the run tells it, as a guess', () => {
    const { log } = startRecordingSdk()
    const result = { calls: [], approvals: [{ tool_name: 'send', tool_call_id: 'c-1', args: {} }], metadata: {} }
    const agent = run({ final_result: JSON.stringify(result) })
    chat(agent)
    agent.end()
    expect(log.of('tool_approval_requested')[0]).toMatchObject({
      data: { callId: 'c-1' },
      source: { confidence: 'heuristic' },
    })
    expect(log.of('run_suspended')[0]?.source.confidence).toBe('heuristic')
  })

  test.each(['{"calls":[],"approvals":[{"name":"x"}]}', '{"calls":1,"approvals":[]}', '{"approvals"', '[]'])(
    'is not told by the result %s',
    (result) => {
      const { log } = startRecordingSdk()
      run({ final_result: result }).end()
      expect(log.of('run_completed')).toHaveLength(1)
    },
  )
})

describe('a run that goes on', () => {
  test('begins with the tools that waited: approved, by a guess', () => {
    const { log } = startRecordingSdk()
    const agent = run()
    tool('send', agent).end()
    tool('pay', agent).setStatus({ code: SpanStatusCode.OK }).end()
    chat(agent)
    tool('later', agent).end()
    agent.end()
    expect(log.of('resumed').map(({ source }) => source.confidence)).toEqual(['heuristic'])
    expect(log.of('tool_approval_granted').map(({ data }) => data.tool.name)).toEqual(['send', 'pay'])
  })

  test('is no agent inside a tool', () => {
    const { log } = startRecordingSdk()
    const agent = run()
    chat(agent)
    const around = tool('ask', agent)
    const inner = run({ 'gen_ai.agent.name': 'other' }, around)
    chat(inner)
    for (const span of [inner, around, agent]) span.end()
    expect(log.of('resumed')).toEqual([])
    expect(log.of('run_started')[1]?.parentRunId).toBe(log.of('run_started')[0]?.runId)
  })
})
