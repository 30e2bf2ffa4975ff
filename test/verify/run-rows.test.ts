import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { HASH_KEY_KEY } from '../../src/store/leveldb/entries/head.js'
import { decodeHashKey, NameHashes } from '../../src/store/leveldb/hash-key.js'
import { runRowKey } from '../../src/store/leveldb/indexes/keys.js'
import type { RowState } from '../../src/store/runs/row-state.js'
import { decodeRow, encodeRow } from '../../src/store/runs/row-value.js'
import { BLOCK_LENGTH } from '../../src/verify/leaf-block.js'
import { removeEntries } from '../support/remove-entries.js'
import { type RawDatabase, tamper, verdict } from './tampered-log.js'

// The rows of runs in the index, from which lists of runs are told, beside the entries.

const TENANT = 't'
let root: string
let directory: string
/** The log as it was when run `long` had begun. */
let earlier: string
let hashes: NameHashes

const tokens = (costUsd: number) => ({ inputTokens: 1, outputTokens: 2, totalTokens: 3, costUsd })

/** Records runs that end and one that goes on through all of them, each event with something that its row tells. */
async function record(from: number, to: number): Promise<void> {
  await using log = await openAuditLog(directory)
  for (let n = from; n < to; n++) {
    const run = { runId: `r-${n}`, tenantId: TENANT, sessionId: `s-${n % 5}`, agent: { name: 'a' } }
    log.record({ ...run, type: 'run_started', data: { agent: { name: 'a' }, model: 'ключ' } })
    log.record({ ...run, type: 'tool_call_started', data: { callId: `c-${n}`, tool: { name: `tool-${n % 3}` } } })
    log.record({ ...run, type: 'token_usage_updated', data: tokens(n / 10) })
    log.record({ ...run, runId: 'long', type: 'token_usage_updated', data: tokens(0.1) })
    if (n % 7 !== 0) log.record({ ...run, type: 'run_failed', data: { error: { code: 'c', message: 'm' } } })
    if (n % 100 === 0) await log.flush()
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'spanledger-rows-'))
  directory = join(root, 'audit')
  earlier = join(root, 'earlier')
  await record(0, 40)
  await cp(directory, earlier, { recursive: true })
  // Runs that are open are interrupted when the log is opened again.
  await record(40, 400)
  await tamper(directory, async (db) => {
    hashes = new NameHashes(decodeHashKey(await db.get(HASH_KEY_KEY)) ?? new Uint8Array())
  })
})
afterAll(() => rm(root, { recursive: true }))

let copies = 0
async function copy(): Promise<string> {
  const target = join(root, `copy-${copies++}`)
  await cp(directory, target, { recursive: true })
  return target
}

const keyOf = (runId: string) => runRowKey(hashes, TENANT, runId)

async function changeRow(db: RawDatabase, runId: string, change: (row: RowState) => Partial<RowState>): Promise<void> {
  const row = decodeRow(await db.get(keyOf(runId)))
  await db.put(keyOf(runId), encodeRow({ ...row, ...change(row) }))
}

describe('the rows of runs', () => {
  it('that nobody changed are verified: of runs that ended, that are open, and that were interrupted', async () => {
    expect(await verdict(directory)).toMatchObject({ code: 0, report: { remarks: [] } })
  })

  it('are compared as far as an index goes that is behind', async () => {
    const behind = await copy()
    await rm(join(behind, 'index'), { recursive: true })
    await cp(join(earlier, 'index'), join(behind, 'index'), { recursive: true })
    const remarks = [expect.stringMatching(/covers \d+ of \d+ entries/)]
    expect(await verdict(behind)).toMatchObject({ code: 0, report: { remarks } })
    await tamper(behind, (db) => changeRow(db, 'long', () => ({ status: 'failed' })), 'index')
    expect(await verdict(behind)).toMatchObject({ code: 5, kinds: ['run_row_altered'], report: { remarks } })
  })

  it('are those of the entries that are left, where some were removed', async () => {
    const thinned = await copy()
    await removeEntries(thinned, [2, 6, 9], 20)
    await (await openAuditLog(thinned)).close()
    expect((await verdict(thinned)).kinds).not.toContain('run_row_altered')
    await tamper(thinned, (db) => changeRow(db, 'long', () => ({ eventCount: 1_000 })), 'index')
    expect((await verdict(thinned)).kinds).toContain('run_row_altered')
  })

  const cases: Record<string, (db: RawDatabase) => Promise<unknown>> = {
    'is missing': (db) => db.del(keyOf('r-3')),
    'of a long run is missing': (db) => db.del(keyOf('long')),
    'stands for a run that has no events': async (db) => {
      const row = decodeRow(await db.get(keyOf('r-3')))
      await db.put(keyOf('nobody'), encodeRow({ ...row, runId: 'nobody' }))
    },
    'has another status': (db) => changeRow(db, 'r-3', () => ({ status: 'completed' })),
    'of an open run has another status': (db) => changeRow(db, 'r-7', () => ({ status: 'completed' })),
    'has another count': (db) => changeRow(db, 'r-3', ({ eventCount }) => ({ eventCount: eventCount + 1 })),
    'has another cost': (db) =>
      changeRow(db, 'long', ({ usage }) => ({ usage: { ...usage, costUsd: 1 } as RowState['usage'] })),
    'has another error': (db) =>
      changeRow(db, 'r-3', ({ ending }) => ({
        ending: ending && { ...ending, error: { code: 'c', message: 'n' } },
      })),
    'names another tool': (db) =>
      changeRow(db, 'r-3', ({ tools }) => ({
        tools: { ...tools, items: [{ name: 'none', started: 1, completed: 0, failed: 0 }] },
      })),
    'ends ahead of what the index covers': (db) => changeRow(db, 'r-3', () => ({ lastSeq: 1_000_000 })),
    'ends with an event of another run': (db) => changeRow(db, 'r-3', ({ lastSeq }) => ({ lastSeq: lastSeq + 3 })),
    'ends before its last event': (db) => changeRow(db, 'r-3', ({ lastSeq }) => ({ lastSeq: lastSeq - 1 })),
    'begins before its first event': (db) => changeRow(db, 'r-3', ({ firstSeq }) => ({ firstSeq: firstSeq - 1 })),
    'is that of another run': async (db) => await db.put(keyOf('r-3'), await db.get(keyOf('r-4'))),
    'is malformed': (db) => db.put(keyOf('r-3'), Buffer.from('[]')),
    'stands under a key that is too long': async (db) =>
      await db.put(Buffer.concat([keyOf('r-3'), Uint8Array.of(1)]), await db.get(keyOf('r-3'))),
  }

  it.each(Object.entries(cases))(
    'are altered where one %s; not where the entries alone are asked for',
    async (_, change) => {
      const changed = await copy()
      await tamper(changed, change, 'index')
      expect(await verdict(changed)).toMatchObject({ code: 5, kinds: ['run_row_altered'] })
      expect(await verdict(changed, '--entries-only')).toMatchObject({ code: 0, kinds: [] })
    },
  )
})

describe('the row of a run of which the entries are compared in several parts', () => {
  const COUNT = BLOCK_LENGTH + 500
  let long: string
  beforeAll(async () => {
    long = join(root, 'long')
    await using log = await openAuditLog(long)
    for (let n = 0; n < COUNT; n++) {
      const run = { runId: n % 2 === 0 ? 'even' : `odd-${n}`, tenantId: TENANT, sessionId: 's' }
      log.record({ ...run, type: 'token_usage_updated', data: tokens(n / 10) })
      if (n % 2_000 === 0) await log.flush()
    }
  })

  it('is verified, and altered where it says something else', async () => {
    expect(await verdict(long)).toMatchObject({ code: 0, report: { remarks: [] } })
    await tamper(long, async (db) => {
      hashes = new NameHashes(decodeHashKey(await db.get(HASH_KEY_KEY)) ?? new Uint8Array())
    })
    await tamper(long, (db) => changeRow(db, 'even', () => ({ sessionId: 'other' })), 'index')
    expect(await verdict(long)).toMatchObject({
      code: 5,
      kinds: ['run_row_altered'],
      report: { problems: [{ count: 1 }] },
    })
  })
})
