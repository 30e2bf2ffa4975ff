import { type Attributes, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { recorded } from '../../../../test/support/agent-records.js'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function copilot() {
  const { audit, log } = startRecordingSdk()
  const tracer = trace.getTracerProvider().getTracer('github.copilot')
  const start = (name: string, attributes: Attributes, around?: Span) =>
    tracer.startSpan(name, { attributes }, around ? trace.setSpan(context.active(), around) : context.active())
  const agent = start('invoke_agent', { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.conversation.id': 's1' })
  const tool = (attributes: Attributes = {}) =>
    start(
      'execute_tool create',
      {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'create',
        'gen_ai.tool.call.id': 'c1',
        ...attributes,
      },
      agent,
    )
  return { audit, log, start, agent, tool }
}

test.each([
  ['approved', ['tool_approval_requested', 'tool_approval_granted']],
  ['denied-interactively-by-user', ['tool_approval_requested', 'tool_approval_denied']],
  ['denied-by-rules', ['tool_approval_denied']],
])('a permission tells what was decided on the call around it: %s', async (result, expected) => {
  const { audit, log, start, agent, tool } = copilot()
  const call = tool()
  start(
    'permission',
    { 'github.copilot.permission.kind': 'write', 'github.copilot.permission.result': result },
    call,
  ).end()
  call.end()
  agent.end()
  const events = await recorded(audit, log)
  const approvals = events.filter(({ type }) => type.startsWith('tool_approval'))
  expect(approvals.map(({ type }) => type)).toEqual(expected)
  for (const { data } of approvals) expect(data).toMatchObject({ callId: 'c1', tool: { name: 'create' } })
  expect(events.filter(({ type }) => /^tool_call_(?!started)/.test(type))).toHaveLength(1)
})

test('a call that a rule forbids is denied, though nobody was asked', async () => {
  const { audit, log, agent, tool } = copilot()
  const call = tool({ 'error.type': 'denied' })
  call.setStatus({ code: SpanStatusCode.ERROR })
  call.end()
  agent.end()
  const types = (await recorded(audit, log)).map(({ type }) => type)
  expect(types.filter((type) => type.startsWith('tool_'))).toEqual([
    'tool_call_started',
    'tool_approval_denied',
    'tool_call_failed',
  ])
})

test('a turn that the user stops is cancelled', async () => {
  const { audit, log, start, agent } = copilot()
  const chat = start('chat gpt', { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt' }, agent)
  chat.addEvent('github.copilot.session.abort', { 'github.copilot.abort_reason': 'user_initiated' })
  chat.end()
  agent.end()
  expect((await recorded(audit, log)).at(-1)).toMatchObject({
    type: 'run_cancelled',
    data: { reason: 'user_initiated' },
  })
})

test.each([
  ['query', '400'],
  ['rate_limit', 'rate_limit'],
])('an error is named by its class, unless any has that: %s', async (type, code) => {
  const { audit, log, agent } = copilot()
  agent.setAttribute('error.type', type)
  agent.addEvent('gen_ai.client.operation.exception', { 'github.copilot.error_status_code': 400 })
  agent.setStatus({ code: SpanStatusCode.ERROR })
  agent.end()
  expect((await recorded(audit, log)).at(-1)).toMatchObject({ type: 'run_failed', data: { error: { code } } })
})

test('a truncated history is a compaction', async () => {
  const { audit, log, agent } = copilot()
  agent.addEvent('github.copilot.session.truncation', { 'github.copilot.tokens_removed_during_truncation': 500 })
  agent.end()
  const compacted = (await recorded(audit, log)).find(({ type }) => type === 'context_compacted')
  expect(compacted?.data).toEqual({ droppedTokens: 500 })
})
