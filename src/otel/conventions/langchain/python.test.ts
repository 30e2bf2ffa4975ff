import type { Attributes, Span } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

/* LangGraph for Python through OpenInference: whatever has "agent" in its name is AGENT, what steers a graph is OK. */

const { start, ok, okWith, fail } = wholeSpans('openinference.instrumentation.langchain')

function span(kind: string, name: string, parent?: Span, more: Attributes = {}): Span {
  return start(name, { 'openinference.span.kind': kind, ...more }, parent)
}

/** A node, or what a node runs: both have the metadata of the node. `place` is `node:task` of the graph, and of those inside. */
function inNode(kind: string, name: string, parent: Span, place: string): Span {
  const node = place.replace(/^.*\|/, '').replace(/:.*/, '')
  const metadata = JSON.stringify({ thread_id: 't-1', langgraph_node: node, langgraph_checkpoint_ns: place })
  return span(kind, name, parent, { metadata, 'session.id': 't-1' })
}

const graph = (more: Attributes = {}) => span('CHAIN', 'LangGraph', undefined, more)

describe('a graph', () => {
  test('is a run, its node "agent" is none', () => {
    const { log } = startRecordingSdk()
    const root = graph()
    ok(inNode('AGENT', 'agent', root, 'agent:1'))
    ok(root)
    expect(log.of('run_started')).toHaveLength(1)
    expect(log.of('run_completed')[0]?.sessionId).toBe('t-1')
  })

  test('inside a node is a sub-agent, though it has the name and the metadata of the node', () => {
    const { log } = startRecordingSdk()
    const root = span('CHAIN', 'supervisor')
    const node = inNode('CHAIN', 'billing', root, 'billing:1')
    const inner = inNode('CHAIN', 'billing', node, 'billing:1')
    const step = inNode('AGENT', 'agent', inner, 'billing:1|agent:2')
    for (const open of [step, inner, node, root]) ok(open)
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['supervisor', 'billing'])
    expect(log.of('run_started')[1]?.parentRunId).toBe(log.of('run_started')[0]?.runId)
  })

  test('that is left for another node by a tool has handed over to that', () => {
    const { log } = startRecordingSdk()
    const root = span('CHAIN', 'team')
    const node = inNode('CHAIN', 'triage', root, 'triage:1')
    const inner = inNode('CHAIN', 'triage', node, 'triage:1')
    const tools = inNode('CHAIN', 'tools', inner, 'triage:1|tools:2')
    okWith(span('TOOL', 'transfer_to_billing', tools), 'langgraph.errors.ParentCommand', "Command(goto='billing')")
    okWith(tools, 'langgraph.errors.ParentCommand', '')
    okWith(inner, 'langgraph.errors.ParentCommand', '')
    ok(node)
    ok(inNode('CHAIN', 'billing', root, 'billing:3'))
    ok(root)
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'triage', to: 'billing' }])
    expect(log.types.filter((type) => type.startsWith('tool_call'))).toEqual([])
    expect(log.of('run_failed')).toEqual([])
  })

  test('that goes nowhere after such a tool has called a tool', () => {
    const { log } = startRecordingSdk()
    const root = graph()
    ok(span('TOOL', 'transfer_to_savings', root))
    ok(root)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed'])
  })
})

describe('an interrupt on a span that is OK', () => {
  const asked =
    "(Interrupt(value={'action_requests': [{'name': 'send_mail', 'args': {'to': 'x'}}, {'name': 'pay', 'args': {}}], 'review_configs': []}, id='i-1'),)"

  test('suspends the run, and tells which tools wait', () => {
    const { log } = startRecordingSdk()
    const root = graph()
    const node = inNode('CHAIN', 'HumanInTheLoopMiddleware.after_model', root, 'h:1')
    okWith(node, 'langgraph.errors.GraphInterrupt', asked)
    ok(root)
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'interrupt', waitingFor: 'approval' })
    expect(log.of('tool_approval_requested').map(({ data, source }) => [data.tool.name, source.confidence])).toEqual([
      ['send_mail', 'heuristic'],
      ['pay', 'heuristic'],
    ])
  })

  test('leaves a tool open that asks for something else', () => {
    const { log } = startRecordingSdk()
    const root = graph()
    okWith(span('TOOL', 'ask', root), 'GraphInterrupt', "(Interrupt(value='which city?', id='i-1'),)")
    ok(root)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'run_suspended'])
    expect(log.of('run_suspended')[0]?.data.waitingFor).toBe('input')
  })

  test.each([
    ['{"graph": null, "update": null, "resume": {"decisions": [{"type": "reject"}]}, "goto": []}', 1],
    ['{"resume": "yes", "goto": []}', 0],
  ])('is answered by a command: %s', (input, denied) => {
    const { log } = startRecordingSdk()
    ok(graph({ 'input.value': input, metadata: '{"ls_integration":"langgraph"}' }))
    expect(log.of('resumed')[0]?.source.confidence).toBe('claimed')
    expect(log.of('tool_approval_denied')).toHaveLength(denied)
  })

  test.each(['{"goto": "x", "resume": null}', '{"graph": 1, "other": 2}', '{"resume": 1}'])(
    'is not answered by %s',
    (input) => {
      const { log } = startRecordingSdk()
      ok(graph({ 'input.value': input, metadata: '{"ls_integration":"langgraph"}' }))
      expect(log.of('resumed')).toEqual([])
    },
  )
})

test.each([
  ['langgraph.errors.GraphRecursionError', 'Recursion limit of 25 reached', { axis: 'turns', limit: 25 }],
  ['langchain.agents.middleware.ModelCallLimitExceededError', 'Model call limits exceeded', { axis: 'requests' }],
])('the limit %s is told by its class, whatever the module', (type, message, data) => {
  const { log } = startRecordingSdk()
  fail(graph(), type, message)
  expect(log.of('usage_limit_exceeded')[0]?.data).toEqual(data)
})

test('a cancelled task cancels the run', () => {
  const { log } = startRecordingSdk()
  fail(graph(), 'asyncio.exceptions.CancelledError')
  expect(log.of('run_cancelled')).toHaveLength(1)
})

test('the id of a response is the provider’s, not the one LangChain makes up', () => {
  const { log } = startRecordingSdk()
  const message = { type: 'ai', data: { id: 'lc_run--1', response_metadata: { id: 'chatcmpl-1' } } }
  const output = JSON.stringify({ generations: [[{ message }]] })
  const model = span('LLM', 'ChatOpenAI', undefined, { 'llm.token_count.prompt': 3, 'output.value': output })
  ok(model)
  expect(log.of('token_usage_updated')[0]?.data.responseId).toBe('chatcmpl-1')
})
