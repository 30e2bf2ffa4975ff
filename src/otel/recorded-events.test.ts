import { ROOT_CONTEXT } from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { AGENT } from '../../test/support/agent-spans.js'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { heardWarnings } from '../../test/support/warnings.js'
import { recordAgentHandoff, recordMemoryRecall, recordTokenUsageUpdated } from '../record/record.js'
import { withRun } from '../record/run.js'
import { AuditSpanProcessor } from './processor.js'

describe('events added to spans', () => {
  test('are recorded when they are added, also past the limit at which the SDK drops them', () => {
    const { tracer, log } = startRecordingSdk({}, { spanLimits: { eventCountLimit: 2 } })
    const span = tracer.startSpan('GET /')
    for (let n = 0; n < 200; n++)
      span.addEvent('spanledger.memory_recall', { 'spanledger.tier': 'long', 'spanledger.hits': n })
    expect(log.of('memory_recall').map(({ data }) => data.hits)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    span.end()
    expect(log.of('memory_recall')).toHaveLength(200)
  })

  test('have the time, the span and the run they happened in', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    span.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' }, [1_700_000_000, 7])
    expect(log.of('agent_handoff')[0]).toMatchObject({
      time: '2023-11-14T22:13:20.000000007Z',
      runId: log.of('run_started')[0]?.runId,
      trace: { spanId: span.spanContext().spanId },
      data: { to: 'writer' },
    })
  })

  test('a hand-off without predecessor has no `from`; a recall without hits is recorded with 0', () => {
    const { log } = startRecordingSdk()
    withRun({ agentName: 'planner' }, () => {
      recordAgentHandoff({ to: 'writer' })
      recordMemoryRecall({ tier: 'long_term', namespaceKey: 'user:1', hits: 0 })
    })
    expect(log.of('agent_handoff')[0]?.data).toEqual({ to: 'writer' })
    expect(log.of('memory_recall')[0]?.data).toMatchObject({ hits: 0 })
  })

  test('of a type that the catalogue does not have are recorded as they are; one that looks mistyped is warned of once', () => {
    const warnings = heardWarnings()
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('GET /')
    for (const type of ['invoice_sent', 'memory_recal', 'memory_recal']) span.addEvent(`spanledger.${type}`)
    expect(log.types).toEqual(['invoice_sent', 'memory_recal', 'memory_recal'])
    expect(warnings).toEqual([expect.stringContaining("did you mean 'memory_recall'?")])
  })

  test('are not recorded after the end of the span', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('GET /')
    span.end()
    span.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' })
    expect(log.types).toEqual([])
  })

  test('return the span, so that calls can be chained', () => {
    const { tracer } = startRecordingSdk()
    const span = tracer.startSpan('GET /')
    expect(span.addEvent('a').addEvent('b')).toBe(span)
  })

  test('reach every processor that listens, once', () => {
    const { tracer, log } = startRecordingSdk()
    const second = new AuditSpanProcessor()
    const other = new CollectingLog()
    second.attach(other)
    const span = tracer.startSpan('GET /')
    second.onStart(span as never, ROOT_CONTEXT)
    span.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' })
    expect([log.types, other.types]).toEqual([['agent_handoff'], ['agent_handoff']])
  })
})

describe('recording by hand where no span records', () => {
  test('goes straight to the attached logs, into the run around it', () => {
    const { log } = startRecordingSdk({}, { sampler: new AlwaysOffSampler() })
    withRun({ agentName: 'planner' }, () => {
      recordTokenUsageUpdated({ inputTokens: 3, outputTokens: 4, totalTokens: 7 })
    })
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
    const runIds = new Set(log.events.flatMap(({ type, runId }) => (type.startsWith('audit_') ? [] : [runId])))
    expect(runIds.size).toBe(1)
    expect([...runIds][0]).toBeTypeOf('string')
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ totalTokens: 7 })
  })

  test('a sub-agent is announced before it starts', () => {
    const { log } = startRecordingSdk({}, { sampler: new AlwaysOffSampler() })
    withRun({ agentName: 'planner' }, () => withRun({ agentName: 'writer' }, () => {}))
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started', 'run_completed', 'run_completed'])
    const [outer, inner] = log.of('run_started')
    expect(inner?.parentRunId).toBe(outer?.runId)
  })
})
