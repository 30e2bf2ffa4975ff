import { type Context, context, propagation, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { AlwaysOnSampler } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { AGENT, CHAT } from '../../test/support/agent-spans.js'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { below, CLAIMED, headerOf, OURS, withBaggage } from '../../test/support/caller-claims.js'
import type { CollectingLog } from '../../test/support/collecting-log.js'
import { recordAgentHandoff, recordRunCompleted, recordRunStarted } from '../record/record.js'
import { withRun } from '../record/run.js'
import { AuditLogRecordProcessor } from './log-records.js'

/** Span contexts of this process that a caller may know. */
const parents = {
  'an open span': (victim: Span) => victim.spanContext(),
  'an ended span': (victim: Span) => {
    victim.end()
    return victim.spanContext()
  },
  'an open span, unsampled': (victim: Span) => ({ ...victim.spanContext(), traceFlags: 0 }),
  'an unknown span of a known trace': (victim: Span) => ({ ...victim.spanContext(), spanId: 'a'.repeat(16) }),
  'an unknown trace': () => ({ traceId: 'b'.repeat(32), spanId: 'a'.repeat(16), traceFlags: 1 }),
}

/** Ways by which a run comes to be recorded. */
const runs: Record<string, (within: Context, log: CollectingLog) => void> = {
  'a span of its own': (within) => {
    const span = trace.getTracer('test').startSpan('agent', { attributes: AGENT }, within)
    trace.getTracer('test').startSpan('chat', { attributes: CHAT }, trace.setSpan(within, span)).end()
    span.end()
  },
  'a span below one of the server': (within) => {
    const server = trace.getTracer('test').startSpan('POST', { attributes: { 'http.method': 'POST' } }, within)
    trace.getTracer('test').startSpan('agent', { attributes: AGENT }, trace.setSpan(within, server)).end()
    server.end()
  },
  'a span that goes on after the server has answered': (within) => {
    const server = trace.getTracer('test').startSpan('POST', { attributes: { 'http.method': 'POST' } }, within)
    server.end()
    trace.getTracer('test').startSpan('agent', { attributes: AGENT }, trace.setSpan(within, server)).end()
  },
  'a span that tells late what it is': (within) => {
    const span = trace.getTracer('test').startSpan('agent', {}, within)
    span.setAttributes(AGENT)
    span.end()
  },
  withRun: (within) =>
    context.with(within, () => withRun({ agentName: 'planner' }, () => recordAgentHandoff({ to: 'b' }))),
  'withRun without an SDK': (within) => {
    trace.disable()
    context.with(within, () => withRun({ agentName: 'planner' }, () => recordAgentHandoff({ to: 'b' })))
  },
  'events recorded by hand': (within) => {
    recordRunStarted({ agent: { name: 'planner' } }, { context: within, runId: 'by-hand' })
    recordAgentHandoff({ to: 'b' }, { context: within, runId: 'by-hand' })
    recordRunCompleted({}, { context: within, runId: 'by-hand' })
  },
}

const combinations = Object.keys(parents).flatMap((parent) =>
  Object.keys(runs).flatMap((way) =>
    [true, false].flatMap((remote) => [true, false].map((baggage) => ({ parent, way, remote, baggage }))),
  ),
)

describe('a caller', () => {
  test.each(combinations)('chooses nothing: $way below $parent (remote: $remote, baggage: $baggage)', (combination) => {
    const { tracer, log } = startRecordingSdk({}, { sampler: new AlwaysOnSampler() })
    const victim = tracer.startSpan('agent', { attributes: OURS }, ROOT_CONTEXT)
    const before = log.events.length
    const ids = headerOf(parents[combination.parent as keyof typeof parents](victim), combination.remote)
    const ended = log.events.length - before
    runs[combination.way]?.(combination.baggage ? withBaggage(below(ids)) : below(ids), log)
    const events = log.events.slice(before + ended)
    const isKnown = !combination.parent.includes('unknown')
    const victimRun = log.of('run_started')[0]

    expect(events.length).toBeGreaterThanOrEqual(2)
    expect(events.filter(({ type }) => type === 'sub_agent_invoked')).toEqual([])
    for (const event of events) {
      expect(event.tenantId).toBeUndefined()
      expect(event.actor).toBeUndefined()
      expect([ids.traceId, 'ours', 'stolen']).not.toContain(event.sessionId)
      expect(event.runId).not.toBe(victimRun?.runId)
      expect(event.claimed).toEqual(
        combination.baggage || isKnown
          ? { ...(combination.baggage && CLAIMED), ...(isKnown && { parentRunId: victimRun?.runId }) }
          : undefined,
      )
      expect(event.parentRunId).toBe(isKnown ? victimRun?.runId : undefined)
    }
    expect(new Set(events.map(({ runId }) => runId)).size).toBe(1)
  })

  test('adds nothing to the run that it names: no tokens, no failure, no end that is put off', () => {
    const { tracer, log } = startRecordingSdk()
    const victim = tracer.startSpan('agent', { attributes: OURS }, ROOT_CONTEXT)
    const within = below(headerOf(victim.spanContext(), true))
    const chat = tracer.startSpan('chat', { attributes: CHAT }, within)
    chat.setAttributes({ 'gen_ai.usage.input_tokens': 900, 'gen_ai.usage.output_tokens': 9 })
    chat.setStatus({ code: 2, message: 'overloaded' })
    chat.end()
    tracer.startSpan('left open', { attributes: AGENT }, within)
    const own = tracer.startSpan('chat', { attributes: CHAT }, trace.setSpan(ROOT_CONTEXT, victim))
    own.setStatus({ code: 2, message: 'overloaded' })
    own.end()
    victim.end()
    expect(log.of('run_completed')[0]?.data.usage).toBeUndefined()
    expect(log.of('error_occurred').map(({ tenantId }) => tenantId)).toEqual([undefined, 'acme'])
  })

  test('two requests with one header are in sessions of their own; what happens in one request is in one', () => {
    const { tracer, log } = startRecordingSdk()
    const header = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 }
    for (const within of [below({ ...header }), below({ ...header })]) {
      tracer.startSpan('agent', { attributes: AGENT }, within).end()
      tracer.startSpan('agent', { attributes: AGENT }, within).end()
    }
    const sessions = log.of('run_started').map(({ sessionId }) => sessionId)
    expect(new Set(sessions).size).toBe(2)
    expect(sessions[0]).toBe(sessions[1])
    expect(sessions[2]).toBe(sessions[3])
  })

  test('names the run that a request went out of, by the ids of the request', () => {
    const { tracer, log } = startRecordingSdk()
    withRun({ agentName: 'planner', runId: 'r-1' }, () => {
      const request = tracer.startSpan('POST', { kind: 2, attributes: { 'http.request.method': 'POST' } })
      tracer.startSpan('agent', { attributes: AGENT }, below(headerOf(request.spanContext(), true))).end()
    })
    expect(log.of('run_started')[1]).toMatchObject({ parentRunId: 'r-1', claimed: { parentRunId: 'r-1' } })
  })

  test('cannot get between the spans of instrumentations that tell by their order what is inside of what', async () => {
    const { log } = startRecordingSdk()
    const tracer = trace.getTracer('@traceloop/instrumentation-langchain')
    const graph = (within: Context) =>
      tracer.startSpan('CompiledStateGraph.workflow', {}, within).setAttributes({ 'traceloop.span.kind': 'workflow' })
    const header = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 }
    graph(below({ ...header }))
    await nextTurn()
    graph(below({ ...header }))
    await nextTurn()
    expect(log.of('run_started').map(({ parentRunId }) => parentRunId)).toEqual([undefined, undefined])
    expect(log.of('sub_agent_invoked')).toEqual([])
  })

  test('gets into no tenant of an attachment', () => {
    const { audit, tracer } = startRecordingSdk()
    const [attachment] = audit.attachments
    const log = attachment?.log as CollectingLog
    expect(audit.attach(log, { tenantId: 'late' })).toBe(attachment)
    tracer.startSpan('agent', { attributes: AGENT }, withBaggage(ROOT_CONTEXT)).end()
    expect(log.of('run_started')[0]).toMatchObject({ tenantId: undefined, claimed: CLAIMED })
  })

  test('says in log records no more than in spans', () => {
    const { audit, tracer, log } = startRecordingSdk()
    const logs = new AuditLogRecordProcessor(audit)
    const victim = tracer.startSpan('agent', { attributes: OURS }, ROOT_CONTEXT)
    const ids = headerOf(victim.spanContext(), true)
    const eventName = 'spanledger.agent_handoff'
    logs.onEmit({ eventName, attributes: { 'spanledger.to': 'b' }, spanContext: ids }, withBaggage(below(ids)))
    logs.onEmit({ eventName, attributes: { 'spanledger.to': 'b' }, spanContext: ids }, ROOT_CONTEXT)
    const own = { eventName, attributes: { 'spanledger.to': 'b' }, spanContext: victim.spanContext() }
    logs.onEmit(own, ROOT_CONTEXT)
    const runId = log.of('run_started')[0]?.runId
    expect(log.of('agent_handoff')).toMatchObject([
      { tenantId: undefined, runId: undefined, claimed: CLAIMED },
      { tenantId: undefined, runId: undefined },
      { tenantId: 'acme', runId },
    ])
  })

  test.each(['x'.repeat(100_000), '\ud800', ' ', '\u0000'])('claims what can be stored, whatever it sends', (value) => {
    const { tracer, log } = startRecordingSdk()
    const baggage = propagation.createBaggage({ 'spanledger.tenant.id': { value } })
    tracer.startSpan('agent', { attributes: AGENT }, propagation.setBaggage(ROOT_CONTEXT, baggage)).end()
    const claimed = log.of('run_started')[0]?.claimed?.tenantId
    expect(claimed?.isWellFormed()).toBe(true)
    expect(claimed?.length).toBeLessThanOrEqual(1024)
  })
})

describe('trust that is asked for', () => {
  test('in remote parents lets them be what they name', () => {
    const { tracer, log } = startRecordingSdk({ trustRemoteParents: true })
    const outer = tracer.startSpan('agent', { attributes: OURS }, ROOT_CONTEXT)
    tracer.startSpan('agent', { attributes: AGENT }, below(headerOf(outer.spanContext(), true))).end()
    const unknown = below({ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1, isRemote: true })
    tracer.startSpan('agent', { attributes: AGENT }, unknown).end()
    const [first, inner, other] = log.of('run_started')
    expect(inner).toMatchObject({ tenantId: 'acme', sessionId: 'ours', parentRunId: first?.runId, claimed: undefined })
    expect(log.of('sub_agent_invoked')).toHaveLength(1)
    expect(other).toMatchObject({ sessionId: 'c'.repeat(32), claimed: undefined })
  })

  test('in baggage lets it say whose an event is', () => {
    const { tracer, log } = startRecordingSdk({ trustBaggage: true })
    tracer.startSpan('agent', { attributes: AGENT }, withBaggage(ROOT_CONTEXT)).end()
    expect(log.of('run_started')[0]).toMatchObject({
      tenantId: 'evil',
      sessionId: 'stolen',
      actor: { id: 'mallory' },
      claimed: undefined,
    })
  })

  test.each(['trustRemoteParents', 'trustBaggage'])('%s is true or false, and nothing else', (option) => {
    expect(() => startRecordingSdk({ [option]: 'yes' } as never)).toThrow(TypeError)
  })
})
