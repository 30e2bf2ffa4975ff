import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { filled, readerOf } from '../../../test/reader/reader-of.js'
import { at, completed, overviewOf, runEvent, started, tokens } from '../../../test/reader/run-events.js'
import type { AuditStore } from '../../store/contract.js'
import { levelStore } from '../../store/leveldb/index.js'
import { sealedEntry } from '../../testing/index.js'
import type { AuditLogReader, RunQuery, RunTree } from '../index.js'

// A list of runs takes time by how many runs there are, not by how long they are.

const RUNS = 20
const STEPS = 600

let directory: string
let store: AuditStore
let reader: AuditLogReader

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const groups = Array.from({ length: RUNS }, (_, n) => {
    const scope = {
      runId: `r-${n}`,
      sessionId: `s-${n}`,
      agent: { name: n % 2 === 0 ? 'writer' : 'editor' },
      actor: { id: `u-${n % 4}` },
      time: at(n),
    }
    const steps = Array.from({ length: STEPS }, () => runEvent('token_usage_updated', tokens(n), scope))
    return [started(scope), ...steps, completed(scope)].map((event) => sealedEntry(event))
  })
  store = await filled(levelStore(directory), groups)
  reader = readerOf(store)
})
afterAll(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

/** Runs a query, and counts the entries that it reads. */
async function listed(query: RunQuery): Promise<{ readonly ids: readonly string[]; readonly entries: number }> {
  const read = vi.spyOn(store, 'read')
  const walk = vi.spyOn(store, 'entries')
  try {
    const runs = await reader.runs(query).toArray()
    expect(walk).not.toHaveBeenCalled()
    return {
      ids: runs.map(({ runId }) => runId),
      entries: read.mock.calls.reduce((sum, [seqs]) => sum + seqs.length, 0),
    }
  } finally {
    vi.restoreAllMocks()
  }
}

const ALL = Array.from({ length: RUNS }, (_, n) => `r-${n}`)

describe('a list of runs of hundreds of events each', () => {
  test.each<[RunQuery, readonly string[]]>([
    [{}, ALL],
    [{ order: 'desc', limit: 5 }, ALL.slice(-5).toReversed()],
    [{ status: 'completed' }, ALL],
    [{ status: 'running' }, []],
    [{ since: at(10) }, ALL.slice(10)],
    [{ since: at(10), order: 'desc', limit: 3 }, ALL.slice(-3).toReversed()],
    [{ agent: 'editor' }, ALL.filter((_, n) => n % 2 === 1)],
    [{ minTotalTokens: 3 * 15 * STEPS }, ALL.slice(15)],
    [{ minCostUsd: 0.01 }, []],
  ])('reads its starts and ends alone: %j', async (query, ids) => {
    const found = await listed(query)
    expect(found.ids).toEqual(ids)
    // The start and the end of each run, and whatever tells which of them comes first.
    expect(found.entries).toBeLessThanOrEqual(4 * RUNS)
  })

  test.each<[RunQuery, readonly string[]]>([
    [{ actorId: 'u-1' }, ALL.filter((_, n) => n % 4 === 1)],
    [{ actorId: 'u-1', order: 'desc', limit: 2 }, ['r-17', 'r-13']],
    [{ actorId: 'u-1', agent: 'editor', status: 'completed', since: at(10) }, ['r-13', 'r-17']],
    [{ actorId: 'u-1', agent: 'writer' }, []],
    [{ actorId: 'u-9' }, []],
    [{ sessionId: 's-5', actorId: 'u-1' }, ['r-5']],
  ])('finds those of an actor: %j', async (query, ids) => {
    const runs = await reader.runs(query).toArray()
    expect(runs.map(({ runId }) => runId)).toEqual(ids)
    for (const { actor } of runs) expect(actor).toEqual({ id: 'u-1' })
  })

  test('says what the events of each run do', async () => {
    for (const run of await reader.runs().toArray()) {
      expect(run).toEqual(overviewOf((await reader.run(run.runId)) as RunTree))
      expect(run.counts.toolCalls).toEqual({ started: 0, completed: 0, failed: 0 })
      expect(run.eventCount).toBe(STEPS + 2)
    }
  })
})
