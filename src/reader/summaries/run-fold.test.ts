import { describe, expect, test } from 'vitest'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import { at, completed, error, runEvent, runOf, started, tokens } from '../../../test/reader/run-events.js'
import type { AuditEvent } from '../../events/types.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'
import { MAX_LISTED, type RunSummary } from '../index.js'

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
      runEvent('run_completed', { usage: tokens(1), finishReason: 'stop', durationMs: 2500 }),
      { finishReason: 'stop', durationMs: 2500 },
    ],
    ['failed', runEvent('run_failed', { error, durationMs: 2500 }), { error, durationMs: 2500 }],
    ['cancelled', runEvent('run_cancelled', { reason: 'by the user' }), { reason: 'by the user', durationMs: 3000 }],
    ['suspended', runEvent('run_suspended', { reason: 'approval' }), { reason: 'approval', durationMs: 3000 }],
    ['interrupted', runEvent('run_interrupted', { reason: 'process_died' }), { reason: 'process_died' }],
  ])('is %s after such an end', async (status, end, said) => {
    const run = await runOf(started({ time: at(0) }), { ...end, time: at(3) })
    expect(run).toMatchObject({ status, startedAt: at(0), endedAt: at(3), ...said })
  })

  test.each([runEvent('resumed', {}), started()])(
    'goes back to running when a suspended run goes on',
    async (again) => {
      const suspended = runEvent('run_suspended', { reason: 'approval', durationMs: 10 }, { time: at(1) })
      const goesOn = [started({ time: at(0) }), suspended, { ...again, time: at(8) }]
      const run = await runOf(...goesOn)
      expect(run).toMatchObject({ status: 'running', startedAt: at(0) })
      expect(run).not.toHaveProperty('endedAt')
      expect(run).not.toHaveProperty('reason')

      const ended = await runOf(
        ...goesOn,
        runEvent('run_completed', { usage: tokens(0), durationMs: 10 }, { time: at(9) }),
      )
      expect(ended).toMatchObject({ status: 'completed', startedAt: at(0), endedAt: at(9), durationMs: 9000 })
    },
  )

  test('says what it rests on where that is no evidence: the weaker of start and end', async () => {
    const by = (confidence: 'heuristic' | 'claimed') => ({ source: { convention: 'c', scope: 's', confidence } })
    const ended = runEvent('run_completed', { usage: tokens(0) })
    expect(await runOf(started(), ended)).not.toHaveProperty('confidence')
    expect(await runOf(started(), { ...ended, ...by('heuristic') })).toMatchObject({ confidence: 'heuristic' })
    expect(await runOf({ ...started(), ...by('claimed') }, { ...ended, ...by('heuristic') })).toMatchObject({
      confidence: 'claimed',
    })
  })

  test('tells resumptions that only a client claims from others', async () => {
    const source = { convention: 'c', scope: 's', confidence: 'claimed' as const }
    const run = await runOf(started(), runEvent('resumed', {}, { source }), runEvent('resumed', {}))
    expect(run).toMatchObject({ resumedCount: 2, claimedResumedCount: 1 })
    expect(await runOf(started(), runEvent('resumed', {}))).not.toHaveProperty('claimedResumedCount')
  })

  test('counts resumptions', async () => {
    expect(await runOf(started(), runEvent('resumed', {}), runEvent('resumed', {}))).toMatchObject({ resumedCount: 2 })
  })
})

describe('the summary of a run', () => {
  test('is complete when only its end is known', async () => {
    const end = { startedAt: at(0), durationMs: 4000, error, usage: tokens(5) }
    const run = await runOf(runEvent('run_failed', end, { time: at(4), agent: { name: 'writer' } }))
    expect(run).toMatchObject({ status: 'failed', startedAt: at(0), endedAt: at(4), durationMs: 4000, error })
    expect(run).toMatchObject({ agent: { name: 'writer' }, usage: tokens(5), eventCount: 1, firstSeq: 0, lastSeq: 0 })
  })

  test('adds up the tokens that the run reported, once, and costs only where they were reported', async () => {
    const events = [
      started(),
      runEvent('token_usage_updated', { ...tokens(1), model: 'm-1' }),
      runEvent('token_usage_updated', { ...tokens(2), cachedInputTokens: 7 }),
      runEvent('token_usage_updated', tokens(50), { runId: 'r-2' }),
      runEvent('run_completed', { usage: { ...tokens(3), cachedInputTokens: 7 } }),
    ]
    const run = await runOf(...events)
    expect(run.usage).toEqual({ ...tokens(3), cachedInputTokens: 7 })
    expect(run.model).toBe('m-1')
    const priced = await runOf(...events, runEvent('token_usage_updated', { ...tokens(0), costUsd: 0.25 }))
    expect(priced.usage).toEqual({ ...tokens(3), cachedInputTokens: 7, costUsd: 0.25 })
  })

  test('takes the start and the end of a tool call together', async () => {
    const call = (callId: string, name = 'search') => ({ callId, tool: { name } })
    const run = await runOf(
      started(),
      runEvent('tool_call_started', call('c-1'), { time: at(1) }),
      runEvent('tool_call_started', call('c-2', 'fetch'), { time: at(2) }),
      runEvent('tool_call_completed', call('c-1'), { time: at(3) }),
      runEvent('tool_call_failed', { ...call('c-2', 'fetch'), durationMs: 900, error }, { time: at(4) }),
      runEvent('tool_call_started', call('c-1'), { time: at(5) }),
      runEvent('tool_call_completed', { ...call('c-3'), durationMs: 40 }, { time: at(6) }),
      runEvent('tool_call_completed', call('c-2', 'fetch'), { time: at(7) }),
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
    const call = runEvent('tool_call_started', { callId: 'c-1', tool: { name: 'search' } })
    const waiting = await runOf(started(), call, runEvent('run_suspended', { reason: 'approval' }))
    expect(waiting.toolCalls[0]?.status).toBe('running')
    const over = await runOf(started(), call, runEvent('run_interrupted', { reason: 'process_died' }))
    expect(over.toolCalls[0]?.status).toBe('unfinished')
  })

  test('lists what else happened, as it was recorded', async () => {
    const tool = { name: 'pay' }
    const run = await runOf(
      started({ actor: { id: 'u-1' } }),
      runEvent('agent_handoff', { to: 'editor' }),
      runEvent('memory_recall', { tier: 'long', hits: 0 }),
      runEvent('context_compacted', { droppedTokens: 9 }),
      runEvent('usage_limit_exceeded', { axis: 'turns', limit: 3 }),
      runEvent('error_occurred', { error, operation: 'chat' }),
      runEvent('tool_approval_requested', { callId: 'c', tool }),
      runEvent('tool_approval_denied', { callId: 'c', tool, by: 'u-2' }),
      runEvent('policy_violation', { rule: 'no-payments', action: 'blocked' }),
      runEvent('sub_agent_invoked', { agentId: 'a-2', subThreadId: 's-2' }),
      runEvent('policy_decision', { policy: 'refunds', verdict: 'deny' }),
      runEvent('guardrail_evaluated', { guardrail: 'pii', verdict: 'pass' }),
      runEvent('memory_written', { tier: 'long', records: 2 }),
      runEvent('memory_deleted', { tier: 'long' }),
      runEvent('intervention', { kind: 'kill_switch' }),
      runEvent('custom', { name: 'note' }),
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
      policyDecisions: [{ data: { verdict: 'deny' } }],
      guardrails: [{ data: { guardrail: 'pii' } }],
      memoryWrites: [{ type: 'memory_written', data: { records: 2 } }, { type: 'memory_deleted' }],
      interventions: [{ data: { kind: 'kill_switch' } }],
      counts: { policyDecisions: 1, guardrails: 1, memoryWrites: { written: 1, deleted: 1 }, interventions: 1 },
      omitted: 0,
      eventCount: 16,
      lastSeq: 15,
    })
    expect(run.handoffs[0]?.data).not.toHaveProperty('from')
  })

  test('belongs to the real session, not to the trace or run id that stood in for it', async () => {
    const trace = { traceId: 'f'.repeat(32), spanId: 'e'.repeat(16) }
    const derived = { sessionId: trace.traceId, trace }
    const byHand = { sessionId: 'r-1' }
    expect(await runOf(started(derived), completed(derived))).toMatchObject({ sessionId: trace.traceId })
    const learnt = [started(derived), runEvent('custom', { name: 'x' }, { trace, sessionId: 's-9' })]
    expect(await runOf(...learnt, completed(derived), completed(byHand))).toMatchObject({ sessionId: 's-9' })
    const interrupted = runEvent('run_interrupted', { reason: 'process_died' }, { sessionId: trace.traceId })
    expect(await runOf(...learnt, interrupted)).toMatchObject({ sessionId: 's-9' })
    expect(await runOf(...learnt, completed({ sessionId: 's-10' }))).toMatchObject({ sessionId: 's-10' })
  })

  test('keeps to its own agent when another takes over, and learns its id later', async () => {
    const run = await runOf(
      started({ agent: { name: 'writer' } }),
      runEvent('custom', { name: 'x' }, { agent: { name: 'editor' } }),
      runEvent('resumed', {}, { agent: { id: 'a-2', name: 'editor' } }),
      completed({ agent: { id: 'a-1', name: 'writer' } }),
    )
    expect(run.agent).toEqual({ id: 'a-1', name: 'writer' })
  })

  test('survives events whose data is not what their type says', async () => {
    const types = ['run_started', 'tool_call_started', 'tool_call_failed', 'token_usage_updated', 'run_failed']
    const bad: unknown[] = [undefined, null, 7, [], {}, { agent: 7, tool: 'x', callId: {}, error: [], durationMs: 'x' }]
    const events = types.flatMap((type) => bad.map((data) => unchecked({ runId: 'r-1', type, data })))
    const run = await runOf(...events, runEvent('token_usage_updated', tokens(1)))
    expect(run).toMatchObject({ status: 'failed', usage: tokens(1), eventCount: events.length + 1 })
  })

  test('of a run of any length holds a bounded list, and says how much it leaves out', async () => {
    const calls = sealedEntries(2 * MAX_LISTED + 6, (n) => {
      const data = { callId: `c-${n >> 1}`, tool: { name: 'search' } }
      return n % 2 === 0 ? runEvent('tool_call_started', data) : runEvent('tool_call_completed', data)
    })
    const recalls = sealedEntries(MAX_LISTED + 2, () => runEvent('memory_recall', { tier: 'long' }))
    const run = await readerOf(await filled(memoryStore(), [calls, recalls])).run('r-1')
    expect(run?.toolCalls).toHaveLength(MAX_LISTED)
    expect(run?.memoryRecalls).toHaveLength(MAX_LISTED)
    expect(run).toMatchObject({ omitted: 3 + 2, eventCount: calls.length + recalls.length })
  })

  test('says how many calls it leaves out where only their ends were recorded', async () => {
    const calls = sealedEntries(MAX_LISTED + 7, (n) =>
      runEvent('tool_call_completed', { callId: `c-${n}`, tool: { name: 'search' } }),
    )
    const run = await readerOf(await filled(memoryStore(), [calls])).run('r-1')
    expect(run?.toolCalls).toHaveLength(MAX_LISTED)
    expect(run?.omitted).toBe(7)
  })

  test('leaves the end of a call that it has no room for away from an earlier call of the same id', async () => {
    const other = (n: number) => runEvent('tool_call_completed', { callId: `c-${n}`, tool: { name: 'search' } })
    const again = (type: 'tool_call_started' | 'tool_call_completed') =>
      runEvent(type, { callId: 'again', tool: { name: 'search' } })
    const begun = sealedEntries(1, () => again('tool_call_started'))
    const others = sealedEntries(MAX_LISTED, other)
    const late = sealedEntries(2, (n) => again(n === 0 ? 'tool_call_started' : 'tool_call_completed'))
    const run = await readerOf(await filled(memoryStore(), [begun, others, late])).run('r-1')
    expect(run?.toolCalls[0]).toMatchObject({ callId: 'again', status: 'running' })
    expect(run?.omitted).toBe(2)
  })
})
