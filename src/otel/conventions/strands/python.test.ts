import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

/* Strands for Python: a scope and a name of the cycle of its own; swarms have no nodes, and hand over by a tool. */

const { start, ok, fail } = wholeSpans('strands.telemetry.tracer')

function span(operation: string, parent?: Span, more: Attributes = {}): Span {
  const ended = { 'gen_ai.event.end_time': '2026-11-29T09:00:01+00:00' }
  return start(
    operation,
    { 'gen_ai.operation.name': operation, 'gen_ai.system': 'strands-agents', ...ended, ...more },
    parent,
  )
}

const agent = (name: string, parent?: Span) => span('invoke_agent', parent, { 'gen_ai.agent.name': name })
const cycle = (parent: Span) => span('execute_event_loop_cycle', parent, { 'event_loop.cycle_id': 'c' })
const swarm = () => span('invoke_swarm', undefined, { 'gen_ai.agent.name': 'swarm' })

function tool(name: string, parent: Span, status: string | undefined): Span {
  return span('execute_tool', parent, { 'gen_ai.tool.name': name, ...(status && { 'gen_ai.tool.status': status }) })
}

function endWith(run: Span, finishReason: string): void {
  run.addEvent('gen_ai.choice', { finish_reason: finishReason })
  ok(run)
}

describe('a swarm of Strands for Python', () => {
  test('is a run, in which agents hand over to those that start next', () => {
    const { log } = startRecordingSdk()
    const run = swarm()
    const triage = agent('triage', run)
    const loop = cycle(triage)
    ok(span('chat', loop))
    ok(tool('handoff_to_agent', loop, 'success'))
    ok(loop)
    ok(triage)
    ok(agent('billing', run))
    ok(run)
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['swarm', 'triage', 'billing'])
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'triage', to: 'billing' }])
    expect(log.types).not.toContain('tool_call_started')
  })

  test('has failed as its last agent did, though its span does not say so', () => {
    const { log } = startRecordingSdk()
    const run = swarm()
    fail(agent('triage', run), 'ValueError', 'boom')
    run.end()
    expect(log.of('run_failed').map(({ agent: { name } = {} }) => name)).toEqual(['triage', 'swarm'])
  })

  test('is suspended with its agent', () => {
    const { log } = startRecordingSdk()
    const run = swarm()
    endWith(agent('triage', run), 'interrupt')
    run.end()
    expect(log.of('run_suspended').map(({ data }) => data.reason)).toEqual(['interrupt', 'interrupt'])
  })

  test('to which an agent hands over in vain has called a tool', () => {
    const { log } = startRecordingSdk()
    const run = swarm()
    const triage = agent('triage', run)
    ok(tool('handoff_to_agent', triage, 'success'))
    tool('handoff_to_agent', triage, 'error').setStatus({ code: SpanStatusCode.ERROR, message: 'no such agent' }).end()
    ok(triage)
    ok(run)
    expect(log.of('agent_handoff')).toEqual([])
    expect(log.of('tool_call_completed')).toHaveLength(1)
    expect(log.of('tool_call_failed')).toHaveLength(1)
  })
})

describe('an agent of Strands for Python', () => {
  test('leaves an interrupted tool open', () => {
    const { log } = startRecordingSdk()
    const run = agent('mailer')
    const loop = cycle(run)
    ok(span('chat', loop))
    ok(tool('send', loop, undefined))
    ok(loop)
    endWith(run, 'interrupt')
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'run_suspended'])
  })

  test('tells that its answer was too long, and that its context was', () => {
    const { log } = startRecordingSdk()
    const run = agent('writer')
    const loop = cycle(run)
    fail(span('chat', loop), 'strands.types.exceptions.ContextWindowOverflowException', 'too long')
    ok(span('chat', loop))
    ok(loop)
    fail(run, 'strands.types.exceptions.MaxTokensReachedException', 'too long')
    expect(log.of('context_compacted')).toHaveLength(1)
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'output_tokens' })
  })
})
