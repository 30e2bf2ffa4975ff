import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPages } from '../../test/reader/pages.js'
import { seqsOf } from '../../test/reader/reader-of.js'
import { AMPLE } from '../../test/support/ample.js'
import { copyLive } from '../../test/support/copy-live.js'
import { base, closeLater, directory, openAt, useLogDirectory } from '../../test/support/log-directory.js'
import { called, ended, identify, started, TRACE, used } from '../../test/support/traced-runs.js'
import type { AuditLogReader } from '../reader/index.js'
import type { AuditStore } from '../store/contract.js'
import { reindex } from '../store/leveldb/reindex.js'
import { memoryStore } from '../store/memory/index.js'
import { type AuditLog, openAuditLog } from './index.js'

// Runs whose tenant and session are known late, and guesses that give way, in logs as they are written.

useLogDirectory()

/** Opens a log that is closed at the end of the test. @param at - a directory, or a store */
async function opened(at: string | AuditStore = directory): Promise<AuditLog> {
  return typeof at === 'string'
    ? await openAt(at)
    : closeLater(await openAuditLog({ store: at, on: { problem: () => {} } }))
}

const ACME = { tenantId: 'acme', sessionId: 's-1' }

/** One run that is told late to be of `acme`, session `s-1`, among runs that are not. */
async function writeLateRun(log: AuditLog): Promise<void> {
  log.record(started('other'))
  log.record(started('late'))
  log.record(called('late'))
  log.record(used('late'))
  identify(log, 'late', ACME)
  log.record(started('theirs', { tenantId: 'globex', sessionId: 's-9' }))
  log.record(used('late', ACME))
  log.record(ended('late', ACME))
  log.record(ended('other'))
  await log.flush()
}

/** Positions of the events of the late run, and of the others. */
const LATE = [1, 2, 3, 4, 6, 7]
const OTHER = [0, 8]

async function assertLateRun(log: AuditLogReader): Promise<void> {
  const seqs = async (query: Parameters<AuditLogReader['events']>[0]) => seqsOf(await log.events(query).toArray())
  for (const query of [{ tenantId: 'acme' }, { sessionId: 's-1' }, ACME, { tenantId: 'acme', runId: 'late' }]) {
    expect(await seqs(query)).toEqual(LATE)
    expect(await seqs({ ...query, order: 'desc' })).toEqual(LATE.toReversed())
    expect(await seqs({ ...query, limit: 2 })).toEqual(LATE.slice(0, 2))
    expect(await seqs({ ...query, order: 'desc', limit: 2 })).toEqual([7, 6])
    expect(await log.events(query).count()).toBe(LATE.length)
    expect(await log.events({ ...query, type: 'token_usage_updated' }).count()).toBe(2)
    expect((await log.entries(query).toArray()).map(({ seq }) => seq)).toEqual(LATE)
  }
  for (const query of [{ tenantId: 'default' }, { tenantId: 'default', sessionId: TRACE }, { sessionId: TRACE }]) {
    expect(await seqs(query)).toEqual(OTHER)
    expect(await log.events(query).count()).toBe(OTHER.length)
  }
  expect(await seqs({ tenantId: 'default', runId: 'late' })).toEqual([])
  // An event is shown as it was written.
  expect(await log.get(1)).toMatchObject({ tenantId: 'default', sessionId: TRACE })

  const runs = await log.runs().toArray()
  expect(runs.map(({ runId, tenantId, sessionId, status }) => [runId, tenantId, sessionId, status])).toEqual([
    ['other', 'default', TRACE, 'completed'],
    ['late', 'acme', 's-1', 'completed'],
    ['theirs', 'globex', 's-9', 'running'],
  ])
  expect(runs[1]).toMatchObject({ firstSeq: 1, lastSeq: 7, eventCount: 6, usage: { totalTokens: 14 } })
  const idsOf = async (query: Parameters<AuditLogReader['runs']>[0]) =>
    (await log.runs(query).toArray()).map(({ runId }) => runId)
  expect(await idsOf({ tenantId: 'acme' })).toEqual(['late'])
  expect(await idsOf({ sessionId: 's-1', status: 'completed' })).toEqual(['late'])
  expect(await idsOf({ tenantId: 'default' })).toEqual(['other'])
  expect(await idsOf({ tenantId: 'default', status: 'running' })).toEqual([])
  expect(await idsOf({ order: 'desc', status: ['completed', 'running'] })).toEqual(['theirs', 'late', 'other'])

  expect(await log.run('late')).toMatchObject({ ...ACME, toolCalls: [{ name: 'search' }], eventCount: 6 })
  expect(await log.run('late', { tenantId: 'acme' })).toMatchObject({ eventCount: 6 })
  expect(await log.run('late', { tenantId: 'default' })).toBeUndefined()
  expect((await log.run('late').steps().toArray()).map(({ seq }) => seq)).toEqual([2])

  const sessions = await log.sessions().toArray()
  expect(sessions.map(({ sessionId, tenantId, events, runs }) => [sessionId, tenantId, events, runs])).toEqual([
    [TRACE, 'default', 2, 1],
    ['s-1', 'acme', 6, 1],
    ['s-9', 'globex', 1, 1],
  ])
  expect(await log.sessions({ order: 'desc' }).toArray()).toEqual(sessions.toReversed())
  expect(await log.sessions({ tenantId: 'acme' }).toArray()).toEqual([sessions[1]])
  expect(await log.sessions({ tenantId: 'default' }).toArray()).toEqual([sessions[0]])

  expect((await log.stats({ tenantId: 'acme' })).total).toMatchObject({
    runs: { started: 1, completed: 1 },
    usage: { totalTokens: 14 },
  })
  expect((await log.stats({ tenantId: 'default' })).total.runs).toMatchObject({ started: 1, completed: 1 })
  expect((await log.stats({})).total.runs).toMatchObject({ started: 3, completed: 2 })
}

describe.each([
  ['LevelDB', undefined],
  ['memory', memoryStore],
] as const)('a run of which the tenant and the session are told late, on %s', (name, storeOf) => {
  const logHere = () => opened(storeOf?.())

  it('counts with its earlier events as theirs, and as nobody else’s', async () => {
    const log = await logHere()
    await writeLateRun(log)
    await assertLateRun(log)
    if (name === 'memory') return
    await log.close()
    const reopened = await opened()
    await assertLateRun(reopened)
    await reopened.close()
    await reindex(join(base, 'audit'))
    const again = await opened()
    await assertLateRun(again)
    expect((await again.verify()).problems).toEqual([])
  })

  it('is named in its statement with the tenant under which the log has filed it', async () => {
    const log = await logHere()
    identify(log, 'r', ACME)
    identify(log, 'r', { tenantId: 'acme', sessionId: 's-1' }, { tenantId: 'tenants', sessionId: TRACE })
    const [filled, given] = await log.events({ type: 'run_identified' }).toArray()
    expect(filled?.data).toEqual({ previous: { tenantId: 'default' } })
    expect(given?.data).toEqual({ previous: { tenantId: 'tenants', sessionId: TRACE } })
  })

  it('is moved once: a second statement says nothing', async () => {
    const log = await logHere()
    await writeLateRun(log)
    identify(log, 'late', { tenantId: 'globex', sessionId: 's-9' })
    identify(log, 'late', { tenantId: 'globex', sessionId: 's-9' }, ACME)
    const acme = seqsOf(await log.events({ tenantId: 'acme' }).toArray())
    expect(acme).toEqual(LATE)
    expect(await log.run('late', { tenantId: 'acme' })).toMatchObject({ ...ACME, eventCount: 6 })
    expect((await log.runs({ tenantId: 'acme' }).toArray()).length).toBe(1)
  })

  it('is moved by the log alone', async () => {
    const log = await logHere()
    log.record(started('r'))
    const forged = { type: 'run_identified', runId: 'r', ...ACME, data: { previous: { tenantId: 'default' } } }
    log.record({ ...forged, statementOf: 'somebody' } as never)
    await expect(log.append(forged as never)).rejects.toThrow()
    expect(seqsOf(await log.events({ tenantId: 'acme', type: 'run_started' }).toArray())).toEqual([])
    expect(await log.run('r', { tenantId: 'default' })).toMatchObject({ eventCount: 1, status: 'running' })
  })

  it('may be told its session alone', async () => {
    const log = await logHere()
    const tenantId = 'acme'
    log.record(started('r', { tenantId }))
    identify(log, 'r', { tenantId, sessionId: 's-1' }, { tenantId, sessionId: TRACE })
    log.record(called('r', { tenantId, sessionId: 's-2' }))
    log.record(ended('r', { tenantId, sessionId: 's-1' }))
    expect(seqsOf(await log.events({ sessionId: 's-1' }).toArray())).toEqual([0, 1, 3])
    expect(seqsOf(await log.events({ sessionId: 's-2', tenantId }).toArray())).toEqual([2])
    expect(await log.events({ sessionId: TRACE }).count()).toBe(0)
    expect(await log.runs().toArray()).toMatchObject([{ sessionId: 's-1', eventCount: 4 }])
    expect((await log.sessions().toArray()).map(({ sessionId }) => sessionId)).toEqual(['s-1', 's-2'])
  })

  it('may be told its tenant first, and its session with another statement', async () => {
    const log = await logHere()
    log.record(started('r'))
    identify(log, 'r', { tenantId: 'acme', sessionId: TRACE })
    identify(log, 'r', { tenantId: 'acme', sessionId: 's-1' }, { tenantId: 'acme', sessionId: TRACE })
    expect(await log.events(ACME).count()).toBe(3)
    expect(await log.runs().toArray()).toMatchObject([{ ...ACME, eventCount: 3 }])
  })

  it('may be told its session first, and its tenant with another statement', async () => {
    const log = await logHere()
    log.record(started('r'))
    log.record(started('r', { tenantId: 'globex', sessionId: 's-9' }))
    identify(log, 'r', { tenantId: 'default', sessionId: 's-1' }, { sessionId: TRACE })
    log.record(called('r', { sessionId: 's-1' }))
    identify(log, 'r', { tenantId: 'acme', sessionId: 's-1' }, { sessionId: 's-1' })
    log.record(ended('r', ACME))
    for (const query of [ACME, { tenantId: 'acme' }, { sessionId: 's-1' }]) {
      expect(seqsOf(await log.events(query).toArray())).toEqual([0, 2, 3, 4, 5])
    }
    expect(await log.events({ tenantId: 'default' }).count()).toBe(0)
    expect(await log.runs().toArray()).toMatchObject([
      { ...ACME, status: 'completed', eventCount: 5 },
      { tenantId: 'globex', sessionId: 's-9', status: 'running', eventCount: 1 },
    ])
    expect(await log.sessions().toArray()).toMatchObject([
      { ...ACME, events: 5, runs: 1 },
      { tenantId: 'globex', sessionId: 's-9', events: 1 },
    ])
    expect((await log.stats({ tenantId: 'acme' })).total.runs).toMatchObject({ started: 1, completed: 1 })
  })

  it('keeps the session that was told first, and the tenant', async () => {
    const log = await logHere()
    log.record(started('r'))
    identify(log, 'r', { tenantId: 'default', sessionId: 's-1' }, { sessionId: TRACE })
    identify(log, 'r', { tenantId: 'acme', sessionId: 's-2' }, { sessionId: TRACE })
    identify(log, 'r', { tenantId: 'globex', sessionId: 's-3' }, { sessionId: TRACE })
    expect(await log.runs().toArray()).toMatchObject([ACME])
    expect(await log.events({ tenantId: 'globex' }).count()).toBe(1)
  })

  it('is on the pages of a query as it was when the first was read', async () => {
    const log = await logHere()
    for (let n = 0; n < 10; n++) log.record(called('late'))
    const tell = async () => {
      if ((await log.events({ type: 'run_identified' }).count()) > 0) return
      identify(log, 'late', ACME)
      log.record(called('late', ACME))
      await log.flush()
    }
    const before = await readPages(log.events({ tenantId: 'default' }), [3], tell)
    expect(seqsOf(before)).toEqual([...Array(10).keys()])
    for (const order of ['asc', 'desc'] as const) {
      const all = await log.events({ tenantId: 'acme', order }).toArray()
      expect(all.length).toBe(12)
      expect(await readPages(log.events({ tenantId: 'acme', order }), [5, 1], async () => {})).toEqual(all)
    }
    expect(await log.events({ tenantId: 'default' }).count()).toBe(0)
  })

  it('comes with its earlier events to who follows its tenant', async () => {
    const log = await logHere()
    const stop = new AbortController()
    const follow = async (query: Parameters<AuditLogReader['follow']>[0], count: number) => {
      const seen: number[] = []
      for await (const { seq } of log.follow(query, { signal: stop.signal, pollMillis: 1 })) {
        if (seen.push(seq) === count) return seen
      }
      return seen
    }
    const waiting = log.follow({ tenantId: 'acme' }, { signal: stop.signal })[Symbol.asyncIterator]()
    const first = waiting.next()
    await log.append(started('late'))
    await log.append(called('late'))
    await log.append(started('other'))
    // Seen by whoever follows, and passed over.
    expect(await follow({ tenantId: 'default' }, 3)).toEqual([0, 1, 2])
    identify(log, 'late', ACME)
    await log.append(ended('late', ACME))
    const seen = [(await first).value?.seq]
    while (seen.length < 4) seen.push((await waiting.next()).value?.seq)
    expect(seen).toEqual([0, 1, 3, 4])
    expect(await follow({ sessionId: 's-1' }, 4)).toEqual([0, 1, 3, 4])
    stop.abort()
  })
})

describe('after the process died', () => {
  it('an identified run is open as that of its tenant, and one that had ended is not', async () => {
    const log = await opened()
    log.record(started('late'))
    identify(log, 'late', ACME)
    log.record(started('over'))
    identify(log, 'over', ACME)
    log.record(ended('over', ACME))
    log.record(started('early'))
    log.record(ended('early'))
    identify(log, 'early', ACME)
    await log.flush()
    copyLive(join(base, 'audit'), join(base, 'image'))
    const recovered = await opened(join(base, 'image'))
    await expect.poll(() => recovered.events({ type: 'run_interrupted' }).count(), AMPLE).toBe(1)
    const runs = await recovered.runs().toArray()
    expect(runs.map(({ runId, tenantId, status }) => [runId, tenantId, status])).toEqual([
      ['late', 'acme', 'interrupted'],
      ['over', 'acme', 'completed'],
      ['early', 'acme', 'completed'],
    ])
    expect((await recovered.verify()).problems).toEqual([])
  })
})
