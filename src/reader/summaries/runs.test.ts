import { describe, expect, test } from 'vitest'
import { readerOfEvents } from '../../../test/reader/reader-of.js'
import {
  at,
  completed,
  error,
  overviewOf,
  runEvent,
  runOf,
  type Scope,
  started,
  tokens,
} from '../../../test/reader/run-events.js'
import { type AuditLogReader, MAX_LISTED, type RunTree } from '../index.js'

async function idsOf(reader: AuditLogReader, query: Parameters<AuditLogReader['runs']>[0]): Promise<string[]> {
  return (await reader.runs(query).toArray()).map(({ runId }) => runId)
}

describe('run', () => {
  test('is undefined for a run the log has no event of', async () => {
    const reader = await readerOfEvents(started())
    expect(await reader.run('r-2')).toBeUndefined()
    expect(await reader.run('r-1', { tenantId: 'elsewhere' })).toBeUndefined()
  })

  test('wants to know whose run is meant when several tenants have one of that id', async () => {
    const reader = await readerOfEvents(started({ tenantId: 'acme' }), started({ tenantId: 'globex' }))
    const invalid = { code: 'AUDIT_QUERY_INVALID', message: expect.stringContaining("'acme' and 'globex'") }
    await expect(reader.run('r-1')).rejects.toMatchObject(invalid)
    expect(await reader.run('r-1', { tenantId: 'globex' })).toMatchObject({ tenantId: 'globex', eventCount: 1 })
    await expect(reader.run('')).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
  })
})

describe('sub-runs', () => {
  const invoked = (parent: string, subRunId: string, scope: Scope = {}) =>
    runEvent('sub_agent_invoked', { agentId: 'a', subThreadId: 's-sub', subRunId }, { runId: parent, ...scope })
  const shape = ({ runId, subRuns }: RunTree): unknown => ({ [runId]: subRuns.map(shape) })

  test('form a tree in the order of their starts, whichever side names the link', async () => {
    const run = await runOf(
      started(),
      invoked('r-1', 'by-invocation'),
      started({ runId: 'by-parent', parentRunId: 'r-1', sessionId: 'elsewhere' }),
      started({ runId: 'by-invocation', sessionId: 's-sub' }),
      started({ runId: 'grandchild', parentRunId: 'by-parent' }),
      started({ runId: 'stranger' }),
    )
    expect(shape(run)).toEqual({ 'r-1': [{ 'by-parent': [{ grandchild: [] }] }, { 'by-invocation': [] }] })
  })

  test('stand by their starts, though something of them was recorded earlier', async () => {
    const run = await runOf(
      started(),
      runEvent('token_usage_updated', tokens(1), { runId: 'later', parentRunId: 'r-1', time: at(1) }),
      started({ runId: 'sooner', parentRunId: 'r-1', time: at(2) }),
      started({ runId: 'later', parentRunId: 'r-1', time: at(3) }),
    )
    expect(shape(run)).toEqual({ 'r-1': [{ sooner: [] }, { later: [] }] })
  })

  test('that two runs claim stand below the one nearer to the top', async () => {
    const run = await runOf(
      started(),
      invoked('r-1', 'aunt'),
      started({ runId: 'aunt' }),
      invoked('aunt', 'shared'),
      started({ runId: 'shared', parentRunId: 'r-1' }),
    )
    expect(shape(run)).toEqual({ 'r-1': [{ aunt: [] }, { shared: [] }] })
  })

  test('are found however many the run invoked', async () => {
    const others = Array.from({ length: MAX_LISTED }, () =>
      runEvent('sub_agent_invoked', { agentId: 'a', subThreadId: 's-sub' }),
    )
    const run = await runOf(started(), ...others, invoked('r-1', 'r-2'), started({ runId: 'r-2' }))
    expect(run.omitted).toBe(1)
    expect(shape(run)).toEqual({ 'r-1': [{ 'r-2': [] }] })
  })

  test('count once in the total, and not in the usage of the run above', async () => {
    const run = await runOf(
      started(),
      runEvent('token_usage_updated', tokens(1)),
      invoked('r-1', 'r-2'),
      runEvent('token_usage_updated', { ...tokens(10), costUsd: 0.5 }, { runId: 'r-2', parentRunId: 'r-1' }),
      completed({ runId: 'r-2', parentRunId: 'r-1' }),
      runEvent('token_usage_updated', tokens(100), { runId: 'r-3', parentRunId: 'r-2' }),
      started({ runId: 'r-3', parentRunId: 'r-2' }),
    )
    expect(run.usage).toEqual(tokens(1))
    expect(run.totalUsage).toEqual({ ...tokens(111), costUsd: 0.5 })
    expect(run.subRuns[0]?.totalUsage).toEqual({ ...tokens(110), costUsd: 0.5 })
  })

  test('that link in a circle are shown once', async () => {
    const run = await runOf(
      started({ parentRunId: 'r-2' }),
      started({ runId: 'r-2', parentRunId: 'r-1' }),
      invoked('r-2', 'r-1'),
      invoked('r-2', 'r-2'),
      invoked('r-1', 'r-1'),
    )
    expect(shape(run)).toEqual({ 'r-1': [{ 'r-2': [] }] })
  })

  test("never show another tenant's run", async () => {
    const theirs = { runId: 'theirs', tenantId: 'globex', parentRunId: 'r-1' }
    const run = await runOf(
      started(),
      invoked('r-1', 'theirs'),
      started(theirs),
      started({ runId: 'same-id' }),
      started({ ...theirs, runId: 'same-id' }),
    )
    expect(run.subRuns).toEqual([])
  })
})

describe('runs', () => {
  test('lists every run once, sub-runs too, in the order of their starts', async () => {
    const reader = await readerOfEvents(
      started(),
      started({ runId: 'r-2', parentRunId: 'r-1' }),
      completed({ runId: 'r-2', parentRunId: 'r-1' }),
      runEvent('run_suspended', { reason: 'approval' }),
      runEvent('resumed', {}),
      runEvent('custom', { name: 'not of any known start' }, { runId: 'r-0' }),
      completed({ runId: 'only-its-end' }),
      completed(),
    )
    expect(await idsOf(reader, {})).toEqual(['r-1', 'r-2', 'only-its-end'])
    expect(await idsOf(reader, { order: 'desc' })).toEqual(['only-its-end', 'r-2', 'r-1'])
    expect(await idsOf(reader, { limit: 2 })).toEqual(['r-1', 'r-2'])
    const [first] = await reader.runs({ limit: 1 }).toArray()
    expect(first).toEqual(overviewOf((await reader.run('r-1')) as RunTree))
  })

  test('keeps the runs of two tenants apart, though they have one id', async () => {
    const reader = await readerOfEvents(
      started({ tenantId: 'acme' }),
      started({ tenantId: 'globex' }),
      completed({ tenantId: 'globex' }),
    )
    const both = await reader.runs().toArray()
    expect(both).toMatchObject([
      { tenantId: 'acme', status: 'running' },
      { tenantId: 'globex', status: 'completed' },
    ])
    expect(await reader.runs({ tenantId: 'globex' }).toArray()).toEqual([both[1]])
  })

  test('finds runs by the status they are in now', async () => {
    const failed = (runId: string) => runEvent('run_failed', { error }, { runId })
    const reader = await readerOfEvents(
      started(),
      failed('r-1'),
      runEvent('resumed', {}),
      started({ runId: 'r-2' }),
      failed('r-2'),
      started({ runId: 'r-3' }),
      completed({ runId: 'r-3' }),
    )
    expect(await idsOf(reader, { status: 'failed' })).toEqual(['r-2'])
    expect(await idsOf(reader, { status: 'running' })).toEqual(['r-1'])
    expect(await idsOf(reader, { status: ['completed', 'failed'], order: 'desc' })).toEqual(['r-3', 'r-2'])
  })

  test('finds runs by session, agent and time of their start', async () => {
    const trace = { traceId: 'f'.repeat(32), spanId: 'e'.repeat(16) }
    const writer = { agent: { id: 'a-1', name: 'writer' } }
    const reader = await readerOfEvents(
      started({ time: at(0), sessionId: trace.traceId, trace, ...writer }),
      runEvent('custom', { name: 'x' }, { time: at(1), sessionId: 's-1', trace }),
      started({ runId: 'r-2', time: at(2), sessionId: 's-2', agent: { name: 'editor' } }),
      runEvent('run_cancelled', { startedAt: at(1), reason: 'x' }, { runId: 'r-3', time: at(3), ...writer }),
    )
    expect(await idsOf(reader, { sessionId: 's-1' })).toEqual(['r-1'])
    expect(await idsOf(reader, { sessionId: trace.traceId })).toEqual([])
    expect(await idsOf(reader, { agent: 'writer' })).toEqual(['r-1', 'r-3'])
    expect(await idsOf(reader, { agent: 'a-1', status: 'cancelled' })).toEqual(['r-3'])
    expect(await idsOf(reader, { since: at(1) })).toEqual(['r-2', 'r-3'])
    expect(await idsOf(reader, { since: at(0), until: at(2) })).toEqual(['r-1', 'r-3'])
  })

  test('names the field of a query that cannot be meant', async () => {
    const reader = await readerOfEvents()
    expect(() => reader.runs({ status: 'fialed' as 'failed' })).toThrow(/status: expected one of 'running', .*'fialed'/)
    expect(() => reader.runs({ runId: 'r-1' } as Record<never, never>)).toThrow(/runId: no such field/)
    expect(() => reader.runs({ since: at(1), until: at(0) })).toThrow(/since/)
  })
})
