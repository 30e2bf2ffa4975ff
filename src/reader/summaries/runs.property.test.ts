import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EngineName, enginesHere, growingLog } from '../../../test/reader/engines.js'
import { ownersIn } from '../../../test/reader/owners.js'
import { readPages } from '../../../test/reader/pages.js'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import { overviewOf } from '../../../test/reader/run-events.js'
import type { AuditEvent, StoredEvent } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/index.js'
import type { AuditLogReader, Results, RunOverview, RunQuery, RunStatus } from '../index.js'

// A model of the list of runs: all events that can tell of a run, by run, with what `run` says of each.

const ENDS: Record<string, readonly RunStatus[]> = {
  run_started: ['running'],
  resumed: ['running'],
  run_completed: ['completed'],
  run_failed: ['failed'],
}

const tenantId = fc.constantFrom('a', 'b')
const sessionId = fc.constantFrom('s-1', 's-2', 'f'.repeat(32))
const runId = fc.constantFrom('r-1', 'r-2', 'r-3', 'r-4')
const agent = fc.constantFrom('writer', 'editor')
const actor = fc.constantFrom('u-1', 'u-2')
const time = fc.integer({ min: 0, max: 9 }).map(atSecond)

function atSecond(second: number): string {
  return `2026-01-01T00:00:0${second}.000000000Z`
}

const event = fc
  .record(
    {
      tenantId,
      sessionId,
      runId,
      agent: agent.map((name) => ({ name })),
      actor: actor.map((id) => ({ id })),
      type: fc.constantFrom(...Object.keys(ENDS), 'custom', 'token_usage_updated'),
      trace: fc.constant({ traceId: 'f'.repeat(32), spanId: 'e'.repeat(16) }),
    },
    { requiredKeys: ['tenantId', 'sessionId', 'type'] },
  )
  .chain((fields) =>
    fc
      .constantFrom({}, { totalTokens: 10 }, { totalTokens: 20, costUsd: 0.5 })
      .map((data) => unchecked({ ...fields, data })),
  )

/** A statement of the log that a run is that of another tenant or session than its events say. */
const identified = fc
  .record({
    tenantId,
    sessionId,
    runId,
    previous: fc.record({ tenantId, sessionId }, { requiredKeys: [] }),
    statementOf: fc.constantFrom('log.example', undefined),
  })
  .map(({ previous, ...fields }) => unchecked({ ...fields, type: 'run_identified', data: { previous } }))

/** Time goes on with the log: a run has no event that is older than its start. */
const logOf = (one: fc.Arbitrary<Partial<AuditEvent>>) =>
  fc.array(fc.tuple(one, fc.integer({ min: 0, max: 60 })), { maxLength: 40 }).map((events) => {
    const entries: SealedEntry[] = []
    for (const [at, [fields, back]] of events.entries()) {
      // Mostly of no event, or of one that is no end of the run.
      const supersedes = ENDS[String(fields.type)] && entries[at - back]?.event.id
      const time = atSecond(Math.floor(at / 4))
      entries.push(sealedEntry({ ...fields, ...(supersedes !== undefined && { supersedes }), time }))
    }
    return entries
  })
const log = fc.oneof(
  logOf(event),
  logOf(fc.oneof({ weight: 8, arbitrary: event }, { weight: 1, arbitrary: identified })),
)

const query: fc.Arbitrary<RunQuery> = fc
  .record(
    {
      tenantId,
      sessionId,
      agent,
      actorId: actor,
      status: fc.oneof(fc.constantFrom('running', 'failed'), fc.constant<RunStatus[]>(['completed', 'running'])),
      since: time,
      until: time,
      order: fc.constantFrom('asc', 'desc'),
      minTotalTokens: fc.integer({ min: 0, max: 30 }),
      minCostUsd: fc.constantFrom(0, 0.5, 1),
      minDurationMs: fc.constantFrom(0, 1000, 3000),
      limit: fc.integer({ min: 1, max: 5 }),
    } satisfies { [K in keyof RunQuery]?: fc.Arbitrary<unknown> },
    { requiredKeys: [] },
  )
  .filter(({ since, until }) => since === undefined || until === undefined || since < until)

async function expected(reader: AuditLogReader, events: readonly StoredEvent[], asked: RunQuery) {
  const { status = ['running', 'completed', 'failed'], since = '', until, order, limit } = asked
  const statuses = typeof status === 'string' ? [status] : status
  const ownerOf = ownersIn(events)
  const telling = events.filter(
    (event) =>
      (asked.tenantId === undefined || ownerOf(event).tenantId === asked.tenantId) &&
      (asked.sessionId === undefined || ownerOf(event).sessionId === asked.sessionId) &&
      (asked.agent === undefined || event.agent?.name === asked.agent) &&
      (asked.actorId === undefined || event.actor?.id === asked.actorId) &&
      event.time >= String(since) &&
      (asked.sessionId !== undefined ||
        asked.actorId !== undefined ||
        ENDS[event.type]?.some((end) => statuses.includes(end))),
  )
  const runs = new Map<string, RunOverview>()
  for (const event of telling) {
    const { runId } = event
    const { tenantId } = ownerOf(event)
    const key = `${tenantId} ${runId}`
    if (runId === undefined || runs.has(key)) continue
    runs.set(key, overviewOf((await reader.run(runId, { tenantId })) ?? expect.fail(key)))
  }
  const wanted = [...runs.values()].filter(
    (run) =>
      statuses.includes(run.status) &&
      (asked.sessionId === undefined || run.sessionId === asked.sessionId) &&
      (asked.agent === undefined || run.agent?.name === asked.agent) &&
      (asked.actorId === undefined || run.actor?.id === asked.actorId) &&
      run.startedAt >= String(since) &&
      (until === undefined || run.startedAt < String(until)) &&
      (asked.minTotalTokens === undefined || run.usage.totalTokens >= asked.minTotalTokens) &&
      (asked.minCostUsd === undefined || Number(run.usage.costUsd) >= asked.minCostUsd) &&
      (asked.minDurationMs === undefined || Number(run.durationMs) >= asked.minDurationMs),
  )
  return (order === 'desc' ? wanted.reverse() : wanted).slice(0, limit)
}

const engines: readonly { name: EngineName; logs: number }[] = [
  { name: 'memory', logs: 100 },
  { name: 'LevelDB', logs: 10 },
  { name: 'a snapshot of LevelDB', logs: 5 },
  { name: 'PostgreSQL', logs: 5 },
]

test.each(enginesHere(engines))(
  'lists in any log exactly the runs that pass the query, in their order, on $name',
  async (engine) => {
    await fc.assert(
      fc.asyncProperty(log, fc.array(query, { minLength: 4 }), async (entries, asked) => {
        const { reader, close } = await growingLog(engine.name, entries.length > 0 ? [entries] : [])
        try {
          const events = await reader.events().toArray()
          for (const one of asked) {
            expect(await reader.runs(one).toArray()).toEqual(await expected(reader, events, one))
          }
        } finally {
          await close()
        }
      }),
      { numRuns: engine.logs },
    )
  },
)

test.each(enginesHere(engines))(
  'pages of runs, sessions and agents are of the moment of the first, on $name',
  async (engine) => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })
    const listing = fc.record(
      { tenantId, since: time, order: query.map(({ order = 'asc' }) => order), limit: fc.integer({ min: 1, max: 5 }) },
      { requiredKeys: [] },
    )
    const example = fc.record({ entries: log, more: log, runQuery: query, asked: listing, sizes })
    await fc.assert(
      fc.asyncProperty(example, async ({ entries, more, runQuery, asked, sizes }) => {
        const { reader, commit, close } = await growingLog(engine.name, entries.length > 0 ? [entries] : [])
        try {
          for (const results of [reader.runs(runQuery), reader.sessions(asked), reader.agents(asked)]) {
            const atOnce = await (results as Results<unknown>).toArray()
            expect(await results.count()).toBe(atOnce.length)
            const paged = await readPages<unknown>(results as Results<unknown>, sizes, async () => {
              if (more.length > 0) await commit(more)
            })
            expect(paged).toEqual(atOnce)
          }
        } finally {
          await close()
        }
      }),
      { numRuns: engine.logs },
    )
  },
)

test('every run that has begun or ended is listed, and every session that has an event', async () => {
  await fc.assert(
    fc.asyncProperty(log, async (entries) => {
      const reader = readerOf(await filled(memoryStore(), [entries]))
      const events = await reader.events().toArray()
      const listed = (await reader.runs().toArray()).map((run) => `${run.tenantId} ${run.runId}`)
      const ownerOf = ownersIn(events)
      const begunOrEnded = events.filter(({ type, runId }) => type in ENDS && runId !== undefined)
      expect(listed).toEqual([...new Set(begunOrEnded.map((event) => `${ownerOf(event).tenantId} ${event.runId}`))])

      const sessions = await reader.sessions().toArray()
      const counts = new Map<string, number>()
      for (const event of events) {
        const { tenantId, sessionId } = ownerOf(event)
        const key = `${tenantId} ${sessionId}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      expect(sessions.map((one) => [`${one.tenantId} ${one.sessionId}`, one.events])).toEqual([...counts])
    }),
    { numRuns: 100 },
  )
})
