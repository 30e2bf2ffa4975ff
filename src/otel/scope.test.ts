import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AGENT, CHAT, childOf, TOOL } from '../../test/support/agent-spans.js'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { recordAgentHandoff } from '../record/record.js'
import { withRun } from '../record/run.js'
import { withScope } from '../record/scope.js'
import { AuditSpanProcessor } from './processor.js'

describe('scope', () => {
  test('of withScope holds for all that runs inside', async () => {
    const { tracer, log } = startRecordingSdk()
    await withScope({ tenantId: 'acme', sessionId: 's-1', userId: 'u-1' }, async () => {
      await nextTurn()
      tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    })
    for (const event of log.events.slice(1)) {
      expect(event).toMatchObject({ tenantId: 'acme', sessionId: 's-1', actor: { id: 'u-1' } })
    }
  })

  test('of withScope inside a run holds for the user of what is recorded there, and moves no event of the run', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner', tenantId: 't1', sessionId: 's1' }, () => {
      withScope({ tenantId: 't2', userId: 'ada' }, () => recordAgentHandoff({ to: 'writer' }))
      recordAgentHandoff({ to: 'editor' })
    })
    expect(log.of('agent_handoff').map(({ tenantId, actor }) => [tenantId, actor?.id])).toEqual([
      ['t1', 'ada'],
      ['t1', undefined],
    ])
    expect(log.of('run_identity_conflict')).toMatchObject([{ tenantId: 't1', data: { tenantId: 't2' } }])
  })

  test('and runs hold without any SDK, also across asynchronous work', async () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    onTestFinished(() => audit.shutdown())
    await withScope({ tenantId: 'acme', sessionId: 's-1' }, () =>
      withRun({ agentName: 'planner' }, async () => {
        await nextTurn()
        recordAgentHandoff({ to: 'writer' })
      }),
    )
    expect(log.types).toEqual(['run_started', 'agent_handoff', 'run_completed'])
    const [started] = log.of('run_started')
    expect(log.of('agent_handoff')[0]).toMatchObject({ tenantId: 'acme', sessionId: 's-1', runId: started?.runId })
  })

  test('comes from baggage where that is trusted', () => {
    const { tracer, log } = startRecordingSdk({ trustBaggage: true })
    const baggage = propagation.createBaggage({
      'spanledger.tenant.id': { value: 'acme' },
      'spanledger.session.id': { value: 's-2' },
    })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }, propagation.setBaggage(ROOT_CONTEXT, baggage)).end()
    expect(log.events.at(-1)).toMatchObject({ tenantId: 'acme', sessionId: 's-2' })
  })

  test('an attribute outweighs the context, and children inherit it', () => {
    const { tracer, log } = startRecordingSdk()
    withScope({ sessionId: 'from-context' }, () => {
      const span = tracer.startSpan('invoke_agent planner', {
        attributes: { ...AGENT, 'session.id': 'from-attribute' },
      })
      const http = tracer.startSpan('GET', {}, trace.setSpan(context.active(), span))
      tracer.startSpan('execute_tool search', { attributes: TOOL }, trace.setSpan(context.active(), http)).end()
    })
    expect(new Set(log.events.slice(1).map(({ sessionId }) => sessionId))).toEqual(new Set(['from-attribute']))
  })

  test('a session that shows only later is that of the run from then on', () => {
    const { tracer, log } = startRecordingSdk()
    const run = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    const chat = childOf(run, 'chat', CHAT)
    chat.setAttributes({ 'gen_ai.conversation.id': 's-3', 'gen_ai.usage.input_tokens': 1 })
    chat.end()
    run.end()
    expect(log.of('run_started')[0]?.sessionId).toBe(run.spanContext().traceId)
    expect(log.of('token_usage_updated')[0]?.sessionId).toBe('s-3')
    expect(log.of('run_completed')[0]?.sessionId).toBe('s-3')
  })
})
