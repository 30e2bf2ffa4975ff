import { describe, expect, test } from 'vitest'
import { filled, readerOf, readerOfEvents, unchecked } from '../../test/reader/reader-of.js'
import { parseTimestamp } from '../events/time.js'
import type { AuditEvent, AuditEventData, AuditEventType, TokenUsage } from '../events/types.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries } from '../testing/index.js'
import { type AuditLogReader, MAX_LISTED, type RunSummary, type RunTree } from './index.js'

type Scope = Partial<Omit<AuditEvent, 'type' | 'data'>>

/** An event of run `r-1`, unless the scope names another. */
function event<T extends AuditEventType>(type: T, data: AuditEventData<T>, scope: Scope = {}): Partial<AuditEvent> {
  return unchecked({ runId: 'r-1', ...scope, type, data })
}

const at = (second: number) => parseTimestamp(Date.UTC(2026, 4, 1, 12, 0, second)) as string
const error = { code: 'RateLimit', message: 'slow down' }
const tokens = (n: number): TokenUsage => ({ inputTokens: n, outputTokens: 2 * n, totalTokens: 3 * n })
const started = (scope: Scope = {}) => event('run_started', { agent: { name: 'writer' } }, scope)
const completed = (scope: Scope = {}) => event('run_completed', { usage: tokens(0) }, scope)

async function runOf(...events: Partial<AuditEvent>[]): Promise<RunTree> {
  const run = await (await readerOfEvents(...events)).run('r-1')
  if (!run) throw new Error('the log has no run r-1')
  return run
}

async function idsOf(reader: AuditLogReader, query: Parameters<AuditLogReader['runs']>[0]): Promise<string[]> {
  return (await reader.runs(query).toArray()).map(({ runId }) => runId)
}

describe('the status of a run', () => {
  test('is running while it has no end', async () => {
    const run = await runOf(started({ time: at(0), agent: { id: 'a-1', name: 'writer' } }))
    expect(run).toMatchObject({ status: 'running', startedAt: at(0), agent: { id: 'a-1', name: 'writer' } })
    expect(run).not.toHaveProperty('endedAt')
    expect(run).not.toHaveProperty('durationMs')
    expect(run).not.toHaveProperty('error')
  })

  test.each<[status: RunSummary['status'], end: Partial<AuditEvent>, said: Partial<RunSummary>]>([
    [
      'completed',
      event('run_completed', { usage: tokens(1), finishReason: 'stop', durationMs: 2500 }),
      { finishReason: 'stop', durationMs: 2500 },
    ],
    ['failed', event('run_failed', { error, durationMs: 2500 }), { error, durationMs: 2500 }],
    ['cancelled', event('run_cancelled', { reason: 'by the user' }), { reason: 'by the user', durationMs: 3000 }],
    ['suspended', event('run_suspended', { reason: 'approval' }), { reason: 'approval', durationMs: 3000 }],
    ['interrupted', event('run_interrupted', { reason: 'process_died' }), { reason: 'process_died' }],
  ])('is %s after such an end', async (status, end, said) => {
    const run = await runOf(started({ time: at(0) }), { ...end, time: at(3) })
    expect(run).toMatchObject({ status, startedAt: at(0), endedAt: at(3), ...said })
  })

  test.each([event('resumed', {}), started()])('goes back to running when a suspended run goes on', async (again) => {
    const suspended = event('run_suspended', { reason: 'approval', durationMs: 10 }, { time: at(1) })
    const goesOn = [started({ time: at(0) }), suspended, { ...again, time: at(8) }]
    const run = await runOf(...goesOn)
    expect(run).toMatchObject({ status: 'running', startedAt: at(0) })
    expect(run).not.toHaveProperty('endedAt')
    expect(run).not.toHaveProperty('reason')

    const ended = await runOf(...goesOn, event('run_completed', { usage: tokens(0), durationMs: 10 }, { time: at(9) }))
    expect(ended).toMatchObject({ status: 'completed', startedAt: at(0), endedAt: at(9), durationMs: 9000 })
  })

  test('counts resumptions', async () => {
    expect(await runOf(started(), event('resumed', {}), event('resumed', {}))).toMatchObject({ resumedCount: 2 })
  })
})

describe('the summary of a run', () => {
  test('is complete when only its end is known', async () => {
    const end = { startedAt: at(0), durationMs: 4000, error, usage: tokens(5) }
    const run = await runOf(event('run_failed', end, { time: at(4), agent: { name: 'writer' } }))
    expect(run).toMatchObject({ status: 'failed', startedAt: at(0), endedAt: at(4), durationMs: 4000, error })
    expect(run).toMatchObject({ agent: { name: 'writer' }, usage: tokens(5), eventCount: 1, firstSeq: 0, lastSeq: 0 })
  })

  test('adds up the tokens that the run reported, once, and costs only where they were reported', async () => {
    const events = [
      started(),
      event('token_usage_updated', { ...tokens(1), model: 'm-1' }),
      event('token_usage_updated', { ...tokens(2), cachedInputTokens: 7 }),
      event('token_usage_updated', tokens(50), { runId: 'r-2' }),
      event('run_completed', { usage: { ...tokens(3), cachedInputTokens: 7 } }),
    ]
    const run = await runOf(...events)
    expect(run.usage).toEqual({ ...tokens(3), cachedInputTokens: 7 })
    expect(run.model).toBe('m-1')
    const priced = await runOf(...events, event('token_usage_updated', { ...tokens(0), costUsd: 0.25 }))
    expect(priced.usage).toEqual({ ...tokens(3), cachedInputTokens: 7, costUsd: 0.25 })
  })

  test('takes the start and the end of a tool call together', async () => {
    const call = (callId: string, name = 'search') => ({ callId, tool: { name } })
    const run = await runOf(
      started(),
      event('tool_call_started', call('c-1'), { time: at(1) }),
      event('tool_call_started', call('c-2', 'fetch'), { time: at(2) }),
      event('tool_call_completed', call('c-1'), { time: at(3) }),
      event('tool_call_failed', { ...call('c-2', 'fetch'), durationMs: 900, error }, { time: at(4) }),
      event('tool_call_started', call('c-1'), { time: at(5) }),
      event('tool_call_completed', { ...call('c-3'), durationMs: 40 }, { time: at(6) }),
      event('tool_call_completed', call('c-2', 'fetch'), { time: at(7) }),
    )
    expect(run.toolCalls).toEqual([
      { callId: 'c-1', name: 'search', status: 'completed', startedAt: at(1), endedAt: at(3), durationMs: 2000 },
      { callId: 'c-2', name: 'fetch', status: 'failed', startedAt: at(2), endedAt: at(4), durationMs: 900, error },
      { callId: 'c-1', name: 'search', status: 'running', startedAt: at(5) },
      { callId: 'c-3', name: 'search', status: 'completed', endedAt: at(6), durationMs: 40 },
      { callId: 'c-2', name: 'fetch', status: 'completed', endedAt: at(7) },
    ])
  })

  test('a tool call without an end is unfinished once the run is over', async () => {
    const call = event('tool_call_started', { callId: 'c-1', tool: { name: 'search' } })
    const waiting = await runOf(started(), call, event('run_suspended', { reason: 'approval' }))
    expect(waiting.toolCalls[0]?.status).toBe('running')
    const over = await runOf(started(), call, event('run_interrupted', { reason: 'process_died' }))
    expect(over.toolCalls[0]?.status).toBe('unfinished')
  })

  test('lists what else happened, as it was recorded', async () => {
    const tool = { name: 'pay' }
    const run = await runOf(
      started({ actor: { id: 'u-1' } }),
      event('agent_handoff', { to: 'editor' }),
      event('memory_recall', { tier: 'long', hits: 0 }),
      event('context_compacted', { droppedTokens: 9 }),
      event('usage_limit_exceeded', { axis: 'turns', limit: 3 }),
      event('error_occurred', { error, operation: 'chat' }),
      event('tool_approval_requested', { callId: 'c', tool }),
      event('tool_approval_denied', { callId: 'c', tool, by: 'u-2' }),
      event('policy_violation', { rule: 'no-payments', action: 'blocked' }),
      event('sub_agent_invoked', { agentId: 'a-2', subThreadId: 's-2' }),
      event('custom', { name: 'note' }),
    )
    expect(run).toMatchObject({
      actor: { id: 'u-1' },
      handoffs: [{ seq: 1, data: { to: 'editor' } }],
      memoryRecalls: [{ seq: 2, data: { hits: 0 } }],
      compactions: [{ seq: 3, data: { droppedTokens: 9 } }],
      limits: [{ seq: 4, data: { axis: 'turns' } }],
      errors: [{ seq: 5, data: { error, operation: 'chat' } }],
      approvals: [{ type: 'tool_approval_requested' }, { type: 'tool_approval_denied', data: { by: 'u-2' } }],
      policyViolations: [{ data: { rule: 'no-payments' } }],
      subAgents: [{ data: { agentId: 'a-2' } }],
      omitted: 0,
      eventCount: 11,
      lastSeq: 10,
    })
    expect(run.handoffs[0]?.data).not.toHaveProperty('from')
  })

  test('belongs to the real session, not to the trace or run id that stood in for it', async () => {
    const trace = { traceId: 'f'.repeat(32), spanId: 'e'.repeat(16) }
    const derived = { sessionId: trace.traceId, trace }
    const byHand = { sessionId: 'r-1' }
    expect(await runOf(started(derived), completed(derived))).toMatchObject({ sessionId: trace.traceId })
    const learnt = [started(derived), event('custom', { name: 'x' }, { trace, sessionId: 's-9' })]
    expect(await runOf(...learnt, completed(derived), completed(byHand))).toMatchObject({ sessionId: 's-9' })
    const interrupted = event('run_interrupted', { reason: 'process_died' }, { sessionId: trace.traceId })
    expect(await runOf(...learnt, interrupted)).toMatchObject({ sessionId: 's-9' })
    expect(await runOf(...learnt, completed({ sessionId: 's-10' }))).toMatchObject({ sessionId: 's-10' })
  })

  test('keeps to its own agent when another takes over, and learns its id later', async () => {
    const run = await runOf(
      started({ agent: { name: 'writer' } }),
      event('custom', { name: 'x' }, { agent: { name: 'editor' } }),
      event('resumed', {}, { agent: { id: 'a-2', name: 'editor' } }),
      completed({ agent: { id: 'a-1', name: 'writer' } }),
    )
    expect(run.agent).toEqual({ id: 'a-1', name: 'writer' })
  })

  test('survives events whose data is not what their type says', async () => {
    const types = ['run_started', 'tool_call_started', 'tool_call_failed', 'token_usage_updated', 'run_failed']
    const bad: unknown[] = [undefined, null, 7, [], {}, { agent: 7, tool: 'x', callId: {}, error: [], durationMs: 'x' }]
    const events = types.flatMap((type) => bad.map((data) => unchecked({ runId: 'r-1', type, data })))
    const run = await runOf(...events, event('token_usage_updated', { ...tokens(1), costUsd: Number.NaN }))
    expect(run).toMatchObject({ status: 'failed', usage: tokens(1), eventCount: events.length + 1 })
  })

  test('of a run of any length holds a bounded list, and says how much it leaves out', async () => {
    const calls = sealedEntries(2 * MAX_LISTED + 6, (n) => {
      const data = { callId: `c-${n >> 1}`, tool: { name: 'search' } }
      return n % 2 === 0 ? event('tool_call_started', data) : event('tool_call_completed', data)
    })
    const recalls = sealedEntries(MAX_LISTED + 2, () => event('memory_recall', { tier: 'long' }))
    const run = await readerOf(await filled(memoryStore(), [calls, recalls])).run('r-1')
    expect(run?.toolCalls).toHaveLength(MAX_LISTED)
    expect(run?.memoryRecalls).toHaveLength(MAX_LISTED)
    expect(run).toMatchObject({ omitted: 3 + 2, eventCount: calls.length + recalls.length })
  })
})

describe('run', () => {
  test('is undefined for a run the log has no event of', async () => {
    const reader = await readerOfEvents(started())
    expect(await reader.run('r-2')).toBeUndefined()
    expect(await reader.run('r-1', { tenantId: 'elsewhere' })).toBeUndefined()
  })

  test('wants to know whose run is meant when several tenants have one of that id', async () => {
    const reader = await readerOfEvents(started({ tenantId: 'acme' }), started({ tenantId: 'globex' }))
    const invalid = { code: 'AUDIT_INVALID_QUERY', message: expect.stringContaining("'acme' and 'globex'") }
    await expect(reader.run('r-1')).rejects.toMatchObject(invalid)
    expect(await reader.run('r-1', { tenantId: 'globex' })).toMatchObject({ tenantId: 'globex', eventCount: 1 })
    await expect(reader.run('')).rejects.toMatchObject({ code: 'AUDIT_INVALID_QUERY' })
  })
})

describe('sub-runs', () => {
  const invoked = (parent: string, subRunId: string, scope: Scope = {}) =>
    event('sub_agent_invoked', { agentId: 'a', subThreadId: 's-sub', subRunId }, { runId: parent, ...scope })
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

  test('count once in the total, and not in the usage of the run above', async () => {
    const run = await runOf(
      started(),
      event('token_usage_updated', tokens(1)),
      invoked('r-1', 'r-2'),
      event('token_usage_updated', { ...tokens(10), costUsd: 0.5 }, { runId: 'r-2', parentRunId: 'r-1' }),
      completed({ runId: 'r-2', parentRunId: 'r-1' }),
      event('token_usage_updated', tokens(100), { runId: 'r-3', parentRunId: 'r-2' }),
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
      event('run_suspended', { reason: 'approval' }),
      event('resumed', {}),
      event('custom', { name: 'not of any known start' }, { runId: 'r-0' }),
      completed({ runId: 'only-its-end' }),
      completed(),
    )
    expect(await idsOf(reader, {})).toEqual(['r-1', 'r-2', 'only-its-end'])
    expect(await idsOf(reader, { order: 'desc' })).toEqual(['only-its-end', 'r-2', 'r-1'])
    expect(await idsOf(reader, { limit: 2 })).toEqual(['r-1', 'r-2'])
    const [first] = await reader.runs({ limit: 1 }).toArray()
    const { subRuns: _, totalUsage: __, ...summary } = (await reader.run('r-1')) as RunTree
    expect(first).toEqual(summary)
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
    const failed = (runId: string) => event('run_failed', { error }, { runId })
    const reader = await readerOfEvents(
      started(),
      failed('r-1'),
      event('resumed', {}),
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
      event('custom', { name: 'x' }, { time: at(1), sessionId: 's-1', trace }),
      started({ runId: 'r-2', time: at(2), sessionId: 's-2', agent: { name: 'editor' } }),
      event('run_cancelled', { startedAt: at(1), reason: 'x' }, { runId: 'r-3', time: at(3), ...writer }),
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
