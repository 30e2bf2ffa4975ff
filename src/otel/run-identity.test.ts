import { type Attributes, propagation, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../test/support/collecting-log.js'
import { recordAgentHandoff, recordRunCompleted, recordRunStarted, recordToolCallStarted } from '../record/record.js'
import { withRun } from '../record/run.js'
import { withScope } from '../record/scope.js'
import { AuditLogRecordProcessor } from './log-records.js'

const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }
const TOKENS = { 'gen_ai.usage.input_tokens': 1, 'gen_ai.usage.output_tokens': 0 }
const TENANT = { 'spanledger.tenant.id': 'acme' }
const SESSION = { 'session.id': 's-1' }

function start(attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('app').startSpan('span', { attributes }, around)
}

const agent = (name: string) => ({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name })

function end(span: Span | undefined, attributes: Attributes = {}): void {
  span?.setAttributes(attributes).end()
}

/** Each event's type, tenant and session, without those of attaching. */
const filed = (log: CollectingLog) =>
  log.events.slice(1).map(({ type, tenantId, sessionId }) => [type, tenantId, sessionId])

describe('a run whose tenant and session nobody has named', () => {
  test('is identified once, before the first event that carries them', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const { traceId, spanId } = run.spanContext()
    end(start(TOOL, run))
    end(start({ ...CHAT, ...TENANT, ...SESSION }, run), TOKENS)
    end(run)
    expect(filed(log)).toEqual([
      ['run_started', undefined, traceId],
      ['tool_call_started', undefined, traceId],
      ['tool_call_completed', undefined, traceId],
      ['run_identified', 'acme', 's-1'],
      ['token_usage_updated', 'acme', 's-1'],
      ['run_completed', 'acme', 's-1'],
    ])
    expect(log.of('run_identified')).toMatchObject([
      { runId: `${traceId}-${spanId}`, data: { previous: { tenantId: undefined, sessionId: traceId } } },
    ])
  })

  test('is identified directly before its end, where only that tells', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(run, { ...TENANT, ...SESSION })
    expect(filed(log).slice(1)).toEqual([
      ['run_identified', 'acme', 's-1'],
      ['run_completed', 'acme', 's-1'],
    ])
  })

  test('is identified in two steps where the two become known one after the other, each by what was known before', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(start({ ...TOOL, ...SESSION }, run))
    end(run, TENANT)
    expect(log.of('run_identified').map(({ data }) => data.previous)).toEqual([
      { tenantId: undefined, sessionId: run.spanContext().traceId },
      { tenantId: undefined, sessionId: 's-1' },
    ])
  })

  test('is identified after its end by a span inside that ends later', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const late = start({ ...CHAT }, run)
    end(run)
    end(late, { ...TENANT, ...SESSION })
    expect(filed(log).slice(2)).toEqual([['run_identified', 'acme', 's-1']])
  })

  test('is identified after its end by a span around it that ends later', () => {
    const { log } = startRecordingSdk()
    const around = start({ 'openinference.span.kind': 'CHAIN' })
    const step = start({ ...TOOL }, around)
    const run = start(agent('writer'), step)
    end(run)
    end(step, { ...TENANT, ...SESSION })
    end(around)
    const [writer] = log.of('run_started').filter(({ agent: { name } = {} }) => name === 'writer')
    expect(log.of('run_identified').filter(({ runId }) => runId === writer?.runId)).toMatchObject([
      { tenantId: 'acme', sessionId: 's-1' },
    ])
  })

  test('takes those that inherit from it along: open ones, and those that are over', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(start(agent('over'), run))
    const open = start(agent('open'), run)
    end(start({ ...TOOL, ...TENANT, ...SESSION }, run))
    end(open)
    end(run)
    expect(
      log.of('run_identified').map(({ agent, tenantId, sessionId }) => [agent?.name, tenantId, sessionId]),
    ).toEqual(
      expect.arrayContaining([
        ['planner', 'acme', 's-1'],
        ['over', 'acme', 's-1'],
        ['open', 'acme', 's-1'],
      ]),
    )
    expect(log.of('run_identified')).toHaveLength(3)
  })

  test('is not identified by a run inside that has a tenant and a session of its own', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(start({ ...agent('writer'), ...TENANT, ...SESSION }, run))
    end(run)
    expect(log.of('run_identified')).toEqual([])
    expect(log.of('run_completed').map(({ tenantId }) => tenantId)).toEqual(['acme', undefined])
  })

  test('is not identified by the baggage of a caller', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const baggage = propagation.createBaggage({ 'spanledger.tenant.id': { value: 'evil' } })
    const within = propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, run), baggage)
    trace.getTracer('app').startSpan('tool', { attributes: TOOL }, within).end()
    end(run)
    expect(log.of('run_identified')).toEqual([])
    expect(log.of('tool_call_started')[0]).toMatchObject({ tenantId: undefined, claimed: { tenantId: 'evil' } })
  })

  test('is identified by withScope inside, and by a log record', () => {
    const { audit, log } = startRecordingSdk()
    const logs = new AuditLogRecordProcessor(audit)
    withRun({ agentName: 'planner' }, () => {
      withScope({ tenantId: 'acme' }, () => recordAgentHandoff({ to: 'writer' }))
      logs.onEmit(
        { eventName: 'spanledger.agent_handoff', attributes: { 'spanledger.to': 'b', 'spanledger.session.id': 's-1' } },
        trace.setSpan(ROOT_CONTEXT, trace.getActiveSpan() as Span),
      )
    })
    expect(log.of('run_identified').map(({ tenantId }) => tenantId)).toEqual(['acme', 'acme'])
    expect(log.of('run_completed')[0]).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
  })
})

describe('a run that no span carries', () => {
  test('is identified by what is recorded in it later', () => {
    const { log } = startRecordingSdk()
    recordRunStarted({ agent: { name: 'planner' } }, { runId: 'r-1' })
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-1', tenantId: 'acme', sessionId: 's-1' })
    recordRunCompleted({}, { runId: 'r-1' })
    expect(filed(log)).toEqual([
      ['run_started', undefined, 'r-1'],
      ['run_identified', 'acme', 's-1'],
      ['agent_handoff', 'acme', 's-1'],
      ['run_completed', 'acme', 's-1'],
    ])
    expect(log.of('run_identified')[0]).toMatchObject({ runId: 'r-1', data: { previous: { sessionId: 'r-1' } } })
  })

  test('is identified after its end too', () => {
    const { log } = startRecordingSdk()
    recordRunStarted({ agent: { name: 'planner' } }, { runId: 'r-1' })
    recordRunCompleted({}, { runId: 'r-1' })
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-1', tenantId: 'acme' })
    expect(log.types).toEqual(['run_started', 'run_completed', 'agent_handoff'])
    expect(log.of('run_identified')).toMatchObject([{ runId: 'r-1', tenantId: 'acme' }])
  })

  test('inherits what the run around it learns', () => {
    const { log } = startRecordingSdk()
    recordRunStarted({ agent: { name: 'outer' } }, { runId: 'r-1' })
    recordRunStarted({ agent: { name: 'inner' } }, { runId: 'r-2', parentRunId: 'r-1' })
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-1', tenantId: 'acme', sessionId: 's-1' })
    expect(log.of('run_identified').map(({ runId, sessionId }) => [runId, sessionId])).toEqual([
      ['r-1', 's-1'],
      ['r-2', 's-1'],
    ])
  })
})

describe('another tenant or session of a run that has one', () => {
  test('moves nothing, and is stated once', () => {
    const { log } = startRecordingSdk()
    const run = start({ ...agent('planner'), ...TENANT, ...SESSION })
    for (let n = 0; n < 2; n++) end(start({ ...TOOL, 'spanledger.tenant.id': 'other', 'session.id': 's-2' }, run))
    end(run, { 'spanledger.tenant.id': 'third' })
    for (const [, tenantId, sessionId] of filed(log)) expect([tenantId, sessionId]).toEqual(['acme', 's-1'])
    expect(log.of('run_identity_conflict').map(({ data }) => data)).toEqual([
      { tenantId: 'other', sessionId: 's-2' },
      { tenantId: 'third', sessionId: undefined },
    ])
  })

  test('is stated at most 16 times', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner', tenantId: 'acme' }, () => {
      for (let n = 0; n < 100; n++) withScope({ tenantId: `t-${n}` }, () => recordAgentHandoff({ to: 'b' }))
    })
    expect(log.of('run_identity_conflict')).toHaveLength(16)
  })

  test('is no conflict where it is that of a run inside', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner', tenantId: 'acme', sessionId: 's-1' }, () =>
      withRun({ agentName: 'writer', tenantId: 'other', sessionId: 's-2' }, () =>
        recordToolCallStarted({ callId: 'c', tool: { name: 'x' } }),
      ),
    )
    expect(log.of('run_identity_conflict')).toEqual([])
    expect(log.of('tool_call_started')[0]).toMatchObject({ tenantId: 'other', sessionId: 's-2' })
  })

  test('is not passed on to runs that start inside afterwards', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(start({ ...TOOL, ...TENANT, ...SESSION }, run))
    run.setAttributes({ 'session.id': 's-2', 'spanledger.tenant.id': 'other' })
    end(start(agent('writer'), run))
    end(run)
    expect(log.of('run_completed').map(({ tenantId, sessionId }) => [tenantId, sessionId])).toEqual([
      ['acme', 's-1'],
      ['acme', 's-1'],
    ])
  })
})

test('a run that something is recorded for from inside another one learns nothing of that', () => {
  const { log } = startRecordingSdk()
  recordRunStarted({ agent: { name: 'other' } }, { runId: 'r-1' })
  recordRunStarted({ agent: { name: 'third' } }, { runId: 'r-2', tenantId: 'b' })
  withRun({ agentName: 'planner', tenantId: 'acme', sessionId: 's-1' }, () => {
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-1' })
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-2' })
  })
  expect(log.of('agent_handoff').map(({ tenantId, sessionId }) => [tenantId, sessionId])).toEqual([
    [undefined, 'r-1'],
    ['b', 'r-2'],
  ])
  expect([...log.of('run_identified'), ...log.of('run_identity_conflict')]).toEqual([])
})

test('a run that no span carries, and that names its tenant, is in no conflict with the scope it was started in', () => {
  const { log } = startRecordingSdk()
  withScope({ tenantId: 'acme', sessionId: 's-1' }, () => {
    recordRunStarted({ agent: { name: 'planner' } }, { runId: 'r-1', tenantId: 'b' })
    recordAgentHandoff({ to: 'writer' }, { runId: 'r-1' })
  })
  expect(log.of('agent_handoff')[0]).toMatchObject({ tenantId: 'b', sessionId: 's-1' })
  expect(log.of('run_identity_conflict')).toEqual([])
})

test('a run that goes on under its id after it was suspended keeps its tenant and its session', () => {
  const { log } = startRecordingSdk()
  withRun({ agentName: 'planner', runId: 'r-1', tenantId: 'acme', sessionId: 's-1' }, (run) => run.suspend('asks'))
  withRun({ agentName: 'planner', runId: 'r-1' }, () => {})
  for (const [, tenantId, sessionId] of filed(log)) expect([tenantId, sessionId]).toEqual(['acme', 's-1'])
})

test('a run of another tenant under the id of one that is over has nothing to do with it', () => {
  const { log } = startRecordingSdk()
  withRun({ agentName: 'planner', runId: 'r-1', tenantId: 'acme' }, () => {})
  withRun({ agentName: 'planner', runId: 'r-1', tenantId: 'other' }, () => {})
  expect(log.of('run_completed').map(({ tenantId }) => tenantId)).toEqual(['acme', 'other'])
  expect(log.of('run_identity_conflict')).toEqual([])
})
