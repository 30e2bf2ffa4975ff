import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** Nothing but a name at the start. */
function start(name: string, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('gcp.vertex.agent', '2.0.0').startSpan(name, {}, around)
}

function agent(name: string, parent?: Span): Span {
  return start(`invoke_agent ${name}`, parent ?? start('invocation'))
}

function endAgent(span: Span): void {
  span.setAttributes({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.conversation.id': 's-1' }).end()
}

function endCall(span: Span, told: { response?: object; request?: object; input?: number } = {}): void {
  span.setAttributes({
    'gcp.vertex.agent.invocation_id': 'e-1',
    'gcp.vertex.agent.session_id': 's-1',
    'gcp.vertex.agent.llm_request': JSON.stringify(told.request ?? {}),
    'gcp.vertex.agent.llm_response': JSON.stringify(told.response ?? {}),
    'gen_ai.usage.input_tokens': told.input ?? 20,
    'gen_ai.usage.output_tokens': 7,
  })
  span.end()
}

function endTool(span: Span, name: string, response: unknown = {}, attributes: Attributes = {}): void {
  span.setAttributes({
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': name,
    'gen_ai.tool.type': 'FunctionTool',
    'gen_ai.tool.call.id': `id-${name}`,
    'gcp.vertex.agent.tool_response': JSON.stringify(response),
    ...attributes,
  })
  span.end()
}

const CONFIRM = { error: 'This tool call requires confirmation, please approve or reject.' }
const ANSWERED = { contents: [{ role: 'user', parts: [{ functionResponse: { id: 'c-1', name: 'ask' } }] }] }

describe("Google's Agent Development Kit", () => {
  test('tells agents as runs from their start, inside of each other, and each with its own tokens', () => {
    const { log } = startRecordingSdk()
    const outer = agent('outer')
    expect(log.of('run_started')[0]?.data.agent).toEqual({ name: 'outer' })
    const call = start('call_llm', outer)
    const tool = start('execute_tool inner', call)
    const inner = agent('inner', start('invocation', tool))
    endCall(start('call_llm', inner), { input: 5 })
    endAgent(inner)
    endTool(tool, 'inner')
    endCall(call)
    endAgent(outer)
    expect(log.of('run_completed').map(({ data }) => data.usage?.inputTokens)).toEqual([5, 20])
    expect(log.of('run_completed').map(({ sessionId }) => sessionId)).toEqual(['s-1', 's-1'])
  })

  test('tells the tokens that only the response names', () => {
    const { log } = startRecordingSdk()
    endCall(start('call_llm', agent('a')), {
      response: { usageMetadata: { thoughtsTokenCount: 3, cachedContentTokenCount: 4 } },
    })
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({ reasoningTokens: 3, cachedInputTokens: 4 })
  })

  test('does not count a call again that an instrumented client has told of', () => {
    const { log } = startRecordingSdk()
    const call = start('call_llm', agent('a'))
    const client = trace.getTracer('google-client').startSpan('chat', {}, trace.setSpan(ROOT_CONTEXT, call))
    client.setAttributes({ 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 20 }).end()
    endCall(call)
    expect(log.of('token_usage_updated')).toHaveLength(1)
  })

  test('tells a run whose last model call came back with an error, or with nothing, as failed', () => {
    const { log } = startRecordingSdk()
    const told = agent('told')
    endCall(start('call_llm', told), { response: { errorCode: '429', errorMessage: 'RESOURCE_EXHAUSTED' } })
    endAgent(told)
    const guessed = agent('guessed')
    start('call_llm', guessed).end()
    endAgent(guessed)
    expect(log.of('run_failed').map(({ data, source }) => [data.error.code, source.confidence])).toEqual([
      ['429', undefined],
      ['Error', 'heuristic'],
    ])
    expect(log.of('error_occurred')).toHaveLength(2)
    expect(log.of('usage_limit_exceeded')).toEqual([])
  })

  test('tells a run that called its model again after an error as completed', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    start('call_llm', run).end()
    endCall(start('call_llm', run))
    endAgent(run)
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('tells a tool that threw by the attributes it lacks, and the merger of parallel calls not at all', () => {
    const { log } = startRecordingSdk()
    const call = start('call_llm', agent('a'))
    start('execute_tool boom', call).end()
    endTool(start('execute_tool (merged)', call), '(merged tools)')
    expect(log.of('tool_call_failed')[0]?.data.tool).toEqual({ name: 'boom' })
    expect(log.of('tool_call_started')).toHaveLength(1)
  })

  test('tells a transfer as a hand-off when the other agent starts, whether arguments are captured or not', () => {
    const { log } = startRecordingSdk()
    for (const args of ['{"agentName":"billing"}', '{}']) {
      const run = agent('triage')
      const call = start('call_llm', run)
      const transfer = start('execute_tool transfer_to_agent', call)
      endTool(transfer, 'transfer_to_agent', {}, { 'gcp.vertex.agent.tool_call_args': args })
      endAgent(agent('billing', call))
      endCall(call)
      endAgent(run)
    }
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([
      { from: 'triage', to: 'billing' },
      { from: 'triage', to: 'billing' },
    ])
    expect(log.of('agent_handoff')[0]?.runId).toBe(log.of('run_started')[0]?.runId)
    expect(log.of('tool_call_started')).toEqual([])
  })

  test('tells no hand-off to an agent that does not start', () => {
    const { log } = startRecordingSdk()
    const run = agent('triage')
    const call = start('call_llm', run)
    const args = { 'gcp.vertex.agent.tool_call_args': '{"agentName":"nobody"}' }
    endTool(start('execute_tool transfer_to_agent', call), 'transfer_to_agent', {}, args)
    endCall(call)
    endAgent(agent('somebody', start('call_llm', run)))
    expect(log.of('agent_handoff')).toEqual([])
  })

  test('tells a tool that waits for a confirmation, and the run that grants or refuses it', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const call = start('call_llm', run)
    endTool(start('execute_tool pay', call), 'pay', CONFIRM)
    endCall(call)
    endAgent(run)
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'tool_confirmation', waitingFor: 'pay' })
    expect(log.of('tool_call_completed')).toEqual([])
    for (const response of [{ ok: true }, { error: 'This tool call is rejected.' }]) {
      const next = agent('a')
      endTool(start('execute_tool pay', next), 'pay', response)
      endCall(start('call_llm', next), { request: ANSWERED })
      endAgent(next)
    }
    const call1 = { callId: 'id-pay', tool: { name: 'pay' } }
    expect(log.of('tool_approval_requested')[0]?.data).toEqual(call1)
    expect(log.of('resumed')).toHaveLength(2)
    expect(log.of('tool_approval_granted')[0]?.data).toEqual(call1)
    expect(log.of('tool_approval_denied')[0]?.data).toEqual(call1)
    expect(log.of('tool_call_failed')[0]?.data.error?.code).toBe('ToolCallRejected')
  })

  test('tells nothing of an approval where content is not captured', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    endTool(start('execute_tool pay', run), 'pay')
    endCall(start('call_llm', run))
    expect(log.of('resumed')).toHaveLength(1)
    expect(log.of('tool_approval_granted')).toEqual([])
  })

  test('tells no resumption of a live agent, which calls no model that shows', () => {
    const { log } = startRecordingSdk()
    const run = agent('live')
    endTool(start('execute_tool pay', run), 'pay', { ok: true })
    run.end()
    expect(log.of('resumed')).toEqual([])
  })

  test('tells a long-running tool that has answered nothing yet, and the run that brings its answer', () => {
    const { log } = startRecordingSdk()
    const type = { 'gen_ai.tool.type': 'LongRunningFunctionTool' }
    const run = agent('a')
    const call = start('call_llm', run)
    endTool(start('execute_tool ask', call), 'ask', { result: null }, type)
    endCall(call)
    endAgent(run)
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'long_running_tool', waitingFor: 'ask' })
    const next = agent('a')
    endCall(start('call_llm', next), { request: ANSWERED })
    endAgent(next)
    expect(log.of('resumed')).toHaveLength(1)
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('tells a run whose long-running tool answers that it is pending as completed', () => {
    const { log } = startRecordingSdk()
    const run = agent('a')
    const call = start('call_llm', run)
    endTool(start('execute_tool ask', call), 'ask', { result: null }, { 'gen_ai.tool.type': 'LongRunningFunctionTool' })
    endCall(call)
    endCall(start('call_llm', run), { request: ANSWERED })
    endAgent(run)
    expect(log.of('run_completed')).toHaveLength(1)
    expect(log.of('resumed')).toEqual([])
  })

  test('tells what the memory tool found', () => {
    const { log } = startRecordingSdk()
    endTool(start('execute_tool load_memory', start('call_llm', agent('a'))), 'load_memory', { memories: [{}, {}] })
    expect(log.of('memory_recall')[0]?.data).toMatchObject({ tier: 'memory', hits: 2 })
  })

  test('tells a workflow by how its nodes ended', () => {
    const { log } = startRecordingSdk()
    const node = (workflow: Span, status: string) => {
      const span = start('execute_node n', workflow)
      span.setAttributes({ 'adk.node.status': status, 'adk.node.path': 'flow.n' })
      if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: 'RangeError: too far' })
      span.end()
    }
    for (const status of ['completed', 'failed', 'waiting']) {
      const workflow = start('invoke_workflow flow', start('execute_node flow', start('invocation')))
      node(workflow, status)
      workflow.end()
    }
    expect(log.of('run_completed')).toHaveLength(1)
    expect(log.of('run_failed')[0]?.data.error.code).toBe('RangeError')
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'node_interrupted', waitingFor: 'flow.n' })
  })
})
