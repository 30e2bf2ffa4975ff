import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import { describe, expect, test, vi } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../../test/support/collecting-log.js'
import { setAuditingEnabled, withAuditing } from '../../record/context.js'
import { recordAgentHandoff } from '../../record/record.js'
import { withRun } from '../../record/run.js'
import { auditSampler } from '../sampler.js'

const TOOL = { attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'pay' } }
const counts = (log: CollectingLog) => log.of('auditing_suppressed').map(({ data }) => [data.spans, data.events])

describe('switching auditing off in a run', () => {
  test('leaves the number of spans and events in the run, when it ends', () => {
    const { tracer, log } = startRecordingSdk()
    withRun({ agentName: 'planner', runId: 'r-1', tenantId: 'acme', sessionId: 's' }, () => {
      withAuditing(false, () => {
        tracer.startActiveSpan('execute_tool pay', TOOL, (tool) => {
          recordAgentHandoff({ to: 'b' })
          tracer.startSpan('POST').end()
          tool.addEvent('x')
          tool.end()
        })
        recordAgentHandoff({ to: 'c' })
      })
      recordAgentHandoff({ to: 'd' })
    })
    expect(log.types).toEqual(['run_started', 'auditing_suppressed', 'agent_handoff', 'run_completed'])
    const [event] = log.of('auditing_suppressed')
    expect(event).toMatchObject({
      runId: 'r-1',
      tenantId: 'acme',
      sessionId: 's',
      agent: { name: 'planner' },
      data: { spans: 2, events: 3 },
    })
    expect(String(event?.data.from) <= String(event?.data.to)).toBe(true)
  })

  test('is told though nothing was seen meanwhile, and once where it is nested', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner' }, () => withAuditing(false, () => withAuditing(false, () => 'done')))
    expect(counts(log)).toEqual([[0, 0]])
  })

  test('is told when the promise settles, whatever becomes of it, which the caller gets all the same', async () => {
    const { tracer, log } = startRecordingSdk()
    const thrown = new Error('x')
    await withRun({ agentName: 'planner' }, async () => {
      const off = async () => {
        await Promise.resolve()
        tracer.startSpan('execute_tool pay', TOOL).end()
        throw thrown
      }
      await expect(withAuditing(false, off)).rejects.toBe(thrown)
      expect(() =>
        withAuditing(false, () => {
          throw thrown
        }),
      ).toThrow(thrown)
      expect(counts(log)).toEqual([
        [1, 0],
        [0, 0],
      ])
    })
  })

  test('hands on what is more than a promise, and tells before the run ends', async () => {
    const { tracer, log } = startRecordingSdk()
    const then = vi.fn()
    const lazy = { then }
    withRun({ agentName: 'planner' }, () => {
      const result = withAuditing(false, () => {
        tracer.startSpan('execute_tool pay', TOOL).end()
        return lazy
      })
      expect(result).toBe(lazy)
    })
    expect(then).not.toHaveBeenCalled()
    expect(log.types).toEqual(['run_started', 'auditing_suppressed', 'run_completed'])
  })

  test('is counted in a context of its own as well, and for the run it is in', () => {
    const { tracer, log } = startRecordingSdk()
    withRun({ agentName: 'outer', runId: 'outer' }, () => {
      const off = setAuditingEnabled(context.active(), false)
      withRun({ agentName: 'inner', runId: 'inner' }, () => tracer.startSpan('execute_tool pay', TOOL, off).end())
    })
    expect(log.of('auditing_suppressed').map(({ runId, data }) => [runId, data.spans])).toEqual([['outer', 1]])
  })

  test('counts what a sampler does not let start', () => {
    const { tracer, log } = startRecordingSdk({}, { sampler: auditSampler(new AlwaysOffSampler()) })
    withRun({ agentName: 'planner' }, () =>
      withAuditing(false, () => {
        const tool = tracer.startSpan('execute_tool pay', TOOL)
        tracer.startSpan('chat', {}, trace.setSpan(context.active(), tool)).end()
      }),
    )
    expect(counts(log)).toEqual([[2, 0]])
  })

  test('counts in a run that no span carries', () => {
    const { log } = startRecordingSdk()
    trace.disable()
    withRun({ agentName: 'planner', runId: 'r-1' }, () => withAuditing(false, () => recordAgentHandoff({ to: 'b' })))
    expect(log.of('auditing_suppressed').map(({ runId, data }) => [runId, data.events])).toEqual([['r-1', 1]])
  })

  test('and on again: what is audited in between is not counted', () => {
    const { tracer, log } = startRecordingSdk()
    withRun({ agentName: 'planner' }, () =>
      withAuditing(false, () => withAuditing(true, () => tracer.startSpan('execute_tool pay', TOOL).end())),
    )
    expect(log.of('tool_call_completed')).toHaveLength(1)
    expect(counts(log)).toEqual([[0, 0]])
  })
})

describe('switching auditing off outside of all runs', () => {
  test('is told of once it is over, by no run', async () => {
    const { audit, tracer, log } = startRecordingSdk()
    audit.setEnabled(false)
    tracer.startSpan('execute_tool pay', TOOL).end()
    audit.setEnabled(true)
    await audit.forceFlush()
    expect(counts(log)).toEqual([[1, 0]])
    expect(log.of('auditing_suppressed')[0]?.runId).toBeUndefined()
  })

  test('is told when the log is detached, and left alone while none is attached', async () => {
    const { audit, tracer, log } = startRecordingSdk()
    const off = () => withAuditing(false, () => tracer.startSpan('health', {}, context.active()).end())
    off()
    off()
    await audit.attachments[0]?.detach()
    off()
    audit.attach(log)
    await audit.shutdown()
    expect(log.events.map(({ type }) => type)).toEqual([
      'audit_attached',
      'auditing_suppressed',
      'audit_detached',
      'audit_attached',
      'audit_detached',
    ])
    expect(counts(log)).toEqual([[2, 0]])
  })

  test('does not write an event for every health check', () => {
    const { tracer, log } = startRecordingSdk()
    for (let n = 0; n < 100; n++) withAuditing(false, () => tracer.startSpan('health', {}, ROOT_CONTEXT).end())
    expect(counts(log)).toEqual([])
  })
})
