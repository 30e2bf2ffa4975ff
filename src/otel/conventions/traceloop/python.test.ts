import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

function framework(name: string) {
  const spans = wholeSpans(`opentelemetry.instrumentation.${name}`)
  const entity = (kind: string, entityName: string, parent?: Span, more: Attributes = {}) =>
    spans.start(
      `${entityName}.${kind}`,
      { 'traceloop.span.kind': kind, 'traceloop.entity.name': entityName, ...more },
      parent,
    )
  return { ...spans, entity }
}

function sdk() {
  const { log } = startRecordingSdk()
  const runs = () => log.of('run_started').map(({ data }) => data.agent.name)
  return { log, runs }
}

describe('CrewAI', () => {
  const says = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.provider.name': 'crewai' }

  test('has a run for the crew and for each agent, none for a task, and tokens once', () => {
    const { log, runs } = sdk()
    const { start, ok } = framework('crewai')
    const crew = start('crewai.workflow', { ...says, 'crewai.crew.name': 'research' })
    const task = start('Find out.task', { ...says, 'traceloop.span.kind': 'task' }, crew)
    const usage = { 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 }
    const agent = start(
      'Writer.agent',
      { ...says, ...usage, 'traceloop.span.kind': 'agent', 'crewai.agent.role': 'Writer' },
      task,
    )
    ok(start('gpt-4o.llm', { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-4o', ...usage }, agent))
    for (const span of [agent, task, crew]) ok(span)
    expect(runs()).toEqual(['research', 'Writer'])
    expect(log.of('token_usage_updated')).toHaveLength(1)
  })

  test('tells the tokens of an agent whose calls tell none', () => {
    const { log } = sdk()
    const { start, ok } = framework('crewai')
    ok(start('Writer.agent', { 'traceloop.span.kind': 'agent', 'gen_ai.usage.input_tokens': 9 }))
    expect(log.of('token_usage_updated')[0]?.data.inputTokens).toBe(9)
  })
})

describe('LangGraph', () => {
  const place = (node: string, ns: string) => ({
    'traceloop.association.properties.thread_id': 't-1',
    'traceloop.association.properties.langgraph_node': node,
    'traceloop.association.properties.langgraph_checkpoint_ns': ns,
  })

  test('is one run, whose graph has a span of its own; nodes are none, a graph in a node is a sub-agent', () => {
    const { log, runs } = sdk()
    const { start, entity, ok } = framework('langchain')
    const around = start('invoke_agent team', { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'team' })
    const graph = entity('workflow', 'team', around)
    const node = entity('task', 'billing', graph, place('billing', 'billing:1'))
    const inner = entity('task', 'billing', node, place('billing', 'billing:1'))
    const step = entity('task', 'agent', inner, place('agent', 'billing:1|agent:2'))
    ok(entity('tool', 'search', step))
    for (const span of [step, inner, node, graph, around]) ok(span)
    expect(runs()).toEqual(['team', 'billing'])
    expect(log.of('tool_call_completed')[0]?.agent?.name).toBe('billing')
    expect(log.of('run_completed').at(-1)?.sessionId).toBe('t-1')
  })

  test('pauses and hands over by exceptions', () => {
    const { log } = sdk()
    const { entity, ok, fail } = framework('langchain')
    const graph = entity('workflow', 'LangGraph')
    ok(entity('tool', 'transfer_to_billing', graph))
    const node = entity('task', 'billing', graph)
    fail(node, 'langgraph.errors.GraphInterrupt', "(Interrupt(value='which?', id='i'),)")
    ok(graph)
    expect(log.of('agent_handoff').map(({ data }) => data.to)).toEqual(['billing'])
    expect(log.of('run_suspended')).toHaveLength(1)
    expect(log.types).not.toContain('run_failed')
  })
})

describe('the Agents SDK', () => {
  const agent = (name: string) => ({ 'traceloop.span.kind': 'agent', 'gen_ai.agent.name': name })
  const error = (span: Span, message: string) => span.setStatus({ code: SpanStatusCode.ERROR, message }).end()

  test('hands over by a span, and its workflow fails as its last agent did', () => {
    const { log, runs } = sdk()
    const { start, entity, ok } = framework('openai_agents')
    const root = entity('workflow', 'Agent Workflow')
    const triage = start('triage.agent', agent('triage'), root)
    const handoff = { 'gen_ai.handoff.from_agent': 'triage', 'gen_ai.handoff.to_agent': 'billing' }
    ok(start('triage → billing.handoff', { 'traceloop.span.kind': 'handoff', ...handoff }, triage))
    ok(triage)
    error(start('billing.agent', agent('billing'), root), "{'message': 'Max turns exceeded', 'data': {'max_turns': 2}}")
    ok(root)
    expect(runs()).toEqual(['Agent Workflow', 'triage', 'billing'])
    expect(log.of('agent_handoff')[0]?.data).toEqual({ from: 'triage', to: 'billing' })
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'turns', limit: 2 }])
    expect(log.of('run_failed').map(({ agent: { name } = {} }) => name)).toEqual(['billing', 'Agent Workflow'])
  })

  test('tells the guardrail that stopped it', () => {
    const { log } = sdk()
    const { start } = framework('openai_agents')
    error(start('a.agent', agent('a')), "{'message': 'Guardrail tripwire triggered', 'data': {'guardrail': 'math'}}")
    expect(log.of('policy_violation')[0]?.data).toEqual({ rule: 'math', action: 'blocked' })
  })
})

test('LlamaIndex: a call of a model is one though it says task, and a retriever in another is part of it', () => {
  const { log, runs } = sdk()
  const { entity, ok } = framework('llamaindex')
  const root = entity('workflow', 'FunctionAgent.workflow')
  const usage = { 'llm.request.type': 'chat', 'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 5 }
  ok(entity('task', 'OpenAI.task', root, usage))
  const retriever = entity('task', 'FusionRetriever.task', root)
  ok(entity('task', 'VectorIndexRetriever.task', retriever))
  ok(retriever)
  ok(root)
  expect(runs()).toEqual(['FunctionAgent'])
  expect(log.of('token_usage_updated')).toHaveLength(1)
  expect(log.of('memory_recall')).toHaveLength(1)
})

test('a tool that MCP tells again below is one call', () => {
  const { log } = sdk()
  const outer = framework('langchain').entity('tool', 'search')
  framework('mcp').entity('tool', 'search', outer).end()
  outer.end()
  expect(log.of('tool_call_started')).toHaveLength(1)
})
