import { context, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { recorded } from '../../../../test/support/agent-records.js'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

const SESSION = 'session-1'

describe('spans', () => {
  const tracing = () => {
    const { audit, log } = startRecordingSdk()
    const tracer = trace.getTracerProvider().getTracer('com.anthropic.claude_code.tracing', '2.1.332')
    const start = (
      type: string,
      attributes: Record<string, string | number>,
      around?: ReturnType<typeof tracer.startSpan>,
    ) =>
      tracer.startSpan(
        `claude_code.${type}`,
        { attributes: { 'session.id': SESSION, 'span.type': type, ...attributes } },
        around ? trace.setSpan(context.active(), around) : context.active(),
      )
    return { audit, log, start }
  }

  test('of a denied call tell so, though the span of the tool is unset and ends first', async () => {
    const { audit, log, start } = tracing()
    const prompt = start('interaction', {})
    const tool = start('tool', { tool_name: 'Bash', tool_use_id: 't' }, prompt)
    const decision = start('tool.blocked_on_user', { decision: 'reject', source: 'user_reject' }, tool)
    tool.end()
    decision.end()
    prompt.end()
    const events = await recorded(audit, log)
    expect(events.map(({ type }) => type)).toEqual([
      'run_started',
      'tool_call_started',
      'tool_approval_requested',
      'tool_approval_denied',
      'tool_call_failed',
      'run_completed',
    ])
  })

  test('of a call that nothing tells more of are believed', async () => {
    const { audit, log, start } = tracing()
    const prompt = start('interaction', {})
    start('tool', { tool_name: 'Read', tool_use_id: 't' }, prompt).end()
    prompt.end()
    await audit.forceFlush()
    expect(log.events.map(({ type }) => type)).toContain('tool_call_completed')
  })

  test('inside the tool of a sub-agent are a run of their own', async () => {
    const { audit, log, start } = tracing()
    const prompt = start('interaction', {})
    const tool = start('tool', { tool_name: 'Agent', tool_use_id: 't', subagent_type: 'Explore' }, prompt)
    const execution = start('tool.execution', {}, tool)
    const call = start('llm_request', { agent_id: 'a1', input_tokens: 5, output_tokens: 2, request_id: 'r' }, execution)
    for (const span of [call, execution, tool, prompt]) span.end()
    await audit.shutdown()
    const started = log.events.filter(({ type }) => type === 'run_started')
    expect(started.map(({ agent }) => agent?.name)).toEqual(['claude-code', 'Explore'])
    expect(started[1]?.parentRunId).toBe(started[0]?.runId)
    expect(log.events.filter(({ type }) => type === 'tool_call_completed')).toHaveLength(1)
    expect(log.events.filter(({ type }) => type === 'run_completed')).toHaveLength(2)
  })

  test('below the span of a framework that tells their sum count once', async () => {
    const { audit, log, start } = tracing()
    const sum = { 'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.output_tokens': 2 }
    const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'coder', ...sum }
    const agent = trace.getTracer('framework').startSpan('invoke_agent coder', { attributes })
    const prompt = start('interaction', {}, agent)
    start('llm_request', { input_tokens: 5, output_tokens: 2, request_id: 'r' }, prompt).end()
    prompt.end()
    agent.end()
    const used = (await recorded(audit, log)).filter(({ type }) => type === 'token_usage_updated')
    expect(used.map(({ data }) => data.inputTokens)).toEqual([5])
  })

  test('end a prompt as its last model call ended', async () => {
    const { audit, log, start } = tracing()
    const prompt = start('interaction', {})
    start('llm_request', { success: 'false', status_code: 400, error: 'bad request' }, prompt).end()
    prompt.end()
    const events = await recorded(audit, log)
    expect(events.at(-1)).toMatchObject({
      type: 'run_failed',
      data: { error: { code: '400', message: 'bad request' } },
    })
  })
})
