import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

const RESULT = {
  'llm.token_count.prompt': 20,
  'llm.token_count.completion': 7,
  'llm.token_count.total': 27,
  'llm.cost.total': 0.5,
}

async function start(kind: string, name: string, parent?: Span): Promise<Span> {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const span = trace.getTracer('@arizeai/openinference-instrumentation-claude-agent-sdk').startSpan(name, {}, around)
  span.setAttributes({ 'openinference.span.kind': kind, ...(kind === 'TOOL' && { 'tool.name': name }) })
  await nextTurn()
  return span
}

function end(span: Span, attributes: Attributes = {}, error?: string): void {
  span.setAttributes(attributes)
  span.setStatus(error === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error })
  span.end()
}

describe('a query of the Claude Agent SDK', () => {
  test('is a run that tells its usage and cost itself, and learns its session on the way', async () => {
    const { log } = startRecordingSdk()
    const query = await start('AGENT', 'ClaudeAgent.query')
    query.setAttributes({ 'session.id': 's-1', 'llm.model_name': 'claude' })
    end(await start('TOOL', 'Bash', query))
    end(query, { ...RESULT, 'llm.finish_reason': 'end_turn' })
    expect(log.of('tool_call_started')[0]?.sessionId).toBe('s-1')
    expect(log.of('run_completed')[0]?.data).toMatchObject({
      finishReason: 'end_turn',
      usage: { inputTokens: 20, outputTokens: 7, totalTokens: 27, costUsd: 0.5 },
    })
  })

  test.each([
    ['error_max_turns', { axis: 'turns' }],
    ['error_max_budget_usd', { axis: 'cost_usd', observed: 0.5 }],
  ])('fails by %s: a limit', async (subtype, limit) => {
    const { log } = startRecordingSdk()
    end(await start('AGENT', 'ClaudeAgent.query'), RESULT, `Result error: ${subtype}`)
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual(limit)
    expect(log.of('run_failed')[0]?.data).toMatchObject({ error: { code: subtype }, usage: { inputTokens: 20 } })
  })

  test('fails by an error during execution without any limit', async () => {
    const { log } = startRecordingSdk()
    end(await start('AGENT', 'ClaudeAgent.query'), RESULT, 'Result error: error_during_execution')
    expect(log.of('usage_limit_exceeded')).toEqual([])
    expect(log.of('run_failed')[0]?.data.error.code).toBe('error_during_execution')
  })

  test('was cancelled when nobody read it to its result', async () => {
    const { log } = startRecordingSdk()
    const query = await start('AGENT', 'ClaudeAgent.query')
    end(await start('TOOL', 'Bash', query), {}, 'Abandoned')
    end(query)
    expect(log.of('tool_call_failed')[0]?.data.error).toEqual({ code: 'Abandoned', message: 'Abandoned' })
    expect(log.of('run_cancelled')[0]).toMatchObject({ source: { confidence: 'heuristic' } })
  })
})
