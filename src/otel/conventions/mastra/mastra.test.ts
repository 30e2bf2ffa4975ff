import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** A span of the bridge: nothing but a name at its start, all else before its end, under another name. */
function start(name: string, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('@mastra/otel-bridge', '1.0.0').startSpan(name, {}, around)
}

/** A span of another process, of which only the ids were kept. */
function startBelow(name: string, { traceId, spanId }: ReturnType<Span['spanContext']>): Span {
  const around = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1, isRemote: true })
  return trace.getTracer('@mastra/otel-bridge', '1.0.0').startSpan(name, {}, around)
}

function end(span: Span, type: string, attributes: Attributes = {}): void {
  span.updateName(`${type} renamed`)
  span.setAttributes({ 'mastra.span.type': type, ...attributes }).setStatus({ code: SpanStatusCode.OK })
  span.end()
}

function fail(span: Span, type: string, message: string, id = 'unknown'): void {
  span.setAttributes({ 'mastra.span.type': type, 'error.type': id, 'error.message': message })
  span.setStatus({ code: SpanStatusCode.ERROR, message }).recordException(new Error(message))
  span.end()
}

const suspended = (reason: string) => ({
  'mastra.agent_run.output': JSON.stringify({ status: 'suspended', reason, toolName: 'pay', toolCallId: 'call-1' }),
})
const resumed = (input: unknown) => ({
  'mastra.metadata.resumed': true,
  'mastra.agent_run.input': JSON.stringify(input),
})

describe("Mastra's agents", () => {
  test('are runs from their start, by the name they start with', () => {
    const { log } = startRecordingSdk()
    const run = start("agent run: 'it's me'")
    expect(log.of('run_started')[0]?.data.agent).toEqual({ id: "it's me" })
    end(run, 'agent_run', { 'gen_ai.agent.id': 'writer', 'gen_ai.agent.name': 'Writer' })
    expect(log.of('run_completed')[0]?.agent).toEqual({ id: 'writer', name: 'Writer' })
  })

  test('take on the session and user that the first span inside tells', () => {
    const { log } = startRecordingSdk()
    const run = start("agent run: 'a'")
    const told = {
      'mastra.metadata.sessionId': 's-1',
      'mastra.metadata.userId': 'u-1',
      'mastra.metadata.tenant': 't-1',
    }
    end(start("chunk: 'text'", run), 'model_chunk', told)
    const tool = start("tool: 'search'", run)
    expect(log.of('tool_call_started')[0]).toMatchObject({ sessionId: 's-1', tenantId: 't-1', actor: { id: 'u-1' } })
    end(tool, 'tool_call')
    end(run, 'agent_run', { ...told, 'gen_ai.conversation.id': 'thread-1' })
    expect(log.of('run_completed')[0]?.sessionId).toBe('s-1')
  })

  test('have their memory thread for a session where no metadata names one', () => {
    const { log } = startRecordingSdk()
    end(start("agent run: 'a'"), 'agent_run', { 'gen_ai.conversation.id': 'thread-1' })
    expect(log.of('run_completed')[0]?.sessionId).toBe('thread-1')
  })

  test('wait for an approval, and go on below the suspended span as a run of their own', () => {
    const { log } = startRecordingSdk()
    const run = start("agent run: 'a'")
    end(run, 'agent_run', suspended('tool-call-approval'))
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'tool-call-approval', waitingFor: 'pay' })
    expect(log.of('tool_approval_requested')[0]?.data).toEqual({ callId: 'call-1', tool: { name: 'pay' } })
    const next = startBelow("agent run: 'a' (resumed)", run.spanContext())
    expect(log.types.slice(-2)).toEqual(['run_started', 'resumed'])
    end(next, 'agent_run', resumed({ approved: true, toolName: 'pay', toolCallId: 'call-1' }))
    expect(log.of('tool_approval_granted')[0]?.data).toEqual({ callId: 'call-1', tool: { name: 'pay' } })
    expect(log.of('run_started')[1]).toMatchObject({ parentRunId: undefined })
    expect(log.of('sub_agent_invoked')).toEqual([])
  })

  test('tell an approval that was refused', () => {
    const { log } = startRecordingSdk()
    const decided = { approved: false, toolName: 'pay', toolCallId: 'call-1', reason: 'too much' }
    end(start("agent run: 'a' (resumed)"), 'agent_run', resumed(decided))
    expect(log.of('tool_approval_denied')[0]?.data).toMatchObject({ callId: 'call-1', reason: 'too much' })
  })

  test('suspended by a tool leave its call open, and a tool that returns nothing does not', () => {
    const { log } = startRecordingSdk()
    const run = start("agent run: 'a'")
    end(start("tool: 'void'", run), 'tool_call', { 'gen_ai.tool.name': 'void' })
    const tool = start("tool: 'pay'", run)
    end(run, 'agent_run', suspended('tool-call-suspended'))
    end(tool, 'tool_call', { 'gen_ai.tool.name': 'pay' })
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['void'])
    expect(log.of('tool_approval_requested')).toEqual([])
  })

  test('that were aborted are cancelled', () => {
    const { log } = startRecordingSdk()
    end(start("agent run: 'a'"), 'agent_run', { 'mastra.agent_run.output': '{"status":"aborted","reason":"abort"}' })
    expect(log.of('run_cancelled')[0]?.data.reason).toBe('aborted')
  })

  test('that a processor stopped tell which rule did', () => {
    const { log } = startRecordingSdk()
    const output = { tripwire: { reason: 'bad words', processorId: 'guard' } }
    end(start("agent run: 'a'"), 'agent_run', { 'mastra.agent_run.output': JSON.stringify(output) })
    expect(log.of('policy_violation')[0]?.data).toEqual({ rule: 'guard', action: 'block' })
  })

  test("fail with Mastra's own error id, or with the class where there is none", () => {
    const { log } = startRecordingSdk()
    fail(start("agent run: 'a'"), 'agent_run', 'nope', 'AGENT_STREAM_ERROR')
    fail(start("agent run: 'a'"), 'agent_run', 'nope')
    expect(log.of('run_failed').map(({ data }) => data.error.code)).toEqual(['AGENT_STREAM_ERROR', 'Error'])
  })

  test('count the model calls of a sub-agent apart from those of the one around', () => {
    const { log } = startRecordingSdk()
    const tokens = (input: number) => ({ 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': 1 })
    const outer = start("agent run: 'outer'")
    const call = start("llm: 'm-1'", outer)
    const inner = start("agent run: 'inner'", start("tool: 'agent-inner'", call))
    end(start("llm: 'm-1'", inner), 'model_generation', tokens(5))
    end(inner, 'agent_run')
    end(call, 'model_generation', { ...tokens(20), 'gen_ai.response.finish_reasons': '["stop"]' })
    end(outer, 'agent_run')
    expect(log.of('run_completed').map(({ data }) => data)).toMatchObject([
      { usage: { inputTokens: 5 } },
      { usage: { inputTokens: 20 }, finishReason: 'stop' },
    ])
  })

  test('tell a model call that finished with an error, and a tool whose input was refused', () => {
    const { log } = startRecordingSdk()
    end(start("llm: 'm-1'"), 'model_generation', { 'gen_ai.response.finish_reasons': '["error"]' })
    const refused = { error: true, message: 'Tool input validation failed', validationErrors: {} }
    const tool = start("mcp_tool: 'pay' on 'bank'")
    end(tool, 'mcp_tool_call', { 'gen_ai.tool.name': 'pay', 'gen_ai.tool.call.result': JSON.stringify(refused) })
    expect(log.of('error_occurred')).toHaveLength(1)
    expect(log.of('tool_call_failed')[0]?.data).toMatchObject({
      tool: { name: 'pay' },
      error: { code: 'ValidationError' },
    })
  })

  test('recall from memory when they do, not when they save', () => {
    const { log } = startRecordingSdk()
    end(start('memory: recall'), 'memory_operation')
    end(start('memory: save'), 'memory_operation')
    expect(log.of('memory_recall').map(({ data }) => data.tier)).toEqual(['memory'])
  })
})

describe("Mastra's workflows", () => {
  const step = (run: Span, attributes: Attributes = {}) =>
    end(start("workflow step: 's'", run), 'workflow_step', attributes)

  test('without an output were suspended in their last step, as far as one can tell', () => {
    const { log } = startRecordingSdk()
    const run = start("workflow run: 'flow'")
    step(run, { 'mastra.workflow_step.output': '{}' })
    step(run)
    end(run, 'workflow_run')
    expect(log.of('run_started')[0]?.data).toMatchObject({ agent: { name: 'flow' }, trigger: 'workflow' })
    expect(log.of('run_suspended')[0]?.source.confidence).toBe('heuristic')
  })

  test('without an output though their last step has one were cancelled between steps', () => {
    const { log } = startRecordingSdk()
    const run = start("workflow run: 'flow'")
    step(run, { 'mastra.workflow_step.output': '{}' })
    end(run, 'workflow_run')
    expect(log.of('run_cancelled')).toHaveLength(1)
  })

  test('whose outputs are hidden, or are none, are completed once they went on after a step', () => {
    const { log } = startRecordingSdk()
    const run = start("workflow run: 'flow'")
    step(run)
    step(run)
    end(run, 'workflow_run')
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('inside of others are runs of theirs, and go on inside of what goes on', () => {
    const { log } = startRecordingSdk()
    const outer = start("workflow run: 'outer'")
    const inner = start("workflow run: 'inner'", outer)
    end(inner, 'workflow_run')
    end(outer, 'workflow_run')
    const next = startBelow("workflow run: 'outer' (resumed)", outer.spanContext())
    end(start("workflow run: 'inner' (resumed)", next), 'workflow_run', { 'mastra.workflow_run.output': '{}' })
    end(next, 'workflow_run', { 'mastra.workflow_run.output': '{}' })
    const runs = log.of('run_started')
    expect(runs.map(({ parentRunId }) => runs.findIndex(({ runId }) => runId === parentRunId))).toEqual([-1, 0, -1, 2])
    expect(log.of('resumed')).toHaveLength(2)
  })
})
