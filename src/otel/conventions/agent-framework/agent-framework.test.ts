import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

const { start, fail } = wholeSpans('agent_framework')

function workflow(more: Attributes = {}): Span {
  return start('workflow.run', { 'workflow.id': 'w-1', 'workflow.name': 'review', ...more })
}

function agent(name: string, parent?: Span): Span {
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name }
  return start(`invoke_agent ${name}`, attributes, parent)
}

function tool(name: string, parent: Span): Span {
  return start(`execute_tool ${name}`, { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name }, parent)
}

describe('a workflow of the Agent Framework', () => {
  test('is a run around its agents; its steps, edges and messages are none', () => {
    const { log } = startRecordingSdk()
    const run = workflow()
    const step = start('executor.process writer', { 'executor.id': 'writer' }, run)
    agent('Writer', step).end()
    start('message.send', { 'message.type': 'standard' }, step).end()
    step.end()
    start('edge_group.process SingleEdgeGroup', {}, run).end()
    run.end()
    expect(log.of('run_started').map(({ data }) => data.agent)).toEqual([
      { id: 'w-1', name: 'review' },
      { name: 'Writer' },
    ])
    expect(log.types.filter((type) => type.startsWith('run_'))).toHaveLength(4)
  })

  test('has failed by its status, or by its event where no status is set', () => {
    const { log } = startRecordingSdk()
    fail(workflow(), 'ValueError', 'boom')
    workflow().addEvent('workflow.error', { 'error.type': 'KeyError', 'error.message': 'x' }).end()
    expect(log.of('run_failed').map(({ data }) => data.error.code)).toEqual(['ValueError', 'KeyError'])
  })
})

test.each(['agent_framework', 'autogen-agentchat', 'semantic_kernel.utils', 'Microsoft.Agents.AI.Workflows'])(
  'an agent of %s hands over by a tool to the one that is next in the workflow',
  (scope) => {
    const { log } = startRecordingSdk()
    const spans = wholeSpans(scope)
    const run = spans.start('workflow.run')
    const triage = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'triage' }
    const first = spans.start('invoke_agent triage', triage, run)
    const call = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'handoff_to_refund_agent' }
    spans.start('execute_tool handoff_to_refund_agent', call, first).end()
    first.end()
    spans.start('invoke_agent Refund Agent', { ...triage, 'gen_ai.agent.name': 'Refund Agent' }, run).end()
    run.end()
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'triage', to: 'Refund Agent' }])
    expect(log.types).not.toContain('tool_call_started')
  },
)

test('what looks like handing over is a tool where it fails, or nobody takes over', () => {
  const { log } = startRecordingSdk()
  const run = agent('bank')
  tool('transfer_to_savings', run).end()
  tool('transfer_to_savings', run).setStatus({ code: SpanStatusCode.ERROR, message: 'no' }).end()
  run.end()
  expect(log.types.filter((type) => type.startsWith('tool_'))).toEqual([
    'tool_call_started',
    'tool_call_failed',
    'tool_call_started',
    'tool_call_completed',
  ])
})

test('an agent of AutoGen that no run is around has handed over by the tool it ended with, as a guess', () => {
  const { log } = startRecordingSdk()
  const spans = wholeSpans('autogen-core')
  const around = spans.start('autogen process triage')
  const named = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'triage' }
  const triage = spans.start('invoke_agent triage', named, around)
  const call = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'transfer_to_billing' }
  spans.start('execute_tool transfer_to_billing', call, triage).end()
  triage.end()
  around.end()
  expect(log.of('agent_handoff')[0]).toMatchObject({
    data: { from: 'triage', to: 'billing' },
    source: { confidence: 'heuristic' },
  })
  expect(log.types).not.toContain('tool_call_started')
})

test('a completion of Semantic Kernel is a call of a model, also where it fails', () => {
  const { log } = startRecordingSdk()
  const spans = wholeSpans('semantic_kernel.utils.telemetry.model_diagnostics')
  const attributes = { 'gen_ai.operation.name': 'chat.completions', 'gen_ai.request.model': 'm' }
  spans.fail(spans.start('chat.completions m', attributes), 'ServiceResponseException', 'down')
  spans.start('chat.completions m', { ...attributes, 'gen_ai.usage.input_tokens': 5 }).end()
  expect(log.of('error_occurred')[0]?.data).toMatchObject({ operation: 'chat' })
  expect(log.of('token_usage_updated')).toHaveLength(1)
})
