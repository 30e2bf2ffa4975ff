import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

function framework(name: string) {
  const spans = wholeSpans(`openinference.instrumentation.${name}`)
  const start = (kind: string, span: string, attributes: Attributes = {}, parent?: Span) =>
    spans.start(span, { 'openinference.span.kind': kind, ...attributes }, parent)
  return { ...spans, start }
}

function sdk() {
  const { log, audit } = startRecordingSdk()
  const runs = () => log.of('run_started').map(({ data }) => data.agent.name)
  const tools = () => log.types.filter((type) => type.startsWith('tool_call_'))
  const handoffs = () => log.of('agent_handoff').map(({ data }) => data)
  return { log, audit, runs, tools, handoffs }
}

describe('the name of an agent', () => {
  test.each<[string, string, Attributes, string]>([
    ['google_adk', 'agent_run [writer]', {}, 'writer'],
    ['crewai', 'Writer.draft._execute_core', { 'graph.node.id': 'Writer' }, 'Writer'],
    ['crewai', 'Sr. Writer.kickoff', {}, 'Sr. Writer'],
    ['smolagents', 'CodeAgent.run', {}, 'CodeAgent'],
    ['agno', 'My_Agent.run', { 'graph.node.id': '3f9ac02be5d11a70', 'agent.name': 'My Agent' }, 'My Agent'],
    ['agno', 'My_Agent.arun', { 'graph.node.id': '0b6f6d0e-5f50-4b6c-9c1d-111111111111' }, 'My_Agent'],
    ['beeai', 'x', { 'gen_ai.agent.name': 'writer' }, 'writer'],
  ])('of %s, of the span "%s"', (scope, name, attributes, agent) => {
    const { runs } = sdk()
    const { start, ok } = framework(scope)
    ok(start('AGENT', name, attributes))
    expect(runs()).toEqual([agent])
  })
})

describe('a crew, a team, a flow', () => {
  test.each([
    ['crewai', 'research_crew.kickoff', 'research_crew'],
    ['autogen_agentchat', 'Swarm.run_stream', 'Swarm'],
    ['agno', 'Pipeline.run', 'Pipeline'],
    ['haystack', 'Pipeline.run', 'Pipeline'],
    ['llama_index', 'RetrieverQueryEngine.query', 'RetrieverQueryEngine'],
  ])('of %s is a run around its agents: %s', (scope, name, agent) => {
    const { log, runs } = sdk()
    const { start, ok, fail } = framework(scope)
    const crew = start('CHAIN', name)
    ok(start('AGENT', 'writer', { 'agent.name': 'writer' }, crew))
    fail(crew, 'RuntimeError', 'boom')
    expect(runs()).toEqual([agent, 'writer'])
    expect(log.of('run_started')[0]?.data.trigger).toBe('workflow')
    expect(log.of('run_failed')[0]?.data.error.code).toBe('RuntimeError')
  })

  test('is none where a chain is a step: an invocation of the ADK, a step of smolagents, a chain inside', () => {
    const { log } = sdk()
    const [adk, smolagents] = [framework('google_adk'), framework('smolagents')]
    adk.ok(adk.start('CHAIN', 'invocation [app]'))
    smolagents.ok(smolagents.start('CHAIN', 'Step 1'))
    const { start, ok } = framework('llama_index')
    const outer = start('CHAIN', 'Workflow.run')
    ok(start('CHAIN', 'Workflow.step', {}, outer))
    ok(outer)
    expect(log.of('run_started')).toHaveLength(1)
  })
})

test('an agent whose methods have spans of the kind AGENT each is one run, and two where a tool calls it', () => {
  const { runs } = sdk()
  const { start, ok } = framework('llama_index')
  const outer = start('AGENT', 'FunctionAgent.run')
  const step = start('AGENT', 'FunctionAgent.run_agent_step', {}, outer)
  const tool = start('TOOL', 'FunctionTool.call', { 'tool.name': 'ask' }, step)
  for (const span of [start('AGENT', 'FunctionAgent.run', {}, tool), tool, step, outer]) ok(span)
  expect(runs()).toEqual(['FunctionAgent', 'FunctionAgent'])
})

test('an agent of LlamaIndex is one run, whatever workers it has, and one that a workflow runs is its own', () => {
  const { runs } = sdk()
  const { start, ok } = framework('llama_index')
  const agent = start('AGENT', 'OpenAIAgent.chat')
  ok(start('AGENT', 'OpenAIAgentWorker.run_step', {}, agent))
  ok(agent)
  const workflow = start('CHAIN', 'AgentWorkflow.run')
  ok(start('AGENT', 'FunctionAgent.take_step', {}, workflow))
  ok(workflow)
  expect(runs()).toEqual(['OpenAIAgent', 'AgentWorkflow', 'FunctionAgent'])
})

test.each([
  ['dspy', 'search.__call__', 'search'],
  ['crewai', 'search.run', 'search'],
  ['agno', 'mcp.search', 'mcp.search'],
])('a tool of %s is named by the span "%s", less the method', (scope, name, tool) => {
  const { log } = sdk()
  const { start, ok } = framework(scope)
  ok(start('TOOL', name))
  expect(log.of('tool_call_completed')[0]?.data.tool.name).toBe(tool)
})

test('what instructor calls a tool is none', () => {
  const { log } = sdk()
  const { start, ok } = framework('instructor')
  const patch = start('TOOL', 'instructor.patch')
  ok(start('LLM', 'ChatCompletion', { 'llm.token_count.prompt': 5 }, patch))
  ok(patch)
  expect(log.types).toEqual(['token_usage_updated'])
})

describe('the memory of CrewAI', () => {
  test.each<[string, Attributes, number]>([
    ['long_term_memory.search', { 'results.0.score': 1, 'results.1.score': 2 }, 2],
    ['short_term_memory.search', { results: ['a', 'b', 'c'] }, 3],
    ['short_term_memory.search', { query: 'x' }, 0],
  ])('is told by the event %s with %j', (event, attributes, hits) => {
    const { log } = sdk()
    const { start, ok } = framework('crewai')
    const agent = start('AGENT', 'Writer.kickoff')
    agent.addEvent(event, attributes)
    ok(agent)
    expect(log.of('memory_recall').map(({ data }) => data)).toEqual([{ tier: 'memory', hits }])
  })

  test.each<[string, Attributes]>([
    ['long_term_memory.search', { error: 'no database' }],
    ['long_term_memory.save', { value: 'x' }],
    ['memory', {}],
  ])('has found nothing by the event %s with %j', (event, attributes) => {
    const { log } = sdk()
    const { start, ok } = framework('crewai')
    const agent = start('AGENT', 'Writer.kickoff')
    agent.addEvent(event, attributes)
    ok(agent)
    expect(log.of('memory_recall')).toEqual([])
  })
})

describe('an exception', () => {
  test('on a span that is OK is a failure where the framework sets OK beforehand', () => {
    const { log } = sdk()
    const { start, okWith } = framework('autogen_agentchat')
    const agent = start('AGENT', 'writer.on_messages_stream')
    okWith(start('TOOL', 'writer.search', { 'tool.name': 'search' }, agent), 'ValueError', 'down')
    okWith(agent, 'RuntimeError', 'boom')
    expect(log.of('tool_call_failed')[0]?.data.error?.code).toBe('ValueError')
    expect(log.of('run_failed')[0]?.data.error).toMatchObject({ code: 'RuntimeError', message: 'boom' })
  })

  test('on a span that is OK is none elsewhere', () => {
    const { log } = sdk()
    const { start, okWith } = framework('crewai')
    okWith(start('AGENT', 'Writer.kickoff'), 'ValueError', 'handled')
    expect(log.of('run_completed')).toHaveLength(1)
  })

  test('that is a limit is told once, of the run in which it came up', () => {
    const { log } = sdk()
    const { start, fail } = framework('crewai')
    const crew = start('CHAIN', 'crew.kickoff')
    fail(start('AGENT', 'Writer.kickoff', {}, crew), 'x.MaxIterationsExceeded', 'limit of 5')
    fail(crew, 'x.MaxIterationsExceeded', 'limit of 5')
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'turns', limit: 5 }])
    expect(log.of('usage_limit_exceeded')[0]?.agent?.name).toBe('Writer')
  })
})

test('a run of smolagents whose span never ends has failed as its last step did', async () => {
  const { log, audit } = sdk()
  const { start, fail } = framework('smolagents')
  const run = start('AGENT', 'CodeAgent.run')
  fail(start('CHAIN', 'Step 1', {}, run), 'AgentGenerationError', 'boom')
  await audit.shutdown()
  expect(log.of('run_failed')).toHaveLength(1)
})

describe('a tool that may hand over', () => {
  test('hands over to the agent that starts next, in the same run or in the one around', () => {
    const { handoffs, tools } = sdk()
    const { start, ok } = framework('autogen_agentchat')
    const team = start('CHAIN', 'Swarm.run_stream')
    const triage = start('AGENT', 'triage.on_messages_stream', {}, team)
    ok(start('TOOL', 'triage.transfer_to_billing', { 'tool.name': 'transfer_to_billing' }, triage))
    ok(triage)
    ok(start('AGENT', 'billing_agent.on_messages_stream', {}, team))
    ok(team)
    expect(handoffs()).toEqual([{ from: 'triage', to: 'billing_agent' }])
    expect(tools()).toEqual([])
  })

  test('names its target among its arguments: another agent is not meant', () => {
    const { handoffs, tools } = sdk()
    const { start, ok } = framework('google_adk')
    const root = start('AGENT', 'agent_run [root]')
    const args = { 'tool.name': 'transfer_to_agent', 'tool.parameters': '{"agent_name":"billing"}' }
    ok(start('TOOL', 'execute_tool transfer_to_agent', args, root))
    ok(start('AGENT', 'agent_run [writer]', {}, root))
    ok(root)
    expect(handoffs()).toEqual([])
    expect(tools()).toEqual(['tool_call_started', 'tool_call_completed'])
  })

  test('is a tool where the agent goes on itself, or fails', () => {
    const { log, handoffs, tools } = sdk()
    const { start, ok, fail } = framework('crewai')
    const bank = start('AGENT', 'Bank.kickoff')
    ok(start('TOOL', 'transfer_to_savings', { 'tool.name': 'transfer_to_savings', 'tool.id': 'c-1' }, bank))
    ok(start('LLM', 'chat', {}, bank))
    fail(start('TOOL', 'transfer_to_savings', { 'tool.name': 'transfer_to_savings' }, bank), 'ValueError', 'no money')
    ok(bank)
    expect(handoffs()).toEqual([])
    expect(tools()).toEqual(['tool_call_started', 'tool_call_completed', 'tool_call_started', 'tool_call_failed'])
    expect(log.of('tool_call_completed')[0]?.data).toMatchObject({
      callId: 'c-1',
      tool: { name: 'transfer_to_savings' },
    })
  })

  test('is a plain tool outside of runs', () => {
    const { tools } = sdk()
    const { start } = framework('crewai')
    start('TOOL', 'transfer_to_savings').setStatus({ code: SpanStatusCode.OK }).end()
    expect(tools()).toEqual(['tool_call_started', 'tool_call_completed'])
  })
})

test('an agent of smolagents inside another of the same class is a worker of its own', () => {
  const { log } = sdk()
  const { start, ok } = framework('smolagents')
  const manager = start('AGENT', 'CodeAgent.run')
  const step = start('CHAIN', 'Step 1', {}, manager)
  const worker = start('AGENT', 'CodeAgent.run', {}, step)
  for (const span of [worker, step, manager]) ok(span)
  expect(log.of('run_started')).toHaveLength(2)
  expect(log.of('sub_agent_invoked')).toHaveLength(1)
})
