import { ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { AGENT } from '../../test/support/agent-spans.js'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { setAuditingEnabled, withAuditing } from '../record/context.js'

describe('switching off', () => {
  test('for one flow of calls leaves its neighbour audited, and ends by itself', async () => {
    const { tracer, log } = startRecordingSdk()
    const run = async (name: string) => {
      await nextTurn()
      tracer.startSpan(name, { attributes: { ...AGENT, 'gen_ai.agent.name': name } }).end()
    }
    await Promise.all([withAuditing(false, () => run('silent')), run('heard')])
    await run('after')
    expect(log.of('run_started').map(({ agent }) => agent?.name)).toEqual(['heard', 'after'])
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('a span begun where auditing is off stays silent, wherever it ends', () => {
    const { tracer, log } = startRecordingSdk()
    const off = setAuditingEnabled(ROOT_CONTEXT, false)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }, off).end()
    expect(log.types).toEqual([])
  })

  test('of the processor is on the record, and withAuditing overrides it', () => {
    const { audit, tracer, log } = startRecordingSdk()
    audit.setEnabled(false)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    withAuditing(true, () => tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end())
    audit.setEnabled(true)
    expect(log.types).toEqual(['custom', 'run_started', 'run_completed', 'custom'])
    expect(log.of('custom').map(({ data }) => data.name)).toEqual(['auditing_disabled', 'auditing_enabled'])
  })

  test.each([
    ['false', []],
    ['0', []],
    ['true', ['run_started', 'run_completed']],
    ['maybe', ['run_started', 'run_completed']],
  ])('SPANLEDGER_ENABLED=%s', (value, expected) => {
    vi.stubEnv('SPANLEDGER_ENABLED', value)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { tracer, log } = startRecordingSdk()
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(expected)
  })

  test('setEnabled overrides SPANLEDGER_ENABLED', () => {
    vi.stubEnv('SPANLEDGER_ENABLED', 'false')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { audit, tracer, log } = startRecordingSdk()
    audit.setEnabled(true)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.of('run_completed')).toHaveLength(1)
  })
})
