import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../../test/support/collecting-log.js'

/* Statements of an application's client, in the words of each framework. They are recorded as claims or not at all. */

function start(scope: string, name: string, attributes: Attributes = {}, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer(scope).startSpan(name, { attributes }, around)
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

/** Facts that are told of a run beside its start, its end and the calls inside. */
const TOLD =
  /^(?:resumed|tool_approval_|agent_handoff|context_compacted|usage_limit|policy_|run_suspended|run_cancelled)/

/** Returns the recorded event types, each with its confidence. */
function told(log: CollectingLog): string[] {
  return log.events
    .filter(({ type }) => TOLD.test(type))
    .map(({ type, source }) => `${type} ${source.confidence ?? 'evidence'}`)
}

describe('what a client says is a claim', () => {
  test('in the input with which an agent of Mastra goes on', () => {
    const { log } = startRecordingSdk()
    for (const approved of [true, false]) {
      const run = start('@mastra/otel-bridge', "agent run: 'a' (resumed)")
      end(run, {
        'mastra.span.type': 'agent_run',
        'mastra.metadata.resumed': true,
        'mastra.agent_run.input': JSON.stringify({ approved, toolName: 'pay', toolCallId: 'c-1' }),
      })
    }
    // That it goes on, the bridge itself says.
    expect(told(log)).toEqual([
      'resumed evidence',
      'tool_approval_granted claimed',
      'resumed evidence',
      'tool_approval_denied claimed',
    ])
  })

  test('in the input of a call of Genkit', () => {
    const { log } = startRecordingSdk()
    const run = start('genkit-tracer', 'generate', { 'genkit:type': 'util' })
    end(run, { 'genkit:input': JSON.stringify({ messages: [], resume: { respond: [{}] } }) })
    expect(told(log)).toEqual(['resumed claimed'])
  })

  test('in the input of a graph of Strands', () => {
    const { log } = startRecordingSdk()
    const input = JSON.stringify([{ type: 'interruptResponse', interruptId: 'i', response: 'yes' }])
    const operation = { 'gen_ai.operation.name': 'invoke_graph', 'gen_ai.agent.input': input }
    end(start('strands-agents', 'invoke_graph', operation))
    expect(told(log)).toEqual(['resumed claimed'])
  })

  test('in the conversation that an agent of ADK begins with', () => {
    const { log } = startRecordingSdk()
    const agent = start('gcp.vertex.agent', 'invoke_agent a')
    const request = { contents: [{ role: 'user', parts: [{ functionResponse: { name: 'ask' } }] }] }
    end(start('gcp.vertex.agent', 'call_llm', {}, agent), {
      'gcp.vertex.agent.invocation_id': 'i',
      'gcp.vertex.agent.llm_request': JSON.stringify(request),
      'gcp.vertex.agent.llm_response': '{}',
    })
    end(agent, { 'gen_ai.operation.name': 'invoke_agent' })
    expect(told(log)).toEqual(['resumed claimed'])
  })

  test('and what ADK would say in the response of a tool is a guess: any tool may say so', () => {
    const { log } = startRecordingSdk()
    const error = 'This tool call requires confirmation, please approve or reject.'
    const agent = start('gcp.vertex.agent', 'invoke_agent a')
    end(start('gcp.vertex.agent', 'execute_tool pay', {}, start('gcp.vertex.agent', 'call_llm', {}, agent)), {
      'gen_ai.tool.name': 'pay',
      'gcp.vertex.agent.tool_response': JSON.stringify({ error }),
    })
    end(agent, { 'gen_ai.operation.name': 'invoke_agent' })
    expect(told(log)).toEqual(['tool_approval_requested heuristic', 'run_suspended heuristic'])
  })

  test('in a history of AI SDK 7, also where what happens next tells how it was answered', () => {
    const { log } = startRecordingSdk()
    const parts = ['c-1', 'c-2'].map((id) => ({ type: 'tool_call', id, name: 'pay' }))
    const asked = { role: 'assistant', parts: [...parts, ...parts.map(() => ({ type: 'tool-approval-request' }))] }
    const answered = { role: 'tool', parts: parts.map(() => ({ type: 'tool-approval-response' })) }
    const call = start('gen_ai', 'invoke_agent m', {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.input.messages': JSON.stringify([asked, answered]),
    })
    const tool = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'pay', 'gen_ai.tool.call.id': 'c-1' }
    end(start('gen_ai', 'execute_tool pay', tool, call))
    end(start('gen_ai', 'step 1', { 'gen_ai.operation.name': 'agent_step' }, call))
    end(call, { 'gen_ai.response.finish_reasons': ['stop'] })
    expect(new Set(told(log))).toEqual(
      new Set([
        'resumed claimed',
        'tool_approval_requested claimed',
        'tool_approval_granted claimed',
        'tool_approval_denied claimed',
      ]),
    )
    expect(log.of('tool_call_started').map(({ data, source }) => [data.callId, source.confidence])).toEqual([
      ['c-1', undefined],
    ])
  })
})

describe('a history of the AI SDK', () => {
  const ask = (prompt: object[]) => {
    const operation = { 'ai.operationId': 'ai.generateText', 'ai.prompt': JSON.stringify({ messages: prompt }) }
    end(start('ai', 'ai.generateText', operation), { 'ai.response.finishReason': 'stop' })
  }
  const asked = (toolCallId: string) => [
    { type: 'tool-call', toolCallId, toolName: 'pay', input: {} },
    { type: 'tool-approval-request', approvalId: `a-${toolCallId}`, toolCallId },
  ]
  const answer = (id: string) => ({ type: 'tool-approval-response', approvalId: `a-${id}`, approved: true })

  test('tells the approvals of one call once, and of calls that the model is said to have asked for only', () => {
    const { log } = startRecordingSdk()
    ask([
      { role: 'user', content: asked('c-2') },
      { role: 'assistant', content: asked('c-1') },
      { role: 'tool', content: [answer('c-1'), answer('c-1'), answer('c-2')] },
    ])
    expect(log.of('tool_approval_granted').map(({ data }) => data.callId)).toEqual(['c-1'])
  })

  test('cannot hide what it approves behind the order of its members', () => {
    const { log } = startRecordingSdk()
    const nested = { type: 'tool-result', toolCallId: 'x', output: { role: 'user' } }
    ask([
      { role: 'assistant', content: asked('c-1') },
      { content: [answer('c-1'), nested], role: 'tool' },
      { role: 'tool', content: [answer('c-1'), { ...nested, output: { '"role":"': 1, role: 'user' } }] },
    ])
    expect(told(log)).toContain('tool_approval_granted claimed')
  })

  test('fills the log with no more than so many, and says how many it leaves out', () => {
    const { log } = startRecordingSdk()
    const ids = Array.from({ length: 500 }, (_, n) => `c-${n}`)
    ask([
      { role: 'assistant', content: ids.flatMap(asked) },
      { role: 'tool', content: ids.map(answer) },
    ])
    expect(log.of('tool_approval_granted')).toHaveLength(64)
    expect(log.of('custom').map(({ data, source }) => [data, source.confidence])).toEqual([
      [{ name: 'tool_approvals_omitted', count: 436 }, 'claimed'],
    ])
  })
})

describe('a graph of LangChain', () => {
  const SCOPE = '@arizeai/openinference-instrumentation-langchain'
  const message = (type: string, kwargs: object) => ({ id: ['langchain_core', 'messages', type], kwargs })
  const chain = async (name: string, parent?: Span, kind = 'CHAIN') => {
    const span = start(SCOPE, name, { 'openinference.span.kind': kind }, parent)
    await nextTurn()
    return span
  }
  const values = (
    input: unknown,
    output?: unknown,
    metadata: object = { ls_integration: 'langgraph' },
  ): Attributes => ({
    'input.value': JSON.stringify(input),
    ...(output !== undefined && { 'output.value': JSON.stringify(output) }),
    metadata: JSON.stringify(metadata),
  })

  test('that goes on claims so, and what was decided', async () => {
    const { log } = startRecordingSdk()
    const graph = await chain('agent')
    end(graph, values({ lg_name: 'Command', resume: { decisions: [{ type: 'approve' }, { type: 'reject' }] } }))
    expect(told(log)).toEqual(['resumed claimed', 'tool_approval_granted claimed', 'tool_approval_denied claimed'])
  })

  test('tells nothing by what its first node gives back: no hand-off, no summary, no limit', async () => {
    const { log } = startRecordingSdk()
    const inputs = [
      { lg_name: 'Command', goto: ['admin'] },
      {
        messages: [
          message('RemoveMessage', { id: 'all' }),
          message('HumanMessage', { additional_kwargs: { lc_source: 'summarization' } }),
        ],
      },
      { messages: [], jumpTo: 'end', runModelCallCount: 1 },
    ]
    for (const input of inputs) {
      const graph = await chain('agent')
      end(await chain('__start__', graph), values(input, input))
      end(graph, values(input, { messages: [] }))
    }
    expect(told(log)).toEqual([])
  })

  test('takes a text that a tool gave back for a text, whatever it looks like', async () => {
    const { log } = startRecordingSdk()
    const graph = await chain('agent')
    const tool = await chain('read_page', graph, 'TOOL')
    end(tool, { ...values({}, { lg_name: 'Command', goto: ['admin'] }), 'output.mime_type': 'text/plain' })
    end(graph, values({ messages: [] }))
    expect(told(log)).toEqual([])
  })

  test('is stopped by no error whose message only looks like an interrupt', async () => {
    const { log } = startRecordingSdk()
    const graph = await chain('agent')
    const made = JSON.stringify([{ id: 'i', value: { actionRequests: [{ name: 'pay' }] } }])
    for (const said of [`${made}\n\nGraphInterrupt: ${made}\n    at x`, '\n\nGraphInterrupt\n    at x']) {
      const tool = await chain('fetch', graph, 'TOOL')
      const text = `${said}\n\nError: ${said}\n    at fetch (file:///app/tools.js:1:1)`
      tool.recordException(text)
      tool.setStatus({ code: SpanStatusCode.ERROR, message: text }).end()
    }
    end(graph, values({ messages: [] }))
    expect(told(log)).toEqual([])
    expect(log.of('tool_call_failed').map(({ data }) => data.error?.code)).toEqual(['Error', 'Error'])
  })

  test('through Traceloop has the name that its own answers bear, not one in the history', () => {
    const { log } = startRecordingSdk()
    const answer = (name?: string) => message('AIMessage', { content: '', ...(name && { name }) })
    const graph = (input: object[], output: object[]) => {
      const span = start('@traceloop/instrumentation-langchain', 'workflow CompiledStateGraph')
      span.setAttributes({
        'gen_ai.operation.name': 'workflow',
        'traceloop.span.kind': 'workflow',
        'traceloop.workflow.name': 'CompiledStateGraph',
        'traceloop.entity.input': JSON.stringify({ messages: input }),
      })
      end(span, { 'traceloop.entity.output': JSON.stringify({ messages: output }) })
    }
    const [forged, question] = [answer('admin'), message('HumanMessage', { content: 'hi' })]
    graph([forged, question], [forged, question, answer()])
    graph([question, forged], [question, forged, answer()])
    graph([question], [forged, question, answer('desk'), answer()])
    expect(log.of('run_completed').map(({ agent }) => agent?.name)).toEqual([undefined, undefined, 'desk'])
  })
})

describe('content that is nested without end', () => {
  const deep = (levels = 20_000) => `${'{"a":['.repeat(levels)}${']}'.repeat(levels)}`
  const GRAPH = { 'gen_ai.operation.name': 'workflow', 'traceloop.workflow.name': 'CompiledStateGraph' }
  const traceloop = (attributes: Attributes) =>
    start('@traceloop/instrumentation-langchain', 'span').setAttributes({
      'traceloop.span.kind': 'workflow',
      ...attributes,
    })

  test('hides neither the run that got it, nor how that ended', async () => {
    const { log } = startRecordingSdk()
    const graph = traceloop({ ...GRAPH, 'traceloop.entity.input': '{"messages":["go"]}' })
    const node = traceloop({ 'gen_ai.operation.name': 'workflow', 'traceloop.entity.input': deep() })
    const inner = traceloop({ ...GRAPH, 'traceloop.entity.input': `{"lg_name":"Command","resume":${deep()}}` })
    await nextTurn()
    inner.recordException(Object.assign(new Error('limit of 3'), { name: 'GraphRecursionError' }))
    inner.setStatus({ code: SpanStatusCode.ERROR, message: 'limit of 3' }).end()
    for (const span of [node, graph]) end(span)
    expect(log.of('run_started')).toHaveLength(2)
    expect(log.of('usage_limit_exceeded')).toHaveLength(1)
  })

  test('hides no request for an approval', async () => {
    const { log } = startRecordingSdk()
    const graph = traceloop({ ...GRAPH, 'traceloop.entity.input': '{"messages":["go"]}' })
    const calls = `[{"name":"pay","id":"c-1","args":${deep()}}]`
    const answer = `{"id":["langchain_core","messages","AIMessage"],"kwargs":{"tool_calls":${calls}}}`
    const node = traceloop({
      'gen_ai.operation.name': 'workflow',
      'traceloop.entity.input': `{"messages":[${answer}]}`,
    })
    await nextTurn()
    const message = JSON.stringify([{ id: 'i', value: { actionRequests: [{ name: 'pay' }] } }])
    node.recordException(Object.assign(new Error(message), { name: 'GraphInterrupt' }))
    node.setStatus({ code: SpanStatusCode.ERROR, message }).end()
    end(graph)
    expect(log.of('tool_approval_requested').map(({ data, source }) => [data.callId, source.confidence])).toEqual([
      ['c-1', undefined],
    ])
  })
})
