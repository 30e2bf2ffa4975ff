import { type Context, context, propagation, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { AGENT } from '../../test/support/agent-spans.js'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { below, CLAIMED, headerOf, OURS, withBaggage } from '../../test/support/caller-claims.js'
import type { CollectingLog } from '../../test/support/collecting-log.js'
import { withRun } from '../record/run.js'
import { withScope } from '../record/scope.js'

describe('what the application says', () => {
  const claims = (log: CollectingLog) => log.events.slice(1).map(({ claimed }) => claimed)

  test('by attributes holds against baggage', () => {
    const { tracer, log } = startRecordingSdk()
    tracer.startSpan('agent', { attributes: OURS }, withBaggage(ROOT_CONTEXT)).end()
    expect(log.of('run_started')[0]).toMatchObject({ tenantId: 'acme', sessionId: 'ours', actor: { id: 'alice' } })
    expect(claims(log)).toEqual([CLAIMED, CLAIMED])
  })

  test('by withScope holds against baggage, and is no claim', () => {
    const { log } = startRecordingSdk()
    const run = () => withRun({ agentName: 'planner' }, () => {})
    withScope({ tenantId: 'acme', sessionId: 's' }, run, { propagate: true })
    withScope({ tenantId: 'acme' }, () => withScope({ tenantId: 'other' }, run), { propagate: true })
    context.with(withBaggage(ROOT_CONTEXT), () => withScope({ tenantId: 'acme' }, run))
    expect(log.of('run_started').map(({ tenantId, claimed }) => [tenantId, claimed])).toEqual([
      ['acme', undefined],
      ['other', undefined],
      ['acme', CLAIMED],
    ])
  })

  test('by the ids object of a span reaches what is started with it', () => {
    const { tracer, log } = startRecordingSdk()
    const outer = tracer.startSpan('agent', { attributes: OURS }, ROOT_CONTEXT)
    tracer.startSpan('agent', { attributes: AGENT }, below(outer.spanContext())).end()
    expect(log.of('run_started')[1]).toMatchObject({
      tenantId: 'acme',
      parentRunId: log.of('run_started')[0]?.runId,
      claimed: undefined,
    })
  })

  test('of an outer run that shows late outweighs the parent that a caller names', () => {
    const { tracer, log } = startRecordingSdk()
    const victim = tracer.startSpan('agent', { attributes: OURS }, ROOT_CONTEXT)
    const outer = tracer.startSpan('outer', {}, below(headerOf(victim.spanContext(), true)))
    tracer.startSpan('agent', { attributes: AGENT }, trace.setSpan(ROOT_CONTEXT, outer)).end()
    outer.setAttributes({ ...AGENT, 'gen_ai.agent.name': 'outer' })
    outer.end()
    const [first, inner, late] = log.of('run_started')
    expect(inner?.claimed).toEqual({ parentRunId: first?.runId })
    expect(late).toMatchObject({ parentRunId: first?.runId, claimed: { parentRunId: first?.runId } })
    expect(log.of('sub_agent_invoked')).toMatchObject([{ runId: late?.runId, data: { subRunId: inner?.runId } }])
  })
})

describe('attributes that a span processor copies from baggage', () => {
  /** As `@opentelemetry/baggage-span-processor` does. */
  const copier = {
    onStart: (span: Span, within: Context) => {
      for (const [key, { value }] of propagation.getBaggage(within)?.getAllEntries() ?? [])
        span.setAttribute(key, value)
    },
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  }

  test.each(['before', 'after'] as const)('are claims, when it is registered %s', (order) => {
    const { tracer, log } = startRecordingSdk({}, { [order]: [copier] })
    tracer.startSpan('agent', { attributes: AGENT }, withBaggage(ROOT_CONTEXT)).end()
    const server = tracer.startSpan('POST', {}, withBaggage(ROOT_CONTEXT))
    tracer.startSpan('agent', { attributes: AGENT }, trace.setSpan(withBaggage(ROOT_CONTEXT), server)).end()
    context.with(withBaggage(ROOT_CONTEXT), () => withRun({ agentName: 'planner' }, () => {}))
    for (const event of log.events.slice(1)) {
      expect(event).toMatchObject({ tenantId: undefined, actor: undefined, claimed: CLAIMED })
      expect(event.sessionId).not.toBe('stolen')
    }
  })

  test('choose no run either', () => {
    const { tracer, log } = startRecordingSdk({}, { after: [copier] })
    tracer.startSpan('agent', { attributes: { ...AGENT, 'spanledger.run.id': 'r-1' } }, ROOT_CONTEXT)
    const baggage = propagation.createBaggage({ 'spanledger.run.id': { value: 'r-1' } })
    tracer.startSpan('agent', { attributes: AGENT }, propagation.setBaggage(ROOT_CONTEXT, baggage)).end()
    expect(log.of('run_completed')[0]?.runId).not.toBe('r-1')
  })

  test('are told from the same words of the application: by withRun, and where the span around has none', () => {
    const { tracer, log } = startRecordingSdk()
    const baggage = propagation.createBaggage({ 'spanledger.tenant.id': { value: 'acme' } })
    const within = propagation.setBaggage(ROOT_CONTEXT, baggage)
    context.with(within, () => withRun({ agentName: 'planner', tenantId: 'acme' }, () => {}))
    const server = tracer.startSpan('POST', {}, within)
    tracer.startSpan('agent', { attributes: OURS }, trace.setSpan(within, server)).end()
    expect(log.of('run_started').map(({ tenantId, claimed }) => [tenantId, claimed])).toEqual([
      ['acme', undefined],
      ['acme', undefined],
    ])
  })
})
