import { describe, expect, test } from 'vitest'
import { readPages } from '../../../test/reader/pages.js'
import { filled, readerOf, readerOfEvents } from '../../../test/reader/reader-of.js'
import type { AuditEvent } from '../../events/types.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'

describe('sessions', () => {
  test('are listed in the order of their first events, those of two tenants apart', async () => {
    const run = (runId: string): Partial<AuditEvent> => ({ runId, type: 'run_started', data: { agent: {} } })
    const reader = await readerOfEvents(
      { tenantId: 'acme', sessionId: 's-1', time: '2026-05-01T12:00:00Z', ...run('r-1') },
      { tenantId: 'globex', sessionId: 's-1', time: '2026-05-01T12:00:01Z' },
      { tenantId: 'acme', sessionId: 's-1', time: '2026-05-01T12:00:02Z', ...run('r-2') },
      { tenantId: 'acme', sessionId: 's-2', time: '2026-05-01T12:00:03Z' },
    )
    const first = {
      sessionId: 's-1',
      tenantId: 'acme',
      firstEventAt: '2026-05-01T12:00:00.000000000Z',
      lastEventAt: '2026-05-01T12:00:02.000000000Z',
      events: 2,
      runs: 2,
      firstSeq: 0,
      lastSeq: 2,
    }
    const all = await reader.sessions().toArray()
    expect(all).toMatchObject([first, { tenantId: 'globex', events: 1, runs: 0 }, { sessionId: 's-2' }])
    expect(all[0]).toEqual(first)
    expect(await reader.sessions({ order: 'desc' }).toArray()).toEqual(all.toReversed())
    expect(await reader.sessions({ limit: 1, tenantId: 'globex' }).toArray()).toEqual([all[1]])
    expect(await reader.sessions({ since: '2026-05-01T12:00:02Z' }).toArray()).toEqual([all[0], all[2]])
    expect(await reader.sessions({ until: '2026-05-01T12:00:01Z' }).toArray()).toEqual([all[0]])
    expect(() => reader.sessions({ limit: 0 })).toThrow(/limit/)
  })

  test('are found however far from each other they begin', async () => {
    const others = ['a', 'b', 'c', 'd']
    // Between them goes on a session for longer than positions are walked.
    const sessionAt = (n: number) => (n % 22_000 === 0 ? (others[n / 22_000] as string) : 'long')
    const entries = sealedEntries(88_000, (n) => ({ sessionId: sessionAt(n), tenantId: n < 60_000 ? 't' : 'u' }))
    const reader = readerOf(await filled(memoryStore(), [entries]))
    const ids = (found: readonly { sessionId: string; tenantId: string }[]) =>
      found.map(({ sessionId, tenantId }) => `${sessionId}-${tenantId}`)
    const all = ['a-t', 'long-t', 'b-t', 'c-t', 'long-u', 'd-u']
    expect(ids(await reader.sessions().toArray())).toEqual(all)
    expect(ids(await reader.sessions({ order: 'desc' }).toArray())).toEqual(all.toReversed())
    expect(ids(await reader.sessions({ order: 'desc', tenantId: 't', limit: 3 }).toArray())).toEqual([
      'c-t',
      'b-t',
      'long-t',
    ])
    expect(ids(await readPages(reader.sessions({ order: 'desc' }), [2]))).toEqual(all.toReversed())
  })
})
