import { type Attributes, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function spans(scope: string) {
  return (name: string, parent?: Span): Span =>
    trace.getTracer(scope).startSpan(name, {}, parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT)
}

test('Laminar for the AI SDK 7: an operation inside a tool is a sub-agent', async () => {
  const { log } = startRecordingSdk()
  const start = spans('lmnr.tracer')
  const operation = (name: string, parent?: Span) =>
    start('ai.generateText', parent).setAttributes({
      'lmnr.span.type': 'DEFAULT',
      'ai.operation': 'ai.generateText',
      'ai.functionId': name,
    })
  const outer = operation('boss')
  await nextTurn()
  const tool = start('ask', outer).setAttributes({ 'lmnr.span.type': 'TOOL', 'ai.toolCall.name': 'ask' })
  await nextTurn()
  const inner = operation('worker', tool)
  await nextTurn()
  for (const span of [inner, tool, outer]) span.end()
  expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['boss', 'worker'])
  expect(log.of('sub_agent_invoked')).toHaveLength(1)
})

test('Laminar for Mastra: agents and tools are told by the names that Mastra quotes, and calls by their type', () => {
  const { log } = startRecordingSdk()
  const start = spans('@lmnr-ai/lmnr')
  const typed = (type: string, more: Attributes = {}) => ({ 'lmnr.internal.mastra.span_type': type, ...more })
  const agent = start("agent run: 'weather-agent'")
  const generation = start("llm: 'gpt-4o'", agent)
  start('step: 0', generation)
    .setAttributes(typed('model_step', { 'gen_ai.usage.input_tokens': 20 }))
    .end()
  start("tool: 'weather'", generation).setAttributes(typed('tool_call')).end()
  generation.setAttributes(typed('model_generation')).end()
  agent.setAttributes(typed('agent_run', { 'lmnr.association.properties.session_id': 's-1' })).end()
  expect(log.of('run_completed')[0]).toMatchObject({ sessionId: 's-1', agent: { name: 'weather-agent' } })
  expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['weather'])
  expect(log.of('token_usage_updated').map(({ data }) => data.inputTokens)).toEqual([20])
})
