import { type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { end, fail, OPENAI, start } from '../../../../test/support/traceloop-spans.js'
import { withRun } from '../../../record/run.js'

const LANGCHAIN = '@traceloop/instrumentation-langchain'

describe('LangChain through Traceloop', () => {
  const chain = (name: string, input?: unknown, parent?: Span) =>
    start(
      LANGCHAIN,
      `workflow ${name}`,
      {
        'gen_ai.operation.name': 'workflow',
        'traceloop.span.kind': 'workflow',
        'traceloop.workflow.name': name,
        ...(input !== undefined && { 'traceloop.entity.input': JSON.stringify(input) }),
      },
      parent,
    )
  const graph = (input?: unknown, parent?: Span) => chain('CompiledStateGraph', input, parent)
  const node = (input?: unknown) => chain('RunnableSequence', input)
  const chat = (scope = LANGCHAIN) => start(scope, 'chat m-1', { 'gen_ai.operation.name': 'chat' })
  const tool = (args: object) =>
    start(LANGCHAIN, 'execute_tool DynamicStructuredTool', {
      'gen_ai.operation.name': 'execute_tool',
      'traceloop.span.kind': 'task',
      'traceloop.entity.name': 'DynamicStructuredTool',
      'traceloop.entity.input': JSON.stringify({ args: [JSON.stringify(args)] }),
    })
  const sent = (name: string, id: string, args: object) => ({ messages: [], lg_tool_call: { name, args, id } })
  const output = (value: unknown) => ({ 'traceloop.entity.output': JSON.stringify(value) })
  const message = (type: string, kwargs: object) => ({ lc: 1, id: ['langchain_core', 'messages', type], kwargs })
  const tokens = { 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 }

  test('has its run from the start of the graph, and all that happens until its end inside', async () => {
    const { log } = startRecordingSdk()
    const run = graph({ messages: [] })
    await nextTurn()
    expect(log.types).toEqual(['run_started'])
    const model = node()
    end(chat(), tokens)
    end(model)
    end(
      run,
      output({ messages: [message('AIMessage', { name: 'weather' }), message('AIMessage', { content: 'stop' })] }),
    )
    expect(log.of('token_usage_updated')[0]).toMatchObject({ runId: log.of('run_started')[0]?.runId })
    expect(log.of('run_completed')[0]).toMatchObject({
      agent: { name: 'weather' },
      data: { usage: { inputTokens: 20 } },
    })
  })

  test('tells the name and the id of a tool call at its start, by the node it was sent to', async () => {
    const { log } = startRecordingSdk()
    const run = graph()
    const nodes = [node(sent('weather', 'c-1', { city: 'Oslo' })), node(sent('weather', 'c-2', { city: 'Rome' }))]
    const tools = [tool({ city: 'Rome' }), tool({ city: 'Oslo' })]
    await nextTurn()
    expect(log.of('tool_call_started').map(({ data: { callId, tool } }) => ({ callId, tool }))).toEqual([
      { callId: 'c-2', tool: { name: 'weather' } },
      { callId: 'c-1', tool: { name: 'weather' } },
    ])
    for (const span of [...tools, ...nodes, run]) end(span)
    expect(log.of('tool_call_completed').map(({ data }) => data.callId)).toEqual(['c-2', 'c-1'])
  })

  test('tells the name of a tool by its result, or as its class, where the call is not reported', () => {
    const { log } = startRecordingSdk()
    end(tool({}), output(message('ToolMessage', { name: 'weather', content: '' })))
    end(tool({}), output('21 degrees'))
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual([
      'weather',
      'DynamicStructuredTool',
    ])
  })

  test('takes a graph that got what a tool was given for its sub-agent, by the word of who sent that', () => {
    const { log } = startRecordingSdk()
    const run = graph({ messages: ['go'] })
    const calling = node(sent('research', 'c-1', { task: 'find it' }))
    const call = tool({ task: 'find it' })
    const sub = graph({ messages: [{ role: 'user', content: 'please find it' }] })
    end(chat(), tokens)
    for (const span of [sub, call, calling, run]) end(span)
    const [outer, inner] = log.of('run_started')
    expect(inner).toMatchObject({ parentRunId: outer?.runId, source: { confidence: 'claimed' } })
    expect(outer?.source.confidence).toBeUndefined()
    expect(log.of('token_usage_updated')[0]?.runId).toBe(inner?.runId)
  })

  test('takes no graph for a sub-agent of somebody else’s, though it got what a tool there was given', () => {
    const { log } = startRecordingSdk()
    const of = (user: string, span: Span) => span.setAttribute('traceloop.association.properties.user_id', user)
    const run = of('ada', graph({ messages: ['go'] }))
    const calling = of('ada', node(sent('research', 'c-1', { task: 'find it' })))
    const call = of('ada', tool({ task: 'find it' }))
    const sub = of('eve', graph({ messages: ['find it'] }))
    for (const span of [sub, call, calling, run]) end(span)
    expect(log.of('run_started').map(({ parentRunId, actor }) => [parentRunId, actor?.id])).toEqual([
      [undefined, 'ada'],
      [undefined, 'eve'],
    ])
  })

  test('takes two graphs called side by side for siblings, and what is inside either for their caller’s', () => {
    const { log } = startRecordingSdk()
    const run = graph()
    const nodes = [node(sent('a', 'c-1', { task: 'first' })), node(sent('b', 'c-2', { task: 'second' }))]
    const tools = [tool({ task: 'first' }), tool({ task: 'second' })]
    const subs = [graph({ q: 'first' }), graph({ q: 'second' })]
    end(chat(), tokens)
    for (const span of [...subs, ...tools, ...nodes, run]) end(span)
    const [outer, ...inner] = log.of('run_started')
    expect(inner.map(({ parentRunId }) => parentRunId)).toEqual([outer?.runId, outer?.runId])
    expect(log.of('token_usage_updated')[0]?.runId).toBe(outer?.runId)
  })

  test.each([
    ['while the other waits for its model', () => chat()],
    ['while the other is in a tool that was given something else', () => tool({ task: 'unrelated' })],
  ])('takes a graph that starts %s for one of its own', (_, busyWith) => {
    const { log } = startRecordingSdk()
    const first = graph({ messages: ['one'] })
    const working = node({ messages: ['one'] })
    const busy = busyWith()
    const second = graph({ messages: ['two'] })
    for (const span of [busy, working, first, second]) end(span)
    expect(log.of('run_started').map(({ parentRunId }) => parentRunId)).toEqual([undefined, undefined])
    expect(log.of('sub_agent_invoked')).toEqual([])
  })

  test('puts nothing into either of two graphs that are under way, and the next into its own again', () => {
    const { log } = startRecordingSdk()
    const first = graph()
    const waiting = chat()
    const second = graph()
    end(waiting)
    end(chat(), tokens)
    const unknown = node()
    end(first)
    end(unknown)
    end(chat(), tokens)
    end(second)
    const [ofNobody, ofSecond] = log.of('token_usage_updated')
    expect(ofNobody?.runId).toBeUndefined()
    expect(ofSecond?.runId).toBe(log.of('run_started')[1]?.runId)
    expect(log.of('run_started')).toHaveLength(2)
  })

  test('tells calls apart that were made under different spans', () => {
    const { log } = startRecordingSdk()
    const requests = [start('http', 'GET /a', {}), start('http', 'GET /b', {})]
    const graphs = requests.map((request) => graph(undefined, request))
    const calls = requests.map((request) => start(LANGCHAIN, 'chat m-1', { 'gen_ai.operation.name': 'chat' }, request))
    for (const call of calls) end(call, tokens)
    for (const span of [...graphs, ...requests]) end(span)
    expect(log.of('token_usage_updated').map(({ runId }) => runId)).toEqual(
      log.of('run_started').map(({ runId }) => runId),
    )
  })

  test('is no run of its own as a chain inside another run, and none as a prompt or a parser', async () => {
    const { log } = startRecordingSdk()
    end(chain('prompt'))
    end(chain('parser'))
    await withRun({ agentName: 'planner' }, async () => end(chain('RunnableSequence')))
    end(chain('RunnableSequence'))
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['planner', undefined])
  })

  test('does not take a chain for a part of another that waits for its model', () => {
    const { log } = startRecordingSdk()
    const first = chain('RunnableSequence')
    const waiting = chat()
    const second = chain('RunnableSequence')
    const of = chat()
    for (const span of [of, second]) end(span, tokens)
    for (const span of [waiting, first]) end(span)
    expect(log.of('token_usage_updated')[0]?.runId).toBeUndefined()
  })

  test('counts a call once that the client of the model tells of as well', async () => {
    const { log } = startRecordingSdk()
    const run = graph()
    const calls = [chat(), chat()]
    const clients = [chat(OPENAI), chat(OPENAI)]
    await nextTurn()
    for (const span of [...clients, ...calls]) end(span, tokens)
    end(run)
    expect(log.of('token_usage_updated')).toHaveLength(2)
    expect(log.of('run_completed')[0]?.data.usage?.inputTokens).toBe(40)
  })

  test('suspends at an interrupt, and resumes with what was decided about the calls that waited', async () => {
    const { log } = startRecordingSdk()
    const state = { messages: [message('AIMessage', { tool_calls: [{ name: 'send', id: 'c-1', args: {} }] })] }
    const waiting = JSON.stringify([{ id: 'i-1', value: { actionRequests: [{ name: 'send', args: {} }] } }])
    const first = graph({ messages: [] })
    fail(node(state), 'GraphInterrupt', waiting)
    end(first)
    const second = graph({ lg_name: 'Command', resume: { decisions: [{ type: 'approve' }] }, goto: [] })
    await nextTurn()
    expect(log.types.at(-1)).toBe('resumed')
    end(node(state))
    end(second)
    expect(log.of('run_suspended')[0]?.data.waitingFor).toBe('approval')
    for (const type of ['tool_approval_requested', 'tool_approval_granted'] as const) {
      expect(log.of(type).map(({ data }) => data)).toEqual([{ callId: 'c-1', tool: { name: 'send' } }])
    }
  })

  test('hands over by a tool that is sent for it, which is no tool call', () => {
    const { log } = startRecordingSdk()
    const run = graph()
    const state = {
      messages: [
        message('AIMessage', { name: 'triage', tool_calls: [{ name: 'transfer_to_billing', id: 'c-1', args: {} }] }),
      ],
    }
    const calling = node(state)
    end(tool({}), output({ lg_name: 'Command', goto: ['billing'] }))
    fail(calling, 'ParentCommand')
    end(run)
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'triage', to: 'billing' }])
    expect(log.types).toEqual(['run_started', 'agent_handoff', 'run_completed'])
  })

  test('is cancelled by its caller, whose abort comes with a number for its class', () => {
    const { log } = startRecordingSdk()
    const run = graph()
    const model = chat()
    model.recordException(new DOMException('This operation was aborted', 'AbortError'))
    model.setStatus({ code: SpanStatusCode.ERROR, message: 'This operation was aborted' })
    model.end()
    fail(run, 'Error', 'Abort')
    expect(log.types).toEqual(['run_started', 'run_cancelled'])
  })

  test('does not hold what starts later inside a run that was given up', async () => {
    const { log, audit } = startRecordingSdk()
    graph()
    const waiting = chat()
    end(waiting)
    await audit.shutdown()
    expect(log.of('run_interrupted')).toHaveLength(1)
  })
})
