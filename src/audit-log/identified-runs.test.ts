import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readPages } from '../../test/reader/pages.js'
import { seqsOf } from '../../test/reader/reader-of.js'
import { AMPLE } from '../../test/support/ample.js'
import { copyLive } from '../../test/support/copy-live.js'
import type { AuditEvent, AuditEventInput } from '../events/types.js'
import { recordStatement } from '../log/statements.js'
import type { AuditLogReader } from '../reader/index.js'
import type { AuditStore } from '../store/contract.js'
import { reindex } from '../store/leveldb/reindex.js'
import { memoryStore } from '../store/memory/index.js'
import { type AuditLog, openAuditLog } from './index.js'

// Runs of which the tenant and the session are told late, and guesses that give way, in logs as they are written.

const TRACE = 'a'.repeat(32)
const trace = { traceId: TRACE, spanId: 'b'.repeat(16) }
const agent = { name: 'planner' }
const usage = { inputTokens: 3, outputTokens: 4, totalTokens: 7 }
const tool = { name: 'search' }

let base: string
const open: AuditLog[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

/** @param where - a directory, or a store */
async function opened(where: string | AuditStore = join(base, 'audit')): Promise<AuditLog> {
  const options = { on: { problem: () => {} } }
  const log = await (typeof where === 'string'
    ? openAuditLog(where, options)
    : openAuditLog({ store: where, ...options }))
  open.push(log)
  return log
}

function started(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'run_started', runId, trace, ...scope, data: { agent } } as AuditEventInput
}

function called(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'tool_call_started', runId, trace, ...scope, data: { callId: 'c', tool } } as AuditEventInput
}

function used(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'token_usage_updated', runId, trace, ...scope, data: { ...usage, model: 'm' } } as AuditEventInput
}

function ended(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'run_completed', runId, trace, ...scope, data: { usage } } as AuditEventInput
}

function identify(log: AuditLog, runId: string, tenantId: string, sessionId: string, previous: object = {}): void {
  const statement = { type: 'run_identified', runId, tenantId, sessionId, trace, data: { previous } }
  recordStatement(log, statement as AuditEventInput)
}

const ACME = { tenantId: 'acme', sessionId: 's-1' }

/** One run that is told late to be of `acme`, session `s-1`, among runs that are not. */
async function writeLateRun(log: AuditLog): Promise<void> {
  log.record(started('other'))
  log.record(started('late'))
  log.record(called('late'))
  log.record(used('late'))
  identify(log, 'late', ACME.tenantId, ACME.sessionId)
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
    await assertLateRun(await opened())
    await open.at(-1)?.close()
    await reindex(join(base, 'audit'))
    const again = await opened()
    await assertLateRun(again)
    expect((await again.verify()).problems).toEqual([])
  })

  it('is named in its statement with the tenant under which the log has filed it', async () => {
    const log = await logHere()
    identify(log, 'r', 'acme', 's-1')
    identify(log, 'r', 'acme', 's-1', { tenantId: 'tenants', sessionId: TRACE })
    const [filled, given] = await log.events({ type: 'run_identified' }).toArray()
    expect(filled?.data).toEqual({ previous: { tenantId: 'default' } })
    expect(given?.data).toEqual({ previous: { tenantId: 'tenants', sessionId: TRACE } })
  })

  it('is moved once: a second statement says nothing', async () => {
    const log = await logHere()
    await writeLateRun(log)
    identify(log, 'late', 'globex', 's-9')
    identify(log, 'late', 'globex', 's-9', { tenantId: 'acme', sessionId: 's-1' })
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
    identify(log, 'r', tenantId, 's-1', { tenantId, sessionId: TRACE })
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
    identify(log, 'r', 'acme', TRACE)
    identify(log, 'r', 'acme', 's-1', { tenantId: 'acme', sessionId: TRACE })
    expect(await log.events(ACME).count()).toBe(3)
    expect(await log.runs().toArray()).toMatchObject([{ ...ACME, eventCount: 3 }])
  })

  it('may be told its session first, and its tenant with another statement', async () => {
    const log = await logHere()
    log.record(started('r'))
    log.record(started('r', { tenantId: 'globex', sessionId: 's-9' }))
    identify(log, 'r', 'default', 's-1', { sessionId: TRACE })
    log.record(called('r', { sessionId: 's-1' }))
    identify(log, 'r', 'acme', 's-1', { sessionId: 's-1' })
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
    identify(log, 'r', 'default', 's-1', { sessionId: TRACE })
    identify(log, 'r', 'acme', 's-2', { sessionId: TRACE })
    identify(log, 'r', 'globex', 's-3', { sessionId: TRACE })
    expect(await log.runs().toArray()).toMatchObject([ACME])
    expect(await log.events({ tenantId: 'globex' }).count()).toBe(1)
  })

  it('is on the pages of a query as it was when the first was read', async () => {
    const log = await logHere()
    for (let n = 0; n < 10; n++) log.record(called('late'))
    const tell = async () => {
      if ((await log.events({ type: 'run_identified' }).count()) > 0) return
      identify(log, 'late', 'acme', 's-1')
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
    identify(log, 'late', 'acme', 's-1')
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
    identify(log, 'late', 'acme', 's-1')
    log.record(started('over'))
    identify(log, 'over', 'acme', 's-1')
    log.record(ended('over', ACME))
    log.record(started('early'))
    log.record(ended('early'))
    identify(log, 'early', 'acme', 's-1')
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

describe('an end that supersedes another one', () => {
  const interrupted = (runId: string, scope: Partial<AuditEventInput> = {}) =>
    ({ type: 'run_interrupted', runId, trace, ...scope, data: { reason: 'abandoned' } }) as AuditEventInput
  const failed = (runId: string, supersedes: string, scope: Partial<AuditEventInput> = {}) =>
    ({
      type: 'run_failed',
      runId,
      trace,
      supersedes,
      ...scope,
      data: { error: { code: 'E', message: 'no' }, usage },
    }) as AuditEventInput
  const recorded = (log: AuditLog, event: AuditEventInput) => (log.record(event) as AuditEvent).id

  it('counts in its place, and says so', async () => {
    const log = await opened()
    log.record(started('r'))
    const guess = recorded(log, interrupted('r'))
    log.record(started('later'))
    log.record(failed('r', guess))
    await log.flush()
    for (const open of [async () => log, () => reopened(log)]) {
      const reader = await open()
      expect(await reader.get(3)).toMatchObject({ type: 'run_failed', supersedes: guess })
      const [run] = await reader.runs().toArray()
      expect(run).toMatchObject({ status: 'failed', supersedes: guess, error: { code: 'E' } })
      expect(run).not.toHaveProperty('reason')
      expect(await reader.run('r')).toMatchObject({ status: 'failed', supersedes: guess, error: { message: 'no' } })
      expect(await reader.runs({ status: 'interrupted' }).toArray()).toEqual([])
      expect(await reader.runs({ status: 'failed' }).toArray()).toMatchObject([{ runId: 'r' }])
      const { total } = await reader.stats({})
      expect(total.runs).toMatchObject({ started: 2, failed: 1, interrupted: 0 })
      expect((await reader.sessions().toArray())[0]?.runs).toBe(2)
      if (reader !== log) expect((await reader.verify()).problems).toEqual([])
    }
  })

  it('does so for a run that was told late whose it is', async () => {
    const log = await opened()
    log.record(started('r'))
    const guess = recorded(log, interrupted('r'))
    identify(log, 'r', 'acme', 's-1')
    log.record(failed('r', guess, ACME))
    await log.flush()
    expect(await log.runs().toArray()).toMatchObject([{ ...ACME, status: 'failed', supersedes: guess }])
    expect((await log.stats({ tenantId: 'acme' })).total.runs).toMatchObject({ started: 1, failed: 1, interrupted: 0 })
  })

  it('says nothing of a run that has gone on since', async () => {
    const log = await opened()
    log.record(started('r'))
    const guess = recorded(log, interrupted('r'))
    log.record({ type: 'resumed', runId: 'r', trace, data: {} } as unknown as AuditEventInput)
    log.record(failed('r', guess))
    expect(await log.run('r')).toMatchObject({ status: 'running', resumedCount: 1 })
    log.record(ended('r'))
    const run = await log.run('r')
    expect(run).toMatchObject({ status: 'completed' })
    expect(run).not.toHaveProperty('error')
    expect(run).not.toHaveProperty('supersedes')
    expect((await log.stats({})).total.runs).toMatchObject({ completed: 1, failed: 1, interrupted: 0 })
  })

  it.each([
    ['an event that is not there', () => 'none'],
    ['the end of another run', (ids: readonly string[]) => ids[1] as string],
  ])('and names %s is an end like any other', async (_, named) => {
    const log = await opened()
    log.record(started('r'))
    log.record(started('o'))
    const own = recorded(log, interrupted('r'))
    const others = recorded(log, interrupted('o'))
    log.record(failed('r', named([own, others])))
    const runs = await log.runs().toArray()
    expect(runs).toMatchObject([
      { runId: 'r', status: 'failed' },
      { runId: 'o', status: 'interrupted' },
    ])
    expect(runs[0]).not.toHaveProperty('supersedes')
    expect((await log.stats({})).total.runs).toMatchObject({ failed: 1, interrupted: 2 })
  })

  async function reopened(log: AuditLog): Promise<AuditLog> {
    await log.close()
    return await opened()
  }
})
