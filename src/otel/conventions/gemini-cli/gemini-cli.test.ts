import { context, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { agentRecords, recorded } from '../../../../test/support/agent-records.js'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function gemini() {
  const { audit, log } = startRecordingSdk()
  const common = { 'session.id': 's1', prompt_id: 's1########1' }
  return { audit, log, emit: agentRecords(audit, { prefix: 'gemini_cli.', scope: 'gemini-cli', common }) }
}

describe('log records', () => {
  test.each([
    [true, 'accept', ['tool_approval_requested', 'tool_approval_granted']],
    [true, 'modify', ['tool_approval_requested', 'tool_approval_granted']],
    [true, 'reject', ['tool_approval_requested', 'tool_approval_denied']],
    [true, 'auto_accept', []],
    [false, 'accept', []],
    [false, 'reject', ['tool_approval_denied']],
  ])('name a decision where somebody could be asked: interactive %s, %s', async (interactive, decision, expected) => {
    const { audit, log, emit } = gemini()
    emit('user_prompt')
    emit('tool_call', { function_name: 'write_file', success: decision !== 'reject', decision, interactive })
    const types = (await recorded(audit, log)).map(({ type }) => type)
    expect(types.filter((type) => type.startsWith('tool_approval'))).toEqual(expected)
    expect(types.filter((type) => /^tool_call_(?!started)/.test(type))).toHaveLength(1)
  })

  test('count thoughts as output, and what tools gave as input', async () => {
    const { audit, log, emit } = gemini()
    const counts = { input_token_count: 20, output_token_count: 7, thoughts_token_count: 50, tool_token_count: 3 }
    emit('user_prompt')
    emit('api_response', { ...counts, cached_content_token_count: 8, total_token_count: 80 })
    const usage = (await recorded(audit, log)).find(({ type }) => type === 'token_usage_updated')
    expect(usage?.data).toMatchObject({ inputTokens: 23, outputTokens: 57, totalTokens: 80, reasoningTokens: 50 })
  })

  test('tell of two prompts that have the session for their id', async () => {
    const { audit, log, emit } = gemini()
    const usage = { prompt_id: 's1', input_token_count: 5, output_token_count: 1 }
    emit('user_prompt', { prompt_id: 's1' })
    emit('api_response', usage)
    emit('user_prompt', { prompt_id: 's1' })
    emit('api_response', usage)
    const events = await recorded(audit, log)
    expect(new Set(events.filter(({ type }) => type === 'run_completed').map(({ runId }) => runId)).size).toBe(2)
    expect(events.filter(({ type }) => type === 'token_usage_updated')).toHaveLength(2)
  })

  test('of a sub-agent are a run inside, which a limit may end', async () => {
    const { audit, log, emit } = gemini()
    emit('user_prompt')
    emit('agent.start', { agent_id: 'a1', agent_name: 'investigator', prompt_id: undefined })
    emit('agent.finish', {
      agent_id: 'a1',
      agent_name: 'investigator',
      terminate_reason: 'MAX_TURNS',
      prompt_id: undefined,
    })
    const events = await recorded(audit, log)
    const [prompt, agent] = events.filter(({ type }) => type === 'run_started')
    expect(agent).toMatchObject({ parentRunId: prompt?.runId, agent: { id: 'a1', name: 'investigator' } })
    expect(events.find(({ type }) => type === 'run_failed')).toMatchObject({ runId: agent?.runId })
    expect(events.find(({ type }) => type === 'usage_limit_exceeded')?.data).toEqual({ axis: 'turns' })
  })

  test('tell of compression, loops and changes of the mode', async () => {
    const { audit, log, emit } = gemini()
    emit('user_prompt')
    emit('chat_compression', { tokens_before: 900, tokens_after: 200 })
    emit('plan.approval_mode_switch', { from_mode: 'default', to_mode: 'yolo' })
    emit('loop_detected', { loop_type: 'consecutive_identical_tool_calls' })
    const events = await recorded(audit, log)
    expect(events.find(({ type }) => type === 'context_compacted')?.data).toEqual({
      droppedTokens: 700,
      retainedTokens: 200,
    })
    expect(events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ fromMode: 'default', toMode: 'yolo' }),
    )
    expect(events.at(-1)).toMatchObject({ type: 'run_failed', data: { error: { code: 'loop_detected' } } })
  })
})

test('a call whose span is OK has failed where its log record says so', async () => {
  const { audit, log, emit } = gemini()
  const tracer = trace.getTracerProvider().getTracer('gemini-cli')
  const operation = (name: string) => ({ 'gen_ai.operation.name': name, 'gen_ai.conversation.id': 's1' })
  emit('user_prompt')
  const scheduler = tracer.startSpan('schedule_tool_calls', { attributes: operation('schedule_tool_calls') })
  const within = trace.setSpan(context.active(), scheduler)
  const attributes = { ...operation('tool_call'), 'gen_ai.tool.name': 'read_file', 'gen_ai.tool.call_id': 'read-1' }
  tracer.startSpan('tool_call', { attributes }, within).end()
  const failed = { function_name: 'read_file', success: false, error_type: 'file_not_found' }
  emit('tool_call', failed, { spanContext: scheduler.spanContext() })
  scheduler.end()
  const events = await recorded(audit, log)
  const calls = events.filter(({ type }) => type.startsWith('tool_call'))
  expect(calls.map(({ type }) => type)).toEqual(['tool_call_started', 'tool_call_failed'])
  expect(calls[1]?.data).toMatchObject({ callId: 'read-1', error: { code: 'file_not_found' } })
  expect(new Set(events.map(({ runId }) => runId)).size).toBe(1)
})
