import { describe, expect, test } from 'vitest'
import { filled, readerOf, readerOfEvents, unchecked } from '../../../test/reader/reader-of.js'
import { at, completed, error, runEvent, started } from '../../../test/reader/run-events.js'
import type { AuditEvent } from '../../events/types.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'
import type { RunStep } from '../index.js'

function call(type: 'started' | 'completed' | 'failed', callId: string, second = 0): Partial<AuditEvent> {
  return runEvent(`tool_call_${type}`, { callId, tool: { name: 'search' } }, { time: at(second) })
}

function told(steps: readonly RunStep[]): string[] {
  return steps.map(
    (step) => `${step.seq} ${step.kind === 'tool_call' ? `${step.call.callId} ${step.call.status}` : step.kind}`,
  )
}

describe('the steps of a run', () => {
  test('come in append order or the newest first, and a tool call is one of them', async () => {
    const tool = { name: 'pay' }
    const reader = await readerOfEvents(
      started(),
      call('started', 'c-1', 1),
      runEvent('memory_recall', { tier: 'long', hits: 2 }),
      runEvent('tool_approval_denied', { callId: 'c-1', tool }),
      call('failed', 'c-1', 4),
      call('completed', 'c-2', 5),
      runEvent('agent_handoff', { to: 'editor' }),
      runEvent('custom', { name: 'note' }),
      runEvent('context_compacted', {}),
      runEvent('usage_limit_exceeded', { axis: 'turns' }),
      runEvent('error_occurred', { error, operation: 'chat' }),
      runEvent('policy_violation', { rule: 'x', action: 'blocked' }),
      runEvent('sub_agent_invoked', { agentId: 'a', subThreadId: 't' }),
      call('started', 'c-3', 9),
      runEvent('agent_handoff', { to: 'other' }, { runId: 'r-2' }),
    )
    const expected = [
      '1 c-1 failed',
      '2 memory_recall',
      '3 approval',
      '5 c-2 completed',
      '6 handoff',
      '8 compaction',
      '9 limit',
      '10 error',
      '11 policy_violation',
      '12 sub_agent',
      '13 c-3 running',
    ]
    const steps = await reader.run('r-1').steps().toArray()
    expect(told(steps)).toEqual(expected)
    expect(steps[0]).toEqual({
      kind: 'tool_call',
      seq: 1,
      call: { callId: 'c-1', name: 'search', status: 'failed', startedAt: at(1), endedAt: at(4), durationMs: 3000 },
    })
    expect(steps[4]).toMatchObject({ kind: 'handoff', seq: 6, event: { seq: 6, data: { to: 'editor' } } })
    expect(told(await reader.run('r-1').steps({ order: 'desc' }).toArray())).toEqual(expected.toReversed())
    expect(told(await reader.run('r-1').steps({ order: 'desc', limit: 2 }).toArray())).toEqual([
      '13 c-3 running',
      '12 sub_agent',
    ])
  })

  test('of a run that is over leave no call running', async () => {
    const reader = await readerOfEvents(started(), call('started', 'c-1'), completed())
    expect(told(await reader.run('r-1').steps().toArray())).toEqual(['1 c-1 unfinished'])
  })

  test('tell of the end of a call however far from its start it is, in pages of either order', async () => {
    const handoffs = Array.from({ length: 1500 }, () => runEvent('agent_handoff', { to: 'b' }))
    const events = [call('started', 'c-1', 1), ...handoffs, call('completed', 'c-1', 9)]
    const reader = await readerOfEvents(...events, call('completed', 'c-1', 10), call('started', 'c-1', 11))
    const ends = ['1502 c-1 completed', '1503 c-1 running']
    const steps = reader.run('r-1').steps()
    const { items, cursor } = await steps.page({ size: 1 })
    expect(items).toMatchObject([{ call: { startedAt: at(1), endedAt: at(9), durationMs: 8000 } }])
    const rest = await steps.page({ size: 10_000, cursor })
    expect(told(rest.items.slice(-3))).toEqual(['1500 handoff', ...ends])
    const backwards = reader.run('r-1').steps({ order: 'desc' })
    const latest = await backwards.page({ size: 2 })
    expect(told(latest.items)).toEqual(ends.toReversed())
    const earlier = await backwards.page({ size: 10_000, cursor: latest.cursor })
    expect(told([earlier.items[0], earlier.items.at(-1)] as RunStep[])).toEqual(['1500 handoff', '0 c-1 completed'])
    expect(earlier.items).toHaveLength(1501)
  })

  test('go on from a cursor, in another reader too', async () => {
    const events = [started(), ...Array.from({ length: 9 }, (_, n) => call('completed', `c-${n}`))]
    const { cursor } = await (await readerOfEvents(...events)).run('r-1').steps({ limit: 8 }).page({ size: 3 })
    const other = await readerOfEvents(...events)
    if (cursor === undefined) expect.unreachable('there is no second page')
    // The entries of both logs differ in their random ids.
    await expect(other.run('r-1').steps({ limit: 8 }).page({ cursor })).rejects.toMatchObject({
      code: 'AUDIT_CURSOR_INVALID',
    })
    const store = await filled(memoryStore(), [sealedEntries(9, (n) => call('completed', `c-${n}`))])
    const first = await readerOf(store).run('r-1').steps({ limit: 8 }).page({ size: 3 })
    const steps = readerOf(store).run('r-1').steps({ limit: 8 })
    expect(await steps.count()).toBe(8)
    const rest = [3, 4, 5, 6, 7].map((n) => `${n} c-${n} completed`)
    const second = await steps.page({ size: 2, cursor: first.cursor })
    expect(told(second.items)).toEqual(rest.slice(0, 2))
    expect(told((await steps.page({ size: 9, cursor: second.cursor })).items)).toEqual(rest.slice(2))
  })

  test('take no cursor that is damaged or of another query', async () => {
    const reader = await readerOfEvents(call('completed', 'c-1'), call('completed', 'c-2'))
    const { cursor } = await reader.run('r-1').steps().page({ size: 1 })
    const refused = [
      reader.run('r-1').steps().page({ cursor: 'no cursor' }),
      reader
        .run('r-1')
        .steps()
        .page({ cursor: 7 as never }),
      reader.run('r-1').steps({ order: 'desc' }).page({ cursor }),
      reader.run('r-2').steps().page({ cursor }),
      reader.events({ runId: 'r-1' }).page({ cursor }),
    ]
    for (const one of refused) await expect(one).rejects.toMatchObject({ code: 'AUDIT_CURSOR_INVALID' })
  })

  test('are those of one tenant, which has to be named where several have such a run', async () => {
    const reader = await readerOfEvents(
      started({ tenantId: 'a' }),
      { ...call('completed', 'c-1'), tenantId: 'a' },
      { ...call('completed', 'c-2'), tenantId: 'b' },
      { ...call('completed', 'c-3'), tenantId: 'c', runId: 'r-2' },
      { ...call('completed', 'c-4'), tenantId: 'd', runId: 'r-2' },
    )
    // It belongs to the tenant under which it begins.
    expect(told(await reader.run('r-1').steps().toArray())).toEqual(['1 c-1 completed'])
    expect(told(await reader.run('r-1', { tenantId: 'b' }).steps().toArray())).toEqual(['2 c-2 completed'])
    await expect(reader.run('r-2').steps().toArray()).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
    await expect(reader.run('r-2')).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
    expect(told(await reader.run('r-2', { tenantId: 'd' }).steps().toArray())).toEqual(['4 c-4 completed'])
    expect(await reader.run('r-9').steps().toArray()).toEqual([])
    expect(await reader.run('r-9', { tenantId: 'a' }).steps().page()).toEqual({ items: [] })
  })

  test('survive events whose data is not what their type says', async () => {
    const bad: unknown[] = [undefined, null, 7, [], {}, { callId: {}, tool: 'x', error: [] }]
    const types = ['tool_call_started', 'tool_call_failed', 'agent_handoff']
    const events = types.flatMap((type) => bad.map((data) => unchecked({ runId: 'r-1', type, data })))
    const steps = await (await readerOfEvents(...events)).run('r-1').steps().toArray()
    // Calls without an id are taken together like those of one id.
    expect(steps.map(({ kind }) => kind)).toEqual([...Array(11).fill('tool_call'), ...Array(6).fill('handoff')])
  })
})

describe('a run', () => {
  test('is read when it is awaited, once, and not for its steps', async () => {
    const store = await filled(memoryStore(), [sealedEntries(3, (n) => call('completed', `c-${n}`))])
    let barriers = 0
    const reader = readerOf(store)
    const postings = store.postings.bind(store)
    const asked: string[] = []
    store.postings = (index, value, walk) => {
      asked.push(index)
      return postings(index, value, walk)
    }
    const run = reader.run('r-1')
    expect(asked).toEqual([])
    for await (const _ of run.steps()) barriers++
    expect(barriers).toBe(3)
    expect(asked).not.toContain('parent')
    const [once, again] = await Promise.all([run, run.then((tree) => tree)])
    expect(once).toBe(again)
    expect(asked.filter((index) => index === 'parent')).toHaveLength(1)
    expect(await run.finally(() => undefined)).toBe(once)
  })

  test('refuses what cannot be meant: its steps at the call, itself when it is awaited', async () => {
    const reader = await readerOfEvents(started())
    const run = reader.run('')
    expect(() => run.steps()).toThrow(expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }))
    await expect(run).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
    expect(await run.catch(({ code }) => code)).toBe('AUDIT_QUERY_INVALID')
    const steps = (options: unknown) => () => reader.run('r-1').steps(options as never)
    for (const options of [null, 7, { limit: 0 }, { order: 'newest' }, { size: 3 }, { limit: undefined }]) {
      expect(steps(options)).toThrow(expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }))
    }
  })

  test('of calls that never end is read twice for its steps, whatever their number', async () => {
    const size = 6000
    const store = await filled(memoryStore(), [sealedEntries(size, (n) => call('started', `c-${n}`))])
    let read = 0
    const entries = store.entries.bind(store)
    store.entries = async function* (walk) {
      for await (const chunk of entries(walk)) {
        read += chunk.length
        yield chunk
      }
    }
    expect(await readerOf(store).run('r-1').steps().toArray()).toHaveLength(size)
    // Once to find out that nothing begins or ends it.
    expect(read).toBeLessThanOrEqual(3 * size)
  })
})
