import { describe, expect, test } from 'vitest'
import { AGENT, childOf, TOOL } from '../../test/support/agent-spans.js'
import { startAuditedSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import type { Convention } from './conventions/contract.js'

describe('attaching', () => {
  test('the same log twice is the same attachment', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    expect(audit.attach(log)).toBe(audit.attach(log))
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('several logs all receive, each by its own filter and tenant', () => {
    const { audit, tracer } = startAuditedSdk()
    const [all, some] = [new CollectingLog(), new CollectingLog()]
    audit.attach(all)
    audit.attach(some, { filter: ({ type }) => type === 'run_completed', tenantId: 'acme' })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(all.types).toEqual(['run_started', 'run_completed'])
    expect(some.types).toEqual(['run_completed'])
    expect(some.of('run_completed')[0]?.tenantId).toBe('acme')
    expect(some.of('run_completed')[0]?.id).toBe(all.of('run_completed')[0]?.id)
  })

  test('and detaching are themselves events, with the runs then open', async () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const attachment = audit.attach(log, { id: 'main' })
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    await attachment.detach()
    audit.attach(log)
    span.end()
    expect(log.events.map(({ type }) => type)).toEqual([
      'audit_attached',
      'run_started',
      'audit_detached',
      'audit_attached',
      'run_completed',
    ])
    const open = [{ runId: log.of('run_started')[0]?.runId, agent: { name: 'planner' } }]
    expect(log.of('audit_detached')[0]?.data).toMatchObject({ attachment: 'main', openRuns: open })
    expect(log.of('audit_attached').map(({ data }) => data.openRuns.length)).toEqual([0, 1])
  })

  test('ends before it the runs whose spans have leaked', async () => {
    const leaky: Convention = {
      name: 'leaky',
      instrumentationScopes: ['test'],
      recognise: (_, __, { run }) =>
        run ? { kind: 'step' } : { kind: 'run', agent: { name: 'planner' }, mayLeak: true },
      conclude: () => ({ outcome: 'failed', error: { code: 'Timeout', message: '' } }),
    }
    const { audit, tracer } = startAuditedSdk({ conventions: [leaky] })
    const log = new CollectingLog()
    const attachment = audit.attach(log)
    childOf(tracer.startSpan('run'), 'step', {}).end()
    await attachment.detach()
    expect(log.events.map(({ type }) => type)).toEqual([
      'audit_attached',
      'run_started',
      'run_failed',
      'audit_detached',
    ])
    expect(log.of('audit_detached')[0]?.data.openRuns).toEqual([])
  })

  test('while a run goes on gives its terminal event with startedAt, and no invented start', () => {
    const { audit, tracer } = startAuditedSdk()
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT, startTime: [1_700_000_000, 0] })
    const before = childOf(span, 'execute_tool search', TOOL)
    const log = new CollectingLog()
    audit.attach(log)
    before.end()
    childOf(span, 'execute_tool search', TOOL).end()
    span.end()
    expect(log.types).toEqual(['tool_call_completed', 'tool_call_started', 'tool_call_completed', 'run_completed'])
    expect(log.of('run_completed')[0]?.data.startedAt).toBe('2023-11-14T22:13:20.000000000Z')
    expect(log.of('tool_call_started')[0]?.runId).toBe(log.of('run_completed')[0]?.runId)
  })

  test('nothing is recorded while detached, and a run that ends meanwhile leaves no trace later', async () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const span = await audit
      .attach(log)
      .detach()
      .then(() => tracer.startSpan('invoke_agent planner', { attributes: AGENT }))
    span.end()
    audit.attach(log)
    expect(log.types).toEqual([])
  })

  test('a second attachment cannot take the id of another', () => {
    const { audit } = startAuditedSdk()
    audit.attach(new CollectingLog(), { id: 'main' })
    expect(() => audit.attach(new CollectingLog(), { id: 'main' })).toThrow("'main' is attached already")
    expect(() => audit.attach({} as never)).toThrow(TypeError)
  })
})
