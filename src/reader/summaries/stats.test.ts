import { describe, expect, test } from 'vitest'
import { filled, readerOf, readerOfEvents, unchecked } from '../../../test/reader/reader-of.js'
import { at, error, runEvent, tokens } from '../../../test/reader/run-events.js'
import type { AuditEvent } from '../../events/types.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'
import { MAX_GROUPS } from '../index.js'

const tool = { name: 'search' }
const first = { runId: 'r-1', agent: { id: 'a-1', name: 'writer' } }
const second = { runId: 'r-2', agent: { name: 'editor' }, time: '2026-05-02T09:00:00Z' }

const events: readonly Partial<AuditEvent>[] = [
  runEvent('run_started', { agent: first.agent, model: 'm-1' }, { ...first, time: at(0) }),
  runEvent('token_usage_updated', { ...tokens(10), costUsd: 0.25, model: 'm-1' }, { ...first, time: at(1) }),
  runEvent('token_usage_updated', { ...tokens(1), model: 'm-2', cachedInputTokens: 1 }, { ...first, time: at(2) }),
  runEvent('tool_call_started', { callId: 'c', tool }, { ...first, time: at(3) }),
  runEvent('tool_call_completed', { callId: 'c', tool, durationMs: 40 }, { ...first, time: at(4) }),
  runEvent('run_completed', { usage: tokens(11), durationMs: 9000 }, { ...first, time: at(9) }),
  runEvent('run_started', { agent: second.agent }, second),
  runEvent('tool_call_failed', { callId: 'd', tool }, second),
  runEvent('error_occurred', { error, operation: 'chat' }, second),
  runEvent('token_usage_updated', { ...tokens(100), model: 'm-2', costUsd: 0.5 }, second),
  runEvent('run_failed', { error, durationMs: 1000 }, second),
  { time: '2026-05-02T09:00:01Z' },
]

const none = { started: 0, completed: 0, failed: 0, cancelled: 0, suspended: 0, interrupted: 0 }

describe('statistics', () => {
  test('sum up what is recorded, and count tokens once', async () => {
    const { total, groups } = await (await readerOfEvents(...events)).stats({})
    expect(total).toEqual({
      usage: { ...tokens(111), costUsd: 0.75, cachedInputTokens: 1 },
      modelCalls: 3,
      runs: { ...none, started: 2, completed: 1, failed: 1 },
      toolCalls: { completed: 1, failed: 1 },
      errors: 1,
      runDurations: { count: 2, minMs: 1000, meanMs: 5000, p50Ms: expect.closeTo(1000, -1), p95Ms: 9000, maxMs: 9000 },
      toolDurations: { count: 1, minMs: 40, meanMs: 40, p50Ms: 40, p95Ms: 40, maxMs: 40 },
    })
    expect(groups).toEqual([])
  })

  test('by agent, the one with the most tokens first', async () => {
    const { groups } = await (await readerOfEvents(...events)).stats({ groupBy: 'agent' })
    expect(groups).toMatchObject([
      { key: 'editor', agent: { name: 'editor' }, usage: tokens(100), runs: { failed: 1 } },
      { key: 'a-1', agent: { id: 'a-1', name: 'writer' }, usage: tokens(11), runs: { completed: 1 } },
    ])
  })

  test('by day, in their order', async () => {
    const { groups } = await (await readerOfEvents(...events.toReversed())).stats({ groupBy: 'day' })
    expect(groups).toMatchObject([
      { key: '2026-05-01', usage: tokens(11), runDurations: { count: 1, p50Ms: 9000 } },
      { key: '2026-05-02', usage: tokens(100), errors: 1 },
    ])
  })

  test('by model: tokens for the model that used them, the rest for the first that the run names', async () => {
    const { groups } = await (await readerOfEvents(...events)).stats({ groupBy: 'model' })
    expect(groups).toMatchObject([
      {
        key: 'm-2',
        usage: tokens(101),
        runs: { ...none, started: 1, failed: 1 },
        toolCalls: { completed: 0, failed: 1 },
      },
      { key: 'm-1', usage: tokens(10), runs: { ...none, started: 1, completed: 1 }, toolCalls: { completed: 1 } },
    ])
  })

  test('by model, a run that began before the window is asked for its model', async () => {
    const reader = await readerOfEvents(...events)
    const { groups } = await reader.stats({ groupBy: 'model', since: at(9), until: at(10) })
    expect(groups).toMatchObject([{ key: 'm-1', modelCalls: 0, runs: { ...none, completed: 1 } }])
  })

  test('what names no model is a group without a key', async () => {
    const reader = await readerOfEvents(
      runEvent('run_started', { agent: {} }),
      runEvent('run_cancelled', { reason: '' }),
    )
    const { groups } = await reader.stats({ groupBy: 'model' })
    expect(groups).toHaveLength(1)
    expect(groups[0]).toMatchObject({ runs: { ...none, started: 1, cancelled: 1 } })
    expect(groups[0]).not.toHaveProperty('key')
  })

  test('only of what passes the filters', async () => {
    const reader = await readerOfEvents(...events)
    expect((await reader.stats({ agent: 'editor' })).total.usage).toEqual({ ...tokens(100), costUsd: 0.5 })
    expect((await reader.stats({ runId: 'r-1', since: at(2) })).total.usage.totalTokens).toBe(3)
    expect((await reader.stats({ sessionId: 'other' })).total).toMatchObject({ modelCalls: 0, runs: none })
  })

  test('bear with data that is no number', async () => {
    const hostile = (data: unknown) => unchecked({ type: 'run_completed', runId: 'r', data })
    const datas = [null, 7, 'x', [], { durationMs: 'long' }, { durationMs: -1 }, { durationMs: 5, usage: 3 }]
    const { total } = await (await readerOfEvents(...datas.map(hostile))).stats({ groupBy: 'model' })
    expect(total).toMatchObject({ runs: { completed: datas.length }, runDurations: { count: 1, maxMs: 5 } })
  })

  test('groups beyond the most that are told apart are taken together', async () => {
    const many = sealedEntries(MAX_GROUPS + 5, (n) =>
      unchecked({ agent: { id: `a-${n}` }, type: 'run_started', data: {} }),
    )
    const report = await readerOf(await filled(memoryStore(), [many])).stats({ groupBy: 'agent' })
    expect(report.groups).toHaveLength(MAX_GROUPS)
    expect(report.others).toMatchObject({ runs: { started: 5 } })
  })

  test.each([
    [{ groupBy: 'tenant' }, /groupBy: expected one of 'agent', 'model', 'day', not 'tenant'/],
    [{ type: 'run_failed' }, /type: no such field/],
    [{ since: at(2), until: at(1) }, /since/],
  ])('a query that cannot be meant, as %j, is an error that names the field', async (query, message) => {
    const expected = { code: 'AUDIT_QUERY_INVALID', message: expect.stringMatching(message) }
    await expect((await readerOfEvents()).stats(query as object)).rejects.toMatchObject(expected)
  })
})
