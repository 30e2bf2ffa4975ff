import { describe, expect, test, vi } from 'vitest'
import { agent, at, planner, search, span, start, useDayAfter, WHOLE } from '../../../test/support/delivered-spans.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

useDayAfter()

describe('the parent of a delivered span', () => {
  test('is one of the same trace', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [planner, { ...search, trace: 'b2' }].map(span) })
    await audit.forceFlush()
    expect(log.of('tool_call_started')[0]?.runId).toBeUndefined()
  })

  test('is one of the same resource; another is a claim', async () => {
    const { audit, log } = start()
    const other = { id: 'c2', from: 5, to: 6, below: 'p1', service: 'other', attributes: agent('writer') }
    audit.deliver({ spans: [other, planner].map(span) })
    await audit.forceFlush()
    expect(log.of('run_started')[1]).toMatchObject({ parentRunId: 'a1-p1', claimed: { parentRunId: 'a1-p1' } })
    expect(log.of('sub_agent_invoked')).toEqual([])
  })

  test('is one of the same sender', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(planner)], source: 'one' })
    audit.deliver({ spans: [planner, search].map(span), source: 'another' })
    await audit.forceFlush()
    expect(log.of('run_started')).toHaveLength(2)
    audit.deliver({ spans: [span({ ...search, id: 'c2' })], source: 'a third' })
    await audit.forceFlush()
    const [, another] = log.of('run_started')
    expect(log.of('tool_call_started').map(({ runId }) => runId)).toEqual([another?.runId, undefined])
    expect(another?.runId).not.toBe('a1-p1')
  })

  test('is found although it was translated long before', async () => {
    const { audit, log } = start()
    audit.deliver({ spans: [span(planner)] })
    await audit.forceFlush()
    audit.deliver({ spans: [span(search)] })
    await audit.forceFlush()
    expect(log.of('tool_call_completed')[0]).toMatchObject({ runId: 'a1-p1', agent: { name: 'planner' } })
  })

  test('has invoked the runs inside although it comes after them', async () => {
    const { audit, log } = start()
    const writer = { id: 'w1', from: 5, to: 20, below: 'step', attributes: agent('writer') }
    const step = { id: 'step', from: 4, to: 21, below: 'p1', attributes: {} }
    for (const each of [writer, step, planner]) {
      audit.deliver({ spans: [span(each)] })
      await audit.forceFlush()
    }
    expect(log.of('sub_agent_invoked')[0]).toMatchObject({ runId: 'a1-p1', data: { subRunId: 'a1-w1' } })
    expect(log.of('run_completed').map(({ agent }) => agent?.name)).toEqual(['writer', 'planner'])
  })

  test('that comes late has used the tokens that were counted inside', async () => {
    const { audit, log } = start()
    const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.output_tokens': 2 }
    for (const each of [
      { ...search, attributes: chat },
      { ...planner, attributes: { ...chat, ...agent('planner') } },
    ]) {
      audit.deliver({ spans: [span(each)] })
      await audit.forceFlush()
    }
    expect(log.of('token_usage_updated')).toHaveLength(1)
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 5 })
  })
})

describe('log records that are delivered', () => {
  const record = {
    eventName: 'spanledger.context_compacted',
    hrTime: at(15),
    attributes: {},
    spanContext: { traceId: 'a1', spanId: 'p1', traceFlags: 1 },
    instrumentationScope: { name: 'test' },
    resource: { attributes: { 'service.name': 's' } },
  }

  test('take their place among the spans, in the run of theirs', async () => {
    const { audit, log } = start()
    audit.deliver({ logRecords: [record] })
    audit.deliver({ spans: [planner, search].map(span) })
    await audit.forceFlush()
    expect(log.types).toEqual([...WHOLE.slice(0, 3), 'context_compacted', 'run_completed'])
    expect(log.of('context_compacted')[0]?.runId).toBe('a1-p1')
  })

  test('count once', async () => {
    const { audit, log } = start()
    expect(audit.deliver({ logRecords: [record, { ...record }] })).toEqual({ accepted: 1, repeated: 1, malformed: 0 })
    await audit.forceFlush()
    expect(log.of('context_compacted')).toHaveLength(1)
  })
})
