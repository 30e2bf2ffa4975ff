import type { Attributes, Span } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

/* The Agent Development Kit for Python, versions 1.x: `agent_run [x]`, members in snake case, errors in the status. */

const { start, ok, fail } = wholeSpans('gcp.vertex.agent')

function callLlm(parent: Span, usage: object, more: Attributes = {}): Span {
  const attributes = {
    'gen_ai.request.model': 'gemini-2.0-flash',
    'gcp.vertex.agent.invocation_id': 'e-1',
    'gcp.vertex.agent.session_id': 's-1',
    'gcp.vertex.agent.llm_response': JSON.stringify({ usage_metadata: usage }),
    ...more,
  }
  return start('call_llm', attributes, parent)
}

function transfer(parent: Span, args: object): Span {
  return start(
    'execute_tool transfer_to_agent',
    { 'gen_ai.tool.name': 'transfer_to_agent', 'gcp.vertex.agent.tool_call_args': JSON.stringify(args) },
    parent,
  )
}

describe('ADK 1.x for Python', () => {
  test('tells runs by agent_run, tokens with thoughts by the response, the session for all agents around', () => {
    const { log } = startRecordingSdk()
    const outer = start('agent_run [pipeline]')
    const inner = start('agent_run [step_a]', {}, outer)
    ok(
      callLlm(inner, {
        prompt_token_count: 20,
        candidates_token_count: 7,
        thoughts_token_count: 5,
        cached_content_token_count: 3,
      }),
    )
    ok(inner)
    ok(outer)
    expect(log.of('run_completed').map(({ agent, sessionId }) => [agent?.name, sessionId])).toEqual([
      ['step_a', 's-1'],
      ['pipeline', 's-1'],
    ])
    expect(log.of('token_usage_updated')[0]?.data).toMatchObject({
      inputTokens: 20,
      outputTokens: 12,
      reasoningTokens: 5,
      cachedInputTokens: 3,
    })
  })

  test('tells what the model threw, once, and that the run failed by it', () => {
    const { log } = startRecordingSdk()
    const run = start('agent_run [a]')
    fail(callLlm(run, {}), 'google.genai.errors.ClientError', '503 UNAVAILABLE')
    fail(run, 'google.genai.errors.ClientError', '503 UNAVAILABLE')
    expect(log.of('error_occurred')).toHaveLength(1)
    expect(log.of('run_failed')[0]?.data.error.code).toBe('google.genai.errors.ClientError')
    expect(log.of('run_failed')[0]?.source.confidence).toBeUndefined()
  })

  test('tells the limit of model calls by its class', () => {
    const { log } = startRecordingSdk()
    fail(start('agent_run [a]'), 'google.adk.agents.invocation_context.LlmCallsLimitExceededError', 'limit of `5`')
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'requests', limit: 5 }])
  })

  test('tells a tool by what it threw', () => {
    const { log } = startRecordingSdk()
    const run = start('agent_run [a]')
    fail(start('execute_tool search', { 'gen_ai.tool.name': 'search' }, run), 'ValueError', 'down')
    ok(run)
    expect(log.of('tool_call_failed')[0]?.data.error).toEqual({ code: 'ValueError', message: 'down' })
  })

  test('tells a transfer when its target starts, and as a tool when nobody does', () => {
    const { log } = startRecordingSdk()
    const run = start('agent_run [coordinator]')
    ok(callLlm(run, {}))
    ok(transfer(run, { agent_name: 'billing' }))
    ok(start('agent_run [billing]', {}, run))
    ok(transfer(run, { agent_name: 'nobody' }))
    ok(run)
    expect(log.of('agent_handoff').map(({ data, agent }) => [data, agent?.name])).toEqual([
      [{ from: 'coordinator', to: 'billing' }, 'coordinator'],
    ])
    expect(log.of('tool_call_completed')).toHaveLength(1)
  })
})
