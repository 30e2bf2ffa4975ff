import { type Attributes, ROOT_CONTEXT, type Span, type Tracer, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'

function start(tracer: Tracer, name: string, attributes: Attributes, parent?: Span): Span {
  return tracer.startSpan(name, { attributes }, parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT)
}

const HISTORY = Object.fromEntries(
  Array.from({ length: 200 }, (_, i) => [`llm.input_messages.${i}.message.content`, 'hello']),
)

describe('what the limits of an SDK took', () => {
  test('marks the tokens of a call as not known, and the sum of its run, not as none', () => {
    const { log, tracer } = startRecordingSdk()
    const run = start(tracer, 'support', { 'openinference.span.kind': 'AGENT' })
    const call = start(tracer, 'ChatOpenAI', { 'openinference.span.kind': 'LLM', 'llm.model_name': 'm-1' }, run)
    call.setAttributes({ ...HISTORY, 'llm.token_count.prompt': 900, 'llm.token_count.completion': 30 }).end()
    run.end()
    expect(log.of('token_usage_updated')[0]).toMatchObject({
      data: { model: 'm-1', totalTokens: 0 },
      altered: [
        { field: 'data.inputTokens', reason: 'missing' },
        { field: 'data.outputTokens', reason: 'missing' },
        { field: 'data.totalTokens', reason: 'missing' },
      ],
    })
    expect(log.of('run_completed')[0]?.altered).toEqual([{ field: 'data.usage', reason: 'missing' }])
  })

  test('marks the count of a call that is missing beside one that is told', () => {
    const { log, tracer } = startRecordingSdk()
    const call = start(tracer, 'ChatOpenAI', { 'openinference.span.kind': 'LLM', 'llm.token_count.prompt': 900 })
    call.setAttributes({ ...HISTORY, 'llm.token_count.completion': 30 }).end()
    expect(log.of('token_usage_updated')[0]).toMatchObject({
      data: { inputTokens: 900, outputTokens: 0 },
      altered: [
        { field: 'data.outputTokens', reason: 'missing' },
        { field: 'data.totalTokens', reason: 'missing' },
      ],
    })
  })

  test('leaves the tokens alone that are told before them', () => {
    const { log, tracer } = startRecordingSdk()
    const usage = { 'llm.token_count.prompt': 900, 'llm.token_count.completion': 30 }
    start(tracer, 'ChatOpenAI', { 'openinference.span.kind': 'LLM', ...usage, ...HISTORY }).end()
    expect(log.of('token_usage_updated')[0]).toMatchObject({ data: { totalTokens: 930 }, altered: undefined })
  })

  test('does not hide that a run waits, as far as the text says so before its cut', () => {
    const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeValueLengthLimit: 200 } })
    const output = { status: 'suspended', reason: 'tool-call-approval', toolName: 'pay', toolCallId: 'k1' }
    const run = start(tracer, "agent run: 'x'", { 'mastra.span.type': 'agent_run' })
    run.setAttribute('mastra.agent_run.output', JSON.stringify({ ...output, args: { pad: 'x'.repeat(300) } })).end()
    expect(log.of('run_suspended')[0]).toMatchObject({ data: { waitingFor: 'pay' }, altered: undefined })
    expect(log.of('tool_approval_requested')[0]?.data.callId).toBe('k1')
  })

  test('marks a run as completed for all that is known, where the text is cut before it says', () => {
    const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeValueLengthLimit: 200 } })
    const run = start(tracer, "agent run: 'x'", { 'mastra.span.type': 'agent_run' })
    run.setAttribute('mastra.agent_run.output', JSON.stringify({ text: 'x'.repeat(300), status: 'suspended' })).end()
    expect(log.of('run_completed')[0]).toMatchObject({
      source: { confidence: 'heuristic' },
      altered: [{ field: 'type', reason: 'truncated' }],
    })
  })

  test('marks a run whose last call of a model was cut, and not one whose later call was told whole', () => {
    const calls = JSON.stringify([{ input: 'x'.repeat(300), toolCallId: 'k1', toolName: 'pay' }])
    for (const [last, altered] of [
      [calls, [{ field: 'type', reason: 'truncated' }]],
      ['[]', undefined],
    ] as const) {
      const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeValueLengthLimit: 200 } })
      const run = start(tracer, 'ai.generateText', { 'ai.operationId': 'ai.generateText' })
      for (const answer of [calls, last]) {
        const call = start(
          tracer,
          'ai.generateText.doGenerate',
          { 'ai.operationId': 'ai.generateText.doGenerate' },
          run,
        )
        call.setAttributes({ 'ai.response.finishReason': 'tool-calls', 'ai.response.toolCalls': answer }).end()
      }
      run.setAttribute('ai.response.finishReason', 'tool-calls').end()
      expect(log.of('run_completed')[0]?.altered).toEqual(altered)
    }
  })

  test('takes what is not there for no evidence: a call without its finish reason was not aborted', () => {
    const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeCountLimit: 4 } })
    const run = start(tracer, 'ai.generateText', { 'ai.operationId': 'ai.generateText', a: 1, b: 2, c: 3 })
    run.setAttribute('ai.response.finishReason', 'stop').end()
    expect(log.of('run_cancelled')).toEqual([])
    expect(log.of('run_completed')[0]?.altered).toEqual([{ field: 'type', reason: 'missing' }])
  })

  test('marks a tool call and a recall whose end they may have told', () => {
    const { log, tracer } = startRecordingSdk({}, { spanLimits: { attributeCountLimit: 3 } })
    const told = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'pay', a: 1 }
    start(tracer, 'execute_tool pay', told).setAttribute('error.type', 'Declined').end()
    const asked = { 'gen_ai.operation.name': 'search_memory', a: 1, b: 2 }
    start(tracer, 'search_memory', asked).setAttribute('gen_ai.memory.record.count', 3).end()
    expect(log.of('tool_call_completed')[0]).toMatchObject({
      source: { confidence: 'heuristic' },
      altered: [{ field: 'type', reason: 'missing' }],
    })
    expect(log.of('memory_recall')[0]?.altered).toEqual([{ field: 'data.hits', reason: 'missing' }])
  })
})
