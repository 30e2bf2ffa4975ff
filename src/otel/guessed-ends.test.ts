import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { recordAgentHandoff, recordRunCompleted, recordRunFailed, recordRunStarted } from '../record/record.js'
import type { Convention } from './conventions/contract.js'
import type { SpanLike } from './span.js'

vi.mock(import('../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../test/support/replaceable-timers.js')),
}))

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }
const TOKENS = { 'gen_ai.usage.input_tokens': 7, 'gen_ai.usage.output_tokens': 1 }
const LONG_MILLIS = 120_000

function start(attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('app').startSpan('span', { attributes }, around)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
})

const startImpatientSdk = (options = {}) => startRecordingSdk({ abandonAfterMillis: 60_000, ...options })
const silence = () => vi.advanceTimersByTimeAsync(LONG_MILLIS)

describe('a run that was given up, and ends all the same', () => {
  test('is completed, which supersedes the guess', async () => {
    const { log } = startImpatientSdk()
    const run = start(AGENT)
    await silence()
    const [guess] = log.of('run_interrupted')
    run.end()
    const [end] = log.of('run_completed')
    expect(end).toMatchObject({ runId: guess?.runId, supersedes: guess?.id })
    expect(guess?.supersedes).toBeUndefined()
  })

  test('has failed, when it threw', async () => {
    const { log } = startImpatientSdk()
    const run = start(AGENT)
    await silence()
    run.recordException(new RangeError('too far'))
    run.setStatus({ code: SpanStatusCode.ERROR, message: 'too far' }).end()
    expect(log.of('run_failed')).toMatchObject([
      { supersedes: log.of('run_interrupted')[0]?.id, data: { error: { code: 'RangeError' } } },
    ])
  })

  test('has used what was counted before and after the guess, and what happened meanwhile belongs to it', async () => {
    const { log } = startImpatientSdk()
    const run = start(AGENT)
    start(CHAT, run).setAttributes(TOKENS).end()
    await silence()
    start(TOOL, run).end()
    start(CHAT, run).setAttributes(TOKENS).end()
    run.end()
    const { runId } = log.of('run_interrupted')[0] ?? {}
    expect(log.of('tool_call_started')[0]?.runId).toBe(runId)
    expect(log.of('run_completed')[0]?.data.usage?.inputTokens).toBe(14)
  })

  test('ends once: another end adds nothing', async () => {
    const { log } = startImpatientSdk()
    recordRunStarted({ agent: { name: 'planner' } }, { runId: 'r-1' })
    await silence()
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-1' })
    recordRunFailed(new Error('x'), {}, { runId: 'r-1' })
    recordRunCompleted({}, { runId: 'r-1' })
    expect(log.types).toEqual(['run_started', 'run_interrupted', 'agent_handoff', 'run_failed'])
    expect(log.of('run_failed')[0]?.supersedes).toBe(log.of('run_interrupted')[0]?.id)
    expect(log.of('agent_handoff')[0]?.agent).toEqual({ name: 'planner' })
  })

  test('may have been given up to make room', () => {
    const { log } = startImpatientSdk({ maxOpenRuns: 1 })
    const first = start(AGENT)
    start(AGENT)
    first.end()
    expect(log.types).toEqual(['run_started', 'run_started', 'run_interrupted', 'run_completed'])
    expect(log.of('run_completed')[0]?.supersedes).toBe(log.of('run_interrupted')[0]?.id)
  })

  test('may have been given up for how its last child ended, in the runs around it as well', async () => {
    const leaking: Convention = {
      name: 'leaking',
      instrumentationScopes: ['leaking'],
      recognise: ({ name }) => ({ kind: 'run', agent: { name }, mayLeak: true }),
    }
    const { audit, log } = startImpatientSdk({ conventions: [leaking] })
    const tracer = trace.getTracer('leaking')
    const outer = tracer.startSpan('outer', {}, ROOT_CONTEXT)
    const inner = tracer.startSpan('inner', {}, trace.setSpan(ROOT_CONTEXT, outer))
    start(CHAT, inner).setStatus({ code: SpanStatusCode.ERROR, message: 'overloaded' }).end()
    await audit.forceFlush()
    inner.end()
    outer.end()
    const guesses = log.of('run_failed')
    expect(guesses.length).toBeGreaterThan(0)
    expect(log.of('run_completed').flatMap(({ supersedes }) => supersedes ?? [])).toEqual(guesses.map(({ id }) => id))
  })
})

describe('a run that was given up, and of which the end is delivered', () => {
  /** The span as another process tells it: by its ids. */
  function delivered(span: Span, fields: Partial<SpanLike> = {}): SpanLike {
    const { attributes, startTime, resource, instrumentationScope } = span as unknown as SpanLike
    const { traceId, spanId } = span.spanContext()
    const ids = { traceId, spanId, traceFlags: 1 }
    const ended = { endTime: [startTime[0] + 30, startTime[1]] as [number, number], status: { code: 0 }, events: [] }
    return {
      name: 'span',
      kind: 0,
      spanContext: () => ids,
      startTime,
      attributes,
      resource,
      instrumentationScope,
      ...ended,
      ...fields,
    }
  }

  test('takes it, as a claim, for its end only', async () => {
    const { audit, log } = startImpatientSdk()
    const run = start(AGENT)
    await silence()
    const attributes = { ...AGENT, ...TOKENS, 'spanledger.tenant.id': 'acme', 'session.id': 's-1' }
    expect(audit.deliver({ spans: [delivered(run, { attributes })] })).toMatchObject({ accepted: 1, repeated: 0 })
    await audit.forceFlush()
    expect(log.types).toEqual(['run_started', 'run_interrupted', 'run_completed'])
    const [guess, end] = [log.of('run_interrupted')[0], log.of('run_completed')[0]]
    expect(end).toMatchObject({
      runId: guess?.runId,
      supersedes: guess?.id,
      source: { confidence: 'claimed' },
      data: { durationMs: 30_000 },
    })
    expect(log.of('run_identified')).toEqual([])
    expect(end?.data.usage).toBeUndefined()
  })

  test('has failed by it, with the error of its exception', async () => {
    const { audit, log } = startImpatientSdk()
    const run = start(AGENT)
    await silence()
    const events = [
      { name: 'exception', time: [1, 0] as [number, number], attributes: { 'exception.type': 'RangeError' } },
    ]
    audit.deliver({ spans: [delivered(run, { status: { code: SpanStatusCode.ERROR, message: 'no' }, events })] })
    await audit.forceFlush()
    expect(log.of('run_failed')).toMatchObject([{ data: { error: { code: 'RangeError' } } }])
    expect(log.types).not.toContain('error_occurred')
  })

  test('ends by its span all the same, which supersedes the claim, and by nothing after that', async () => {
    const { audit, log } = startImpatientSdk()
    const run = start(AGENT)
    await silence()
    audit.deliver({ spans: [delivered(run)] })
    await audit.forceFlush()
    expect(audit.deliver({ spans: [delivered(run)], source: 'another' })).toMatchObject({ repeated: 1 })
    run.setStatus({ code: SpanStatusCode.ERROR, message: 'no' }).end()
    expect(audit.deliver({ spans: [delivered(run)], source: 'a third' })).toMatchObject({ repeated: 1 })
    await audit.forceFlush()
    expect(log.of('run_completed')).toHaveLength(1)
    expect(log.of('run_failed')).toMatchObject([{ supersedes: log.of('run_completed')[0]?.id }])
    expect(log.of('run_failed')[0]?.source).not.toHaveProperty('confidence', 'claimed')
  })

  test('takes it for evidence where remote parents are trusted', async () => {
    const { audit, log } = startImpatientSdk({ trustRemoteParents: true })
    const run = start(AGENT)
    await silence()
    audit.deliver({ spans: [delivered(run)] })
    await audit.forceFlush()
    run.end()
    const [end, ...more] = log.of('run_completed')
    expect(end?.source?.confidence).toBeUndefined()
    expect(more).toEqual([])
  })

  test('takes none while it is open, and takes it once it has been given up', async () => {
    const { audit, log } = startImpatientSdk()
    const run = start(AGENT)
    expect(audit.deliver({ spans: [delivered(run)] })).toMatchObject({ accepted: 0, repeated: 1 })
    await silence()
    expect(audit.deliver({ spans: [delivered(run)] })).toMatchObject({ accepted: 1, repeated: 0 })
    run.end()
    await audit.forceFlush()
    expect(log.types).toEqual(['run_started', 'run_interrupted', 'run_completed'])
  })
})

test('a true end is never superseded by a guess', async () => {
  const { audit, log } = startImpatientSdk()
  start(AGENT).end()
  await silence()
  await audit.shutdown()
  expect(log.types).toEqual(['run_started', 'run_completed'])
})

test('a run that ended while no log was attached gets no end afterwards', async () => {
  const { audit, log } = startImpatientSdk()
  const run = start(AGENT)
  await silence()
  await audit.attachments[0]?.detach()
  run.end()
  audit.attach(log)
  await nextTurn()
  expect(log.types).toEqual(['run_started', 'run_interrupted'])
})
