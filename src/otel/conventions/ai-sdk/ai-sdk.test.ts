import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function start(scope: string, name: string, attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer(scope).startSpan(name, { attributes }, around)
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

function fail(span: Span, name: string, message: string): void {
  span.recordException(Object.assign(new Error(message), { name }))
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}

/** Versions 5 and 6. */
const v6 = {
  call: (prompt: object = { prompt: 'x' }, operation = 'ai.generateText') =>
    start('ai', operation, {
      'ai.operationId': operation,
      'ai.telemetry.functionId': 'helper',
      'ai.telemetry.metadata.threadId': 't-1',
      'ai.prompt': JSON.stringify(prompt),
    }),
  model: (parent: Span, ...tools: string[]) =>
    start(
      'ai',
      'ai.generateText.doGenerate',
      {
        'ai.operationId': 'ai.generateText.doGenerate',
        'ai.prompt.tools': tools.map((name) => JSON.stringify({ type: 'function', name })),
      },
      parent,
    ),
  asks: (...calls: [id: string, name: string][]): Attributes => ({
    'ai.response.finishReason': 'tool-calls',
    'ai.response.toolCalls': JSON.stringify(
      calls.map(([toolCallId, toolName]) => ({ toolCallId, toolName, input: '{}' })),
    ),
  }),
  tool: (parent: Span, id: string, name: string) =>
    start(
      'ai',
      'ai.toolCall',
      { 'ai.operationId': 'ai.toolCall', 'ai.toolCall.id': id, 'ai.toolCall.name': name },
      parent,
    ),
}

/** Version 7. */
const v7 = {
  call: (messages: object[] = []) =>
    start('gen_ai', 'invoke_agent m-1', {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'helper',
      'gen_ai.request.model': 'm-1',
      'ai.settings.context.sessionId': 's-1',
      'gen_ai.input.messages': JSON.stringify(messages),
    }),
  step: (parent: Span) => start('gen_ai', 'step 1', { 'gen_ai.operation.name': 'agent_step' }, parent),
  tool: (parent: Span, id: string, name: string) =>
    start(
      'gen_ai',
      `execute_tool ${name}`,
      {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.call.id': id,
        'gen_ai.tool.name': name,
        'gen_ai.tool.type': 'function',
      },
      parent,
    ),
}

test('a tool keeps its name and id where Sentry has renamed the attributes', () => {
  const { log } = startRecordingSdk()
  const call = v6.call()
  const renamed = {
    'ai.operationId': 'ai.toolCall',
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.type': 'function',
  }
  const named = { 'gen_ai.tool.name': 'weather', 'gen_ai.tool.call.id': 'c-1' }
  end(start('ai', 'execute_tool weather', { ...renamed, ...named }, call))
  end(call, { 'ai.response.finishReason': 'stop' })
  expect(log.of('tool_call_completed').map(({ data }) => [data.callId, data.tool.name])).toEqual([['c-1', 'weather']])
})

describe('a loop that ends at a tool that has not run', () => {
  test('waits for it', () => {
    const { log } = startRecordingSdk()
    const call = v6.call()
    end(v6.model(call, 'weather', 'danger'), v6.asks(['c-1', 'weather'], ['c-2', 'danger']))
    end(v6.tool(call, 'c-1', 'weather'))
    end(call, { 'ai.response.finishReason': 'tool-calls' })
    expect(
      log.of('run_suspended').map(({ data, source, sessionId }) => [data.waitingFor, source.confidence, sessionId]),
    ).toEqual([['danger', 'heuristic', 't-1']])
    expect(log.of('tool_approval_requested'), 'it may be the client’s to run').toEqual([])
  })

  test.each([
    ['every tool has run: a limit of steps', 'weather', ['c-1']],
    ['the model asked for a tool that was not offered', 'nope', []],
  ])('has completed when %s', (_, name, run) => {
    const { log } = startRecordingSdk()
    const call = v6.call()
    end(v6.model(call, 'weather'), v6.asks(['c-1', name]))
    for (const id of run) end(v6.tool(call, id, name))
    end(call, { 'ai.response.finishReason': 'tool-calls' })
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('has completed when a tool began before the answer of the model was complete', () => {
    const { log } = startRecordingSdk()
    const call = v6.call()
    const model = v6.model(call, 'weather')
    end(v6.tool(call, 'c-1', 'weather'))
    end(model, v6.asks(['c-1', 'weather']))
    end(call, { 'ai.response.finishReason': 'tool-calls' })
    expect(log.of('run_completed')).toHaveLength(1)
  })
})

describe('a prompt that ends with a message of a tool', () => {
  const question = { role: 'user', content: 'Delete "role":"tool"' }
  const calls = ['c-1', 'c-2'].map((toolCallId) => ({ type: 'tool-call', toolCallId, toolName: 'danger', input: {} }))
  const requests = ['c-1', 'c-2'].map((toolCallId) => ({
    type: 'tool-approval-request',
    approvalId: `a-${toolCallId}`,
    toolCallId,
  }))
  const decision = (id: string, approved: boolean) => ({
    type: 'tool-approval-response',
    approvalId: `a-${id}`,
    approved,
  })

  test('tells what was decided on the approvals that an earlier call asked for', () => {
    const { log } = startRecordingSdk()
    const answers = [decision('c-1', true), decision('c-2', false), decision('c-3', true)]
    end(
      v6.call({
        messages: [
          question,
          { role: 'assistant', content: [...calls, ...requests] },
          { role: 'tool', content: answers },
        ],
      }),
      { 'ai.response.finishReason': 'stop' },
    )
    expect(log.types).toEqual([
      'run_started',
      'resumed',
      'tool_approval_requested',
      'tool_approval_granted',
      'tool_approval_requested',
      'tool_approval_denied',
      'run_completed',
    ])
    expect(log.of('tool_approval_denied')[0]?.data).toEqual({ callId: 'c-2', tool: { name: 'danger' } })
  })

  test('goes on with the result of a tool that the client ran', () => {
    const { log } = startRecordingSdk()
    const result = { type: 'tool-result', toolCallId: 'c-1', toolName: 'ask', output: { type: 'text', value: 'yes' } }
    v6.call({ messages: [question, { role: 'assistant', content: calls }, { role: 'tool', content: [result] }] }).end()
    expect(log.of('resumed')).toHaveLength(1)
  })

  test.each([
    ['another message comes last', { messages: [{ role: 'tool', content: [] }, question] }],
    ['it is none', { messages: [question] }],
    ['it is text', { prompt: '"role":"tool"' }],
  ])('is told by nothing when %s', (_, prompt) => {
    const { log } = startRecordingSdk()
    v6.call(prompt).end()
    expect(log.of('resumed')).toEqual([])
  })

  test('is told of a conversation that is too long to be parsed, and not of one that is cut', () => {
    const { log } = startRecordingSdk({}, { spanLimits: { attributeValueLengthLimit: 400 * 1024 } })
    const messages = (length: number, role: string) => ({
      messages: [
        { role: 'user', content: 'x'.repeat(length) },
        { role, content: [{ type: 'tool-result', toolCallId: 'c-1' }] },
      ],
    })
    end(v6.call(messages(300 * 1024, 'tool')))
    expect(log.of('resumed')).toMatchObject([{ source: { confidence: 'claimed' } }])
    end(v6.call(messages(300 * 1024, 'user')))
    end(v6.call({ messages: [...messages(1, 'tool').messages, { role: 'user', content: 'x'.repeat(500 * 1024) }] }))
    expect(log.of('resumed')).toHaveLength(1)
  })

  test('tells in version 7 by what happens next how approvals were answered', () => {
    const { log } = startRecordingSdk()
    const parts = calls.map(({ toolCallId: id, toolName: name }) => ({ type: 'tool_call', id, name, arguments: {} }))
    const call = v7.call([
      { role: 'assistant', parts: [...parts, ...requests.map(({ type }) => ({ type }))] },
      { role: 'tool', parts: [{ type: 'tool-approval-response' }, { type: 'tool-approval-response' }] },
    ])
    end(v7.tool(call, 'c-1', 'danger'), { 'gen_ai.execute_tool.duration': 0.1 })
    end(v7.step(call))
    end(v7.step(call))
    end(call, { 'gen_ai.response.finish_reasons': ['stop'] })
    expect(log.of('tool_approval_requested').map(({ data }) => data.callId)).toEqual(['c-1', 'c-2'])
    expect(log.of('tool_approval_granted').map(({ data }) => data.callId)).toEqual(['c-1'])
    expect(log.of('tool_approval_denied').map(({ data }) => data.callId)).toEqual(['c-2'])
  })

  test('tells in version 7 no approvals when it is not clear whose they are', () => {
    const { log } = startRecordingSdk()
    const parts = calls.map(({ toolCallId: id, toolName: name }) => ({ type: 'tool_call', id, name, arguments: {} }))
    v7.call([
      { role: 'assistant', parts: [...parts, { type: 'tool-approval-request' }] },
      { role: 'tool', parts: [{ type: 'tool-approval-response' }] },
    ]).end()
    expect(log.of('resumed')).toHaveLength(1)
    expect(log.of('tool_approval_requested')).toEqual([])
  })
})

describe('a call that was aborted', () => {
  test('was cancelled, whatever the version makes of it', () => {
    const { log } = startRecordingSdk()
    fail(v6.call(), 'AbortError', 'This operation was aborted')
    end(v7.call())
    expect(log.of('run_cancelled').map(({ data }) => data.reason)).toEqual(['aborted', 'aborted'])
  })

  test('has failed when the time was up', () => {
    const { log } = startRecordingSdk()
    fail(v6.call(), 'TimeoutError', 'The operation was aborted due to timeout')
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TimeoutError')
  })

  test('cuts off the tool that is at work', () => {
    const { log } = startRecordingSdk()
    const call = v7.call()
    end(v7.tool(call, 'c-1', 'slow'))
    end(v7.tool(call, 'c-2', 'quick'), { 'gen_ai.execute_tool.duration': 0.1 })
    expect(log.of('tool_call_failed').map(({ data }) => [data.callId, data.error?.code])).toEqual([
      ['c-1', 'AbortError'],
    ])
    expect(log.of('tool_call_completed').map(({ data }) => data.callId)).toEqual(['c-2'])
  })
})

describe('what a call tells besides', () => {
  test('an object that was streamed completes it, though no finish reason is told', () => {
    const { log } = startRecordingSdk()
    end(v6.call(undefined, 'ai.streamObject'), { 'ai.usage.inputTokens': 10, 'ai.usage.outputTokens': 5 })
    end(v6.call(undefined, 'ai.streamObject'), { 'ai.response.object': '{}' })
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('an exhausted quota is told once, however often it was tried', () => {
    const { log } = startRecordingSdk()
    const call = v6.call()
    for (let attempt = 0; attempt < 3; attempt++)
      fail(v6.model(call), 'AI_APICallError', 'You exceeded your current quota')
    fail(call, 'AI_RetryError', 'Failed after 3 attempts. Last error: You exceeded your current quota')
    expect(log.of('usage_limit_exceeded')).toHaveLength(1)
    expect(log.of('error_occurred')).toHaveLength(3)
  })

  test('speech and transcription are calls of a model, no runs', () => {
    const { log } = startRecordingSdk()
    end(
      start('gen_ai', 'ai.transcribe m-1', { 'gen_ai.operation.name': 'ai.transcribe', 'gen_ai.request.model': 'm-1' }),
      {
        'gen_ai.usage.input_tokens': 12,
      },
    )
    expect(log.types).toEqual(['token_usage_updated'])
  })
})
