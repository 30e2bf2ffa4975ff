import { describe, expect, test } from 'vitest'
import { filled, readerOf, readerOfEvents, seqsOf, unchecked } from '../../test/reader/reader-of.js'
import { storedId } from '../events/ids.js'
import type { AuditEvent } from '../events/types.js'
import { memoryStore } from '../store/memory/index.js'

const noon = '2026-05-01T12:00:00Z'

/** Five events, a second apart, from noon on. */
function aSecondApart(): Partial<AuditEvent>[] {
  return [0, 1, 2, 3, 4].map((second) => ({ time: `2026-05-01T12:00:0${second}Z` }))
}

describe('the time window', () => {
  test('since includes an event of that very time, until excludes it', async () => {
    const reader = await readerOfEvents(...aSecondApart())
    const found = await reader.events({ since: '2026-05-01T12:00:01Z', until: '2026-05-01T12:00:03Z' }).toArray()
    expect(seqsOf(found)).toEqual([1, 2])
  })

  test('tells nanoseconds apart', async () => {
    const reader = await readerOfEvents(
      { time: '2026-05-01T12:00:00.000000001Z' },
      { time: '2026-05-01T12:00:00.000000002Z' },
    )
    expect(seqsOf(await reader.events({ since: '2026-05-01T12:00:00.000000002Z' }).toArray())).toEqual([1])
    expect(seqsOf(await reader.events({ until: '2026-05-01T12:00:00.000000002Z' }).toArray())).toEqual([0])
  })

  test.each([
    ['another offset', '2026-05-01T14:00:02+02:00'],
    ['a Date', new Date('2026-05-01T12:00:02Z')],
    ['milliseconds', Date.parse('2026-05-01T12:00:02Z')],
  ])('may be given as %s', async (_form, since) => {
    const reader = await readerOfEvents(...aSecondApart())
    expect(seqsOf(await reader.events({ since }).toArray())).toEqual([2, 3, 4])
  })

  test('finds an event that came late where the log has it', async () => {
    const late = [{ time: '2026-05-01T12:00:09Z' }, { time: noon }, { time: '2026-05-01T12:00:10Z' }]
    const reader = await readerOfEvents(...late)
    expect(seqsOf(await reader.events({ until: '2026-05-01T12:00:01Z' }).toArray())).toEqual([1])
  })
})

describe('positions', () => {
  test('afterSeq excludes the event at it, in either order', async () => {
    const reader = await readerOfEvents({}, {}, {}, {}, {})
    expect(seqsOf(await reader.events({ afterSeq: 2 }).toArray())).toEqual([3, 4])
    expect(seqsOf(await reader.events({ afterSeq: 2, order: 'desc' }).toArray())).toEqual([4, 3])
    expect(seqsOf(await reader.events({ afterSeq: -1 }).toArray())).toEqual([0, 1, 2, 3, 4])
    expect(await reader.events({ afterSeq: 4 }).toArray()).toEqual([])
  })

  test('beforeSeq excludes the event at it, and pages backwards', async () => {
    const reader = await readerOfEvents({}, {}, {}, {}, {})
    expect(seqsOf(await reader.events({ beforeSeq: 2 }).toArray())).toEqual([0, 1])
    expect(seqsOf(await reader.events({ beforeSeq: 4, order: 'desc', limit: 2 }).toArray())).toEqual([3, 2])
    expect(await reader.events({ beforeSeq: 0, order: 'desc' }).toArray()).toEqual([])
  })

  test('get returns the event at a position, and nothing past the end', async () => {
    const reader = await readerOfEvents({ id: 'first' }, { id: 'second' })
    expect(await reader.get(1)).toMatchObject({ seq: 1, id: 'second' })
    expect(await reader.get(2)).toBeUndefined()
    expect(await reader.head()).toMatchObject({ size: 2 })
  })
})

describe('filters', () => {
  test('are all ANDed, and the limit counts what passes them, in the asked order', async () => {
    const wanted = { tenantId: 'acme', sessionId: 's-1', runId: 'r-1', agent: { name: 'writer' } }
    const reader = await readerOfEvents(
      { ...wanted },
      { ...wanted, tenantId: 'other' },
      { ...wanted, sessionId: 's-2' },
      { ...wanted },
      { ...wanted, runId: 'r-2' },
      { ...wanted, agent: { name: 'reader' } },
      { ...wanted, type: 'resumed', data: {} },
      { ...wanted },
    )
    const query = { tenantId: 'acme', sessionId: 's-1', runId: 'r-1', agent: 'writer', type: 'custom' } as const
    expect(seqsOf(await reader.events(query).toArray())).toEqual([0, 3, 7])
    expect(seqsOf(await reader.events({ ...query, limit: 2 }).toArray())).toEqual([0, 3])
    expect(seqsOf(await reader.events({ ...query, limit: 2, order: 'desc' }).toArray())).toEqual([7, 3])
    expect(await reader.events(query).count()).toBe(3)
    expect(await reader.events({ ...query, limit: 2 }).count()).toBe(2)
  })

  test('an agent is found by its id and by its name', async () => {
    const reader = await readerOfEvents({ agent: { id: 'a-1', name: 'writer' } }, { agent: { id: 'a-2' } }, {})
    expect(seqsOf(await reader.events({ agent: 'a-1' }).toArray())).toEqual([0])
    expect(seqsOf(await reader.events({ agent: 'writer' }).toArray())).toEqual([0])
  })

  test('an actor is found by its id, a tool by the name that its calls and approvals give, also in sums and lists', async () => {
    const actor = { id: 'u-1' }
    const data = { callId: 'c', tool: { name: 'search' } }
    const reader = await readerOfEvents(
      { runId: 'r-1', type: 'run_started', data: { agent: { name: 'writer' } } },
      { runId: 'r-1', actor, type: 'tool_call_completed', data },
      { runId: 'r-2', actor: { id: 'u-2' }, type: 'tool_approval_granted', data },
      { runId: 'r-2', agent: { name: 'search' }, type: 'custom', data: { name: 'search', tool: { name: 'search' } } },
      { runId: 'r-2', type: 'tool_call_failed', data: { ...data, tool: { name: 'send' } } },
    )
    expect(seqsOf(await reader.events({ actorId: 'u-1' }).toArray())).toEqual([1])
    expect(seqsOf(await reader.events({ tool: 'search' }).toArray())).toEqual([1, 2])
    expect(seqsOf(await reader.events({ tool: 'search', actorId: 'u-2' }).toArray())).toEqual([2])
    expect(await reader.events({ tool: 'send', type: 'tool_call_failed' }).count()).toBe(1)
    expect((await reader.stats({ tool: 'search' })).total.toolCalls).toEqual({ completed: 1, failed: 0 })
    expect((await reader.stats({ actorId: 'u-2' })).total.toolCalls).toEqual({ completed: 0, failed: 0 })
    // A run may have learnt after its start on whose behalf it is.
    expect((await reader.runs({ actorId: 'u-1' }).toArray()).map(({ runId }) => runId)).toEqual(['r-1'])
    const following = reader.follow({ tool: 'send' }, { afterSeq: -1 })[Symbol.asyncIterator]()
    expect((await following.next()).value).toMatchObject({ seq: 4 })
    await following.return?.()
  })

  test('any of several types will do, and types of one event are not counted twice', async () => {
    const reader = await readerOfEvents(
      { type: 'resumed', data: {} },
      {},
      { type: 'agent_handoff', data: { to: 'writer' } },
      { type: 'run_failed', data: { error: { code: 'x', message: '' } } },
    )
    const type = ['agent_handoff', 'resumed', 'agent_handoff'] as const
    expect(seqsOf(await reader.events({ type }).toArray())).toEqual([0, 2])
    expect(await reader.events({ type }).count()).toBe(2)
  })

  test('an unknown session is empty', async () => {
    const reader = await readerOfEvents({ sessionId: 's-1' })
    expect(await reader.events({ sessionId: 's' }).toArray()).toEqual([])
    expect(await reader.events({ sessionId: 's-2' }).count()).toBe(0)
  })

  test('the same session id under two tenants stays apart when the tenant is named', async () => {
    const reader = await readerOfEvents(
      { tenantId: 'acme', sessionId: 's-1' },
      { tenantId: 'globex', sessionId: 's-1' },
      { tenantId: 'acme', sessionId: 's-1' },
    )
    expect(seqsOf(await reader.events({ tenantId: 'acme', sessionId: 's-1' }).toArray())).toEqual([0, 2])
    expect(seqsOf(await reader.events({ tenantId: 'globex', sessionId: 's-1' }).toArray())).toEqual([1])
    expect(seqsOf(await reader.events({ sessionId: 's-1' }).toArray())).toEqual([0, 1, 2])
  })

  test('an id that was too long, or no well-formed text, is found by what the application calls it', async () => {
    const ids = ['x'.repeat(5000), 'lone \ud800 surrogate']
    const reader = await readerOfEvents(...ids.map((id) => ({ sessionId: storedId(id) })))
    for (const [seq, sessionId] of ids.entries()) {
      expect(seqsOf(await reader.events({ sessionId }).toArray())).toEqual([seq])
    }
  })
})

describe('types', () => {
  test('an event of a type from the future is readable, and can be asked for', async () => {
    const future = unchecked({ type: 'agent_dreamt', data: { of: ['electric', 'sheep'] } })
    const reader = await readerOfEvents({}, future)
    const [event] = await reader.events({ afterSeq: 0 }).toArray()
    expect(event).toMatchObject({ seq: 1, ...future })
    expect(seqsOf(await reader.events({ type: 'agent_dreamt' }).toArray())).toEqual([1])
  })

  test('a type that is known to nobody is an error that names the nearest one', async () => {
    const reader = await readerOfEvents({})
    const expected = {
      code: 'AUDIT_QUERY_INVALID',
      message: expect.stringMatching(/type: .*did you mean 'run_failed'/),
    }
    await expect(reader.events({ type: 'run_faild' }).toArray()).rejects.toMatchObject(expected)
    await expect(reader.events({ type: ['run_started', 'run_faild'] }).count()).rejects.toMatchObject(expected)
  })

  test('an own type of the log is known before the log has any event of it', async () => {
    const reader = readerOf(await filled(memoryStore(), []), ['invoice_sent'])
    expect(await reader.events({ type: 'invoice_sent' }).toArray()).toEqual([])
  })
})
