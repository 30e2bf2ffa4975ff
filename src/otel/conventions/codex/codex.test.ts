import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { agentRecords, recorded } from '../../../../test/support/agent-records.js'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function codex() {
  const { audit, log } = startRecordingSdk()
  const common = { 'conversation.id': 'c1', model: 'gpt-5' }
  return { audit, log, emit: agentRecords(audit, { prefix: 'codex.', scope: 'codex_otel.log_only', common }) }
}

describe('log records', () => {
  test.each([
    ['User', 'approved', ['tool_approval_requested', 'tool_approval_granted']],
    ['User', 'approved_for_session', ['tool_approval_requested', 'tool_approval_granted']],
    ['User', 'denied', ['tool_approval_requested', 'tool_approval_denied']],
    ['AutomatedReviewer', 'approved', ['tool_approval_requested', 'tool_approval_granted']],
    ['Config', 'approved', []],
    ['Config', 'denied', ['tool_approval_denied']],
  ])('name who decided on a call: %s, %s', async (source, decision, expected) => {
    const { audit, log, emit } = codex()
    emit('user_prompt')
    emit('tool_decision', { tool_name: 'exec_command', call_id: 'x', decision, source })
    const approvals = (await recorded(audit, log)).filter(({ type }) => type.startsWith('tool_approval'))
    expect(approvals.map(({ type }) => type)).toEqual(expected)
    for (const { data } of approvals) expect(data).toMatchObject({ by: source.toLowerCase(), callId: 'x' })
  })

  test('belong to the last prompt of the conversation', async () => {
    const { audit, log, emit } = codex()
    const usage = { 'event.kind': 'response.completed', input_token_count: 9, output_token_count: 2 }
    emit('user_prompt')
    emit('sse_event', { ...usage, cached_token_count: 4, reasoning_token_count: 1 })
    emit('user_prompt')
    emit('sse_event', usage)
    const events = await recorded(audit, log)
    const started = events.filter(({ type }) => type === 'run_started').map(({ runId }) => runId)
    const used = events.filter(({ type }) => type === 'token_usage_updated')
    expect(used.map(({ runId }) => runId)).toEqual(started)
    expect(used[0]?.data).toMatchObject({ inputTokens: 9, cachedInputTokens: 4, outputTokens: 2, reasoningTokens: 1 })
    expect(events.filter(({ type }) => type === 'run_completed')).toHaveLength(2)
  })

  test('tell of a failed request, which a later one makes good', async () => {
    const { audit, log, emit } = codex()
    const failed = { 'http.response.status_code': 500, 'error.message': 'server error' }
    emit('user_prompt')
    emit('api_request', failed)
    emit('sse_event', { input_token_count: 9, output_token_count: 2 })
    emit('user_prompt')
    emit('api_request', failed)
    const ends = (await recorded(audit, log)).filter(({ type }) => /^run_(?!started)/.test(type))
    expect(ends.map(({ type }) => type)).toEqual(['run_completed', 'run_failed'])
    expect(ends[1]?.data).toMatchObject({ error: { code: '500', message: 'server error' } })
  })

  test('tell of a prompt that the user stopped', async () => {
    const { audit, log, emit } = codex()
    emit('user_prompt')
    emit('tool_decision', { tool_name: 'exec_command', call_id: 'x', decision: 'abort', source: 'User' })
    expect((await recorded(audit, log)).at(-1)).toMatchObject({ type: 'run_cancelled', data: { reason: 'abort' } })
  })

  test('of a conversation tell how it was set up', async () => {
    const { audit, log, emit } = codex()
    emit('conversation_starts', { approval_policy: 'never', sandbox_policy: 'danger-full-access' })
    const [event] = await recorded(audit, log)
    expect(event).toMatchObject({ type: 'custom', sessionId: 'c1', runId: undefined })
    expect(event?.data).toMatchObject({ approvalPolicy: 'never', sandboxPolicy: 'danger-full-access' })
  })
})

describe('spans', () => {
  test('of a call take what came of it from the event inside', async () => {
    const { audit, log } = startRecordingSdk()
    const tracer = trace.getTracerProvider().getTracer('codex_exec')
    const ids = { 'conversation.id': 'c1', 'turn.id': 't1' }
    tracer.startActiveSpan('run_turn', { attributes: ids }, (turn) => {
      const call = { ...ids, 'codex.tool.phase': 'dispatch', tool_name: 'exec_command', call_id: 'x' }
      tracer.startActiveSpan('exec_command', { attributes: call }, (tool) => {
        tracer.startActiveSpan('dispatch_tool_call_with_state', (inside) => {
          const told = {
            'event.name': 'codex.tool_result',
            'conversation.id': 'c1',
            tool_name: 'exec_command',
            call_id: 'x',
          }
          inside.addEvent('event otel/src/tool_result.rs:54', { ...told, success: 'false' })
          inside.end()
        })
        tool.end()
      })
      turn.end()
    })
    const events = await recorded(audit, log)
    expect(events.map(({ type }) => type)).toEqual([
      'run_started',
      'tool_call_started',
      'tool_call_failed',
      'run_completed',
    ])
    expect(events[0]).toMatchObject({ runId: 't1', sessionId: 'c1' })
  })

  test.each(['spans first', 'log records first'])(
    'of a model call that know nothing of the conversation are found by its trace: %s',
    async (order) => {
      const { audit, log, emit } = codex()
      const tracer = trace.getTracerProvider().getTracer('codex_exec')
      tracer.startActiveSpan('turn/start', (turn) => {
        const usage = { 'gen_ai.usage.input_tokens': 9, 'gen_ai.usage.output_tokens': 2 }
        const tellSpan = () => tracer.startSpan('handle_responses', { attributes: usage }).end()
        if (order === 'spans first') tellSpan()
        emit('user_prompt')
        context.with(ROOT_CONTEXT, () => {
          emit('sse_event', { 'event.kind': 'response.completed', input_token_count: 9, output_token_count: 2 })
        })
        if (order !== 'spans first') tellSpan()
        turn.end()
      })
      const used = (await recorded(audit, log)).filter(({ type }) => type === 'token_usage_updated')
      expect(used).toHaveLength(1)
    },
  )
})
