import type { Attributes } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../../test/support/collecting-log.js'
import { withRun } from '../../record/index.js'
import type { LogRecordLike } from '../log-record.js'
import type { SpanLike } from '../span.js'

/* What one sender delivers changes nothing of another's, whichever ids it guesses. */

const BEGIN_SECONDS = 1_790_000_000
const CLAUDE_CODE = { name: 'com.anthropic.claude_code.events' }
const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

function agentSpan(spanId: string, attributes: Attributes = {}): SpanLike {
  return {
    name: 'agent',
    kind: 0,
    spanContext: () => ({ traceId: 'a1', spanId, traceFlags: 1 }),
    startTime: [BEGIN_SECONDS, 0],
    endTime: [BEGIN_SECONDS + 10, 0],
    status: { code: 0 },
    attributes: { ...AGENT, ...attributes },
    events: [],
    instrumentationScope: { name: 'test' },
  }
}

function prompt(name: string, second: number, attributes: Readonly<Record<string, unknown>>): LogRecordLike {
  const hrTime: [number, number] = [BEGIN_SECONDS + second, 0]
  return {
    eventName: `claude_code.${name}`,
    hrTime,
    attributes: { 'session.id': 's1', 'prompt.id': 'p1', ...attributes },
    instrumentationScope: CLAUDE_CODE,
  }
}

const ofRun = (log: CollectingLog, id: string) => log.events.filter(({ runId }) => runId === id).map(({ type }) => type)

test('log records of another sender end no run of a session that they guess, and add nothing to it', async () => {
  const { audit, log } = startRecordingSdk()
  audit.deliver({ source: 'one', logRecords: [prompt('user_prompt', 0, {})] })
  await audit.forceFlush()
  const call = prompt('tool_result', 1, { tool_name: 'rm', tool_use_id: 'x', success: 'true' })
  audit.deliver({ source: 'another', logRecords: [call, prompt('user_prompt', 2, { 'prompt.id': 'p2' })] })
  await audit.forceFlush()
  await audit.forceFlush()
  expect(ofRun(log, 'p1')).toEqual(['run_started'])
  expect(log.of('tool_call_completed')).toHaveLength(1)
})

test('a record that another sender has copied before does not keep the first from being told', async () => {
  const { audit, log } = startRecordingSdk()
  for (const source of ['another', 'one']) audit.deliver({ source, logRecords: [prompt('user_prompt', 0, {})] })
  await audit.forceFlush()
  expect(log.of('run_started')).toHaveLength(2)
  expect(new Set(log.of('run_started').map(({ runId }) => runId)).size).toBe(2)
})

test.each(['', 'another'])(
  'a prompt with the id of a run that is under way is none of it (sender: "%s")',
  async (source) => {
    const { audit, log } = startRecordingSdk()
    await withRun({ agentName: 'ours', tenantId: 'acme', runId: 'p1' }, async () => {
      const request = prompt('api_request', 1, { input_tokens: 5, output_tokens: 3, request_id: 'q' })
      const next = prompt('user_prompt', 5, { 'prompt.id': 'p2' })
      audit.deliver({ source, logRecords: [prompt('user_prompt', 0, {}), request, next] })
      await audit.forceFlush()
      await audit.forceFlush()
    })
    expect(ofRun(log, 'p1')).toEqual(['run_started', 'run_completed'])
    expect(log.of('token_usage_updated')[0]?.tenantId).toBeUndefined()
  },
)

test('a run of the same ids, sent by somebody else, has an id, a tenant and an end of its own', async () => {
  const { audit, log } = startRecordingSdk()
  await withRun({ agentName: 'ours', tenantId: 'acme', runId: 'ours' }, async () => {
    audit.deliver({ source: 'one', spans: [agentSpan('p1', { 'spanledger.tenant.id': 'acme' })] })
    audit.deliver({ source: 'another', spans: [agentSpan('p1'), agentSpan('p2', { 'spanledger.run.id': 'ours' })] })
    await audit.forceFlush()
  })
  expect(log.of('run_completed')).toHaveLength(4)
  for (const id of ['ours', 'a1-p1']) {
    expect(ofRun(log, id)).toEqual(['run_started', 'run_completed'])
    const others = log.events.filter(({ runId }) => runId?.startsWith(`${id}-`) && runId.length === id.length + 9)
    expect(others.map(({ type, tenantId }) => [type, tenantId])).toEqual([
      ['run_started', undefined],
      ['run_completed', undefined],
    ])
  }
})

test('events of a sender that name a run name its own', async () => {
  const { audit, log } = startRecordingSdk()
  const told = (eventName: string, attributes: Attributes): LogRecordLike => ({
    eventName,
    hrTime: [BEGIN_SECONDS, 0],
    attributes: { 'spanledger.run.id': 'ours', ...attributes },
    instrumentationScope: { name: 'test' },
  })
  await withRun({ agentName: 'ours', tenantId: 'acme', runId: 'ours' }, async () => {
    const started = told('spanledger.run_started', { 'spanledger.agent.name': 'x' })
    audit.deliver({ source: 'one', logRecords: [told('spanledger.run_completed', {})] })
    audit.deliver({
      source: 'another',
      logRecords: [started, told('spanledger.agent_handoff', { 'spanledger.to': 'x' })],
    })
    await audit.forceFlush()
  })
  expect(ofRun(log, 'ours')).toEqual(['run_started', 'run_completed'])
  expect(log.of('run_completed').at(-1)).toMatchObject({ runId: 'ours', agent: { name: 'ours' } })
  const [handoff] = log.of('agent_handoff')
  expect(handoff).toMatchObject({ runId: log.of('run_started')[1]?.runId })
  expect(handoff?.runId).not.toBe('ours')
})
