import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countingReads } from '../../../test/reader/counting-reads.js'
import { type EngineName, enginesHere, growingLog } from '../../../test/reader/engines.js'
import { ownersIn } from '../../../test/reader/owners.js'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import { LIFECYCLE_TYPES } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries, sealedEntry } from '../../testing/index.js'
import type { SessionSummary } from '../index.js'

// A model of the list of sessions: all events of the log, by session and tenant.

const event = fc.record(
  {
    tenantId: fc.constantFrom('a', 'b'),
    sessionId: fc.constantFrom('s-1', 's-2', 's-3', 's-4', 's-5'),
    runId: fc.constantFrom('r-1', 'r-2', 'r-3', 'r-4'),
    type: fc.constantFrom('run_started', 'resumed', 'run_completed', 'custom', 'custom', 'token_usage_updated'),
  },
  { requiredKeys: ['tenantId', 'sessionId', 'type'] },
)
/** A statement of the log that a run is that of another tenant or session than its events say. */
const identified = fc
  .record({
    tenantId: fc.constantFrom('a', 'b'),
    sessionId: fc.constantFrom('s-1', 's-2', 'r-1'),
    runId: fc.constantFrom('r-1', 'r-2', 'r-3', 'r-4'),
    previous: fc.record(
      { tenantId: fc.constantFrom('a', 'b'), sessionId: fc.constantFrom('s-3', 's-4') },
      { requiredKeys: [] },
    ),
    statementOf: fc.constantFrom('log.example', undefined),
  })
  .map(({ previous, ...fields }) => ({ ...fields, type: 'run_identified', data: { previous } }))
const logOf = (one: fc.Arbitrary<object>) =>
  fc
    .array(one, { maxLength: 60 })
    .map((events) => events.map((fields) => sealedEntry(unchecked({ data: {}, ...fields }))))
const log = fc.oneof(
  logOf(event),
  logOf(fc.oneof({ weight: 8, arbitrary: event }, { weight: 1, arbitrary: identified })),
)

function expected(events: readonly StoredEvent[]): SessionSummary[] {
  const bySession = new Map<string, StoredEvent[]>()
  const ownerOf = ownersIn(events)
  for (const event of events) {
    const { tenantId, sessionId } = ownerOf(event)
    const key = `${tenantId} ${sessionId}`
    bySession.set(key, [...(bySession.get(key) ?? []), event])
  }
  return [...bySession.values()].map((ofSession) => {
    const first = ofSession[0] as StoredEvent
    const last = ofSession.at(-1) as StoredEvent
    const lifecycle = ofSession.filter(({ type }) => (LIFECYCLE_TYPES as readonly string[]).includes(type))
    return {
      sessionId: ownerOf(first).sessionId,
      tenantId: ownerOf(first).tenantId,
      firstEventAt: first.time,
      lastEventAt: last.time,
      events: ofSession.length,
      runs: new Set(lifecycle.flatMap(({ runId }) => runId ?? [])).size,
      firstSeq: first.seq,
      lastSeq: last.seq,
    }
  })
}

const engines: readonly { name: EngineName; logs: number }[] = [
  { name: 'memory', logs: 200 },
  { name: 'LevelDB', logs: 20 },
  { name: 'a snapshot of LevelDB', logs: 5 },
  { name: 'PostgreSQL', logs: 5 },
]

test.each(enginesHere(engines))('of any log, each session is told as its events are, on $name', async (engine) => {
  await fc.assert(
    fc.asyncProperty(log, async (entries) => {
      const { reader, close } = await growingLog(engine.name, entries.length > 0 ? [entries] : [])
      try {
        const sessions = expected(await reader.events().toArray())
        expect(await reader.sessions().toArray()).toEqual(sessions)
        expect(await reader.sessions({ order: 'desc' }).toArray()).toEqual(sessions.toReversed())
        const ofTenant = sessions.filter(({ tenantId }) => tenantId === 'a')
        expect(await reader.sessions({ tenantId: 'a', order: 'desc' }).toArray()).toEqual(ofTenant.reverse())
      } finally {
        await close()
      }
    }),
    { numRuns: engine.logs },
  )
})

test.each(['asc', 'desc'] as const)(
  'few entries are read of sessions that lie among each other (%s)',
  async (order) => {
    // 40 sessions at a time, each of two runs of 50 events.
    const entries = sealedEntries(12_000, (n) => {
      const session = 40 * Math.floor(n / 4000) + (n % 40)
      const step = Math.floor((n % 4000) / 40)
      const type = step % 50 === 0 ? 'run_started' : step % 50 === 49 ? 'run_completed' : 'custom'
      return unchecked({ type, sessionId: `s-${session}`, runId: `r-${session}-${step < 50 ? 1 : 2}`, data: {} })
    })
    const { store, read } = countingReads(await filled(memoryStore(), [entries]))
    const sessions = await readerOf(store).sessions({ order, limit: 20 }).toArray()
    expect(sessions.map(({ events, runs }) => [events, runs])).toEqual(Array.from({ length: 20 }, () => [100, 2]))
    // Of each, its first and its last event, one of each run, and what is read together with these.
    expect(read()).toBeLessThan(8 * 40)
  },
)

test('more sessions than are looked up one by one are listed in their order', async () => {
  const entries = sealedEntries(15_000, (n) => ({ sessionId: `s-${n % 5000}` }))
  const reader = readerOf(await filled(memoryStore(), [entries]))
  const ids = Array.from({ length: 5000 }, (_, n) => `s-${n}`)
  const listed = async (order: 'asc' | 'desc') =>
    (await reader.sessions({ order }).toArray()).map(({ sessionId }) => sessionId)
  expect(await listed('asc')).toEqual(ids)
  expect(await listed('desc')).toEqual(ids.reverse())
})
