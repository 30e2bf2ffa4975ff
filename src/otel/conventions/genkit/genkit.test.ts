import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import type { OpenSpan, SpanLike } from '../../span.js'

function start(name: string, attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('genkit-tracer', 'v1').startSpan(name, { attributes }, around)
}

const action = (subtype: string, name: string, parent?: Span): Span =>
  start(name, { 'genkit:type': 'action', 'genkit:metadata:subtype': subtype }, parent)

/** A call of `generate`, or the next turn of the loop of one. */
const generate = (parent?: Span): Span => start('generate', { 'genkit:type': 'util' }, parent)

/** A span of Genkit leaves the status alone when all went well. */
function end(span: Span, output?: unknown, attributes: Attributes = {}): void {
  span.setAttributes({ ...(output !== undefined && { 'genkit:output': JSON.stringify(output) }), ...attributes }).end()
}

function fail(span: Span, error: Error, attributes: Attributes = {}): void {
  span.setAttributes(attributes).recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message }).end()
}

const interrupted = { finishReason: 'interrupted' }
const resuming = (resume: unknown) => ({ 'genkit:input': JSON.stringify({ messages: [], resume }) })

describe('Genkit', () => {
  test('has runs for flows, agents and prompts, and for a call of generate by itself', () => {
    const { log } = startRecordingSdk()
    const flow = action('flow', 'myFlow')
    end(generate(generate(flow)))
    end(start('myPrompt', { 'genkit:type': 'dotprompt' }, flow))
    end(start('step', { 'genkit:type': 'flowStep' }, flow))
    end(flow)
    end(generate(action('agent', 'myAgent')))
    end(action('executable-prompt', 'myPrompt'))
    end(start('other', { 'genkit:type': 'dotprompt' }))
    end(generate(generate()))
    const names = log.of('run_started').map(({ agent }) => agent?.name)
    expect(names).toEqual(['myFlow', 'myAgent', 'myPrompt', 'other', undefined])
  })

  test('has no run for what is called by itself: a tool, a model, an embedder, a retriever', () => {
    const { log } = startRecordingSdk()
    end(action('tool', 'add'))
    end(action('embedder', 'vectors'), { embeddings: [] })
    end(action('retriever', 'docs'), { documents: [{}, {}] })
    end(action('model', 'm-1'), { usage: { inputTokens: 3 } })
    expect(log.types).toEqual(['tool_call_started', 'tool_call_completed', 'memory_recall', 'token_usage_updated'])
    expect(log.of('memory_recall')[0]?.data).toMatchObject({ tier: 'retriever', namespaceKey: 'docs', hits: 2 })
  })

  test('invokes a flow inside another as a sub-agent', () => {
    const { log } = startRecordingSdk()
    const outer = action('flow', 'outer')
    end(action('flow', 'inner', action('tool', 'delegate', outer)))
    expect(log.of('sub_agent_invoked')).toHaveLength(1)
  })

  test('counts what models put out, as far as their answers are too long to be read', () => {
    const { log } = startRecordingSdk()
    const run = generate()
    const usage = { inputTokens: 20, outputTokens: 7, totalTokens: 27, thoughtsTokens: 2, cachedContentTokens: 4 }
    end(action('model', 'm-1', run), { message: {}, finishReason: 'stop', usage, latencyMs: 1 })
    end(action('model', 'm-1', run), { message: 'x'.repeat(300_000), finishReason: 'stop', usage, latencyMs: 1 })
    end(run, { message: {}, finishReason: 'stop', usage })
    expect(log.of('run_completed')[0]?.data).toMatchObject({
      usage: { inputTokens: 40, outputTokens: 14, totalTokens: 54, cachedInputTokens: 8, reasoningTokens: 4 },
      finishReason: 'stop',
    })
  })

  test('waits with the tool that interrupts, and with the call around it', () => {
    const { log } = startRecordingSdk()
    const run = generate()
    fail(action('tool', 'ask', run), Object.assign(new Error(''), { name: 'ToolInterruptError' }))
    end(run, interrupted)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'run_suspended'])
    expect(log.of('run_suspended')[0]?.data.reason).toBe('interrupted')
  })

  test('suspends a flow whose last call waits, whatever the flow returns', () => {
    const { log } = startRecordingSdk()
    const waiting = action('flow', 'waiting')
    end(generate(waiting), interrupted)
    end(waiting, 'please wait')
    const answering = action('flow', 'answering')
    end(generate(answering), interrupted)
    const next = generate(answering)
    next.setAttributes(resuming({ respond: [{}] }))
    end(next, { finishReason: 'stop' })
    end(answering, 'done')
    expect(log.types.filter((type) => type !== 'run_started')).toEqual(['run_suspended', 'resumed', 'run_completed'])
  })

  test.each(['respond', 'restart'])('goes on once with a call that is given a %s', (how) => {
    const { log } = startRecordingSdk()
    const run = generate()
    end(generate(run), { finishReason: 'stop' }, resuming({}))
    end(run, { finishReason: 'stop' }, resuming({ [how]: [{}] }))
    end(generate(), { finishReason: 'stop' }, resuming({ [how]: [] }))
    expect(log.of('resumed')).toHaveLength(1)
  })

  test('tells the limit of turns once, on the call that reached it', () => {
    const { log } = startRecordingSdk()
    const flow = action('flow', 'f')
    const error = new Error('ABORTED: Exceeded maximum tool call iterations (3)')
    fail(generate(flow), error, { 'genkit:isFailureSource': true })
    fail(flow, error)
    expect(log.of('usage_limit_exceeded')).toMatchObject([
      { data: { axis: 'turns', limit: 3 }, source: { confidence: 'heuristic' } },
    ])
    expect(log.of('run_failed')).toHaveLength(1)
  })

  test('has agents that tell in their output how they ended, and whose session it is', () => {
    const { log } = startRecordingSdk()
    const session = { 'genkit:metadata:agent:sessionId': 's-1' }
    end(action('agent', 'a'), interrupted, session)
    end(action('agent', 'b'), { finishReason: 'aborted' })
    const error = { status: 'INTERNAL', message: 'nope' }
    end(action('agent', 'c'), { finishReason: 'failed', error })
    expect(log.of('run_suspended')[0]?.sessionId).toBe('s-1')
    expect(log.of('run_cancelled')).toHaveLength(1)
    expect(log.of('run_failed')[0]?.data.error).toMatchObject({ code: 'INTERNAL', message: 'nope' })
  })

  test('knows whose a run is by the context it was given', () => {
    const { log } = startRecordingSdk()
    const context = JSON.stringify({ auth: '<redacted>', userId: 'u-1', tenantId: 't-1' })
    end(action('flow', 'f'), 'done', { 'genkit:metadata:context': context })
    expect(log.of('run_completed')[0]).toMatchObject({ tenantId: 't-1', actor: { id: 'u-1' } })
  })

  test('is understood with the spans of the SDK 1.x that it brings along', () => {
    const { log, audit } = startRecordingSdk()
    const flow = legacySpan('f', '1', { 'genkit:type': 'action', 'genkit:metadata:subtype': 'flow' })
    const tool = legacySpan('t', '2', { 'genkit:type': 'action', 'genkit:metadata:subtype': 'tool' }, '1')
    audit.onStart(flow, ROOT_CONTEXT)
    audit.onStart(tool, trace.setSpan(ROOT_CONTEXT, flow as unknown as Span))
    audit.onEnd(tool)
    audit.onEnd(flow)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed'])
    expect(log.of('tool_call_started')[0]?.runId).toBe(log.of('run_started')[0]?.runId)
    expect(log.of('run_started')[0]?.source).toMatchObject({ scope: 'genkit-tracer' })
  })
})

/** A span as SDK 1.25 makes it: neither `parentSpanContext` nor `instrumentationScope`. */
function legacySpan(name: string, id: string, attributes: Attributes, parentId?: string): OpenSpan & SpanLike {
  const span = {
    name,
    kind: 0,
    spanContext: () => ({ traceId: '1'.repeat(32), spanId: id.repeat(16), traceFlags: 1 }),
    ...(parentId && { parentSpanId: parentId.repeat(16) }),
    instrumentationLibrary: { name: 'genkit-tracer', version: 'v1' },
    startTime: [1, 0] as [number, number],
    endTime: [2, 0] as [number, number],
    status: { code: SpanStatusCode.UNSET },
    attributes,
    events: [],
    isRecording: () => true,
    addEvent: () => span,
  }
  return span
}
