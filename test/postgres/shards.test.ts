import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuditLogShardedReader, openAuditLogShardedReader } from '../../src/reader/index.js'
import { type PostgresStore, postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries, sealedEntry } from '../../src/testing/index.js'
import { verifyInclusion } from '../../src/tree/index.js'
import { migratedDatabase } from './support/database.js'

const { url } = await migratedDatabase()
const IDS = ['tenant 0', 'tenant 1', 'tenant 2']
const storeOf = (logId: string) => postgresStore({ connectionString: url(), logId })
const second = (n: number) => `2026-01-01T00:00:${String(n).padStart(2, '0')}Z`

let stores: PostgresStore[]
let reader: AuditLogShardedReader
beforeAll(async () => {
  stores = IDS.map(storeOf)
  for (const [shard, store] of stores.entries()) {
    await store.open()
    // Of thirty events, every third is in each log.
    const entries = sealedEntries(10, (n) => ({ time: second(3 * n + shard), tenantId: IDS[shard] as string }))
    await store.commit(entries)
  }
  reader = await openAuditLogShardedReader(IDS.map(storeOf))
})
afterAll(async () => {
  await reader.close()
  for (const store of stores) await store.close()
})

test('events of several logs come in the order of their times, each with its log', async () => {
  const events = await reader.events().toArray()
  expect(events.map(({ location, seq }) => [IDS.indexOf(location.split('#')[1] as string), seq])).toEqual(
    Array.from({ length: 30 }, (_, n) => [n % 3, Math.floor(n / 3)]),
  )
  const newest = await reader.events({ order: 'desc', limit: 4, until: second(28) }).toArray()
  expect(newest.map(({ time }) => time.slice(17, 19))).toEqual(['27', '26', '25', '24'])
})

test('filters and counts hold over all logs', async () => {
  expect(await reader.events().count()).toBe(30)
  expect(await reader.events({ limit: 12 }).count()).toBe(12)
  expect(await reader.events({ tenantId: 'tenant 1' }).count()).toBe(10)
  expect((await reader.events({ tenantId: 'tenant 1' }).toArray()).length).toBe(10)
  expect([...(await reader.heads()).values()].map(({ size }) => size)).toEqual([10, 10, 10])
})

test('positions are refused: they are those of one log', async () => {
  const query = { afterSeq: 3 } as object
  expect(() => reader.events(query)).toThrow('a position is that of one log')
  expect(() => reader.events({ tenant: 'x' } as object)).toThrow("'tenantId'")
})

test('each log has its own tree, by which its reader proves', async () => {
  const roots = new Set<string>()
  for (const log of reader.logs.values()) {
    const { size, root, leafHash, proof } = await log.prove(4, { size: 10 })
    verifyInclusion({ index: 4, size, root, leafHash, proof })
    roots.add(Buffer.from(root).toString('hex'))
  }
  expect(roots.size).toBe(3)
})

test('runs of several logs come in the order of their starts', async () => {
  for (const [shard, store] of stores.entries()) {
    const started = (n: number) =>
      sealedEntry({
        type: 'run_started',
        runId: `r-${shard}-${n}`,
        time: second(30 + 2 * n + shard),
        data: {},
      } as object)
    await store.commit([started(0), started(3)])
  }
  const runs = await reader.runs({ status: 'running' }).toArray()
  expect(runs.map(({ runId }) => runId)).toEqual(['r-0-0', 'r-1-0', 'r-2-0', 'r-0-3', 'r-1-3', 'r-2-3'])
  expect(await reader.runs({ status: 'running', limit: 5 }).count()).toBe(5)
})

test('following gives what comes to any of the logs', async () => {
  const stop = new AbortController()
  const seen = new Set<string>()
  const following = (async () => {
    for await (const { sessionId } of reader.follow({ type: 'custom' }, { signal: stop.signal })) {
      seen.add(sessionId)
      if (seen.size === stores.length) stop.abort()
    }
  })()
  const ended = following.finally(() => stop.abort())
  // Where following began after a commit, it did not see that one: each log gets another.
  for (let n = 0; !stop.signal.aborted; n++) {
    const shard = n % stores.length
    await stores[shard]?.commit([sealedEntry({ sessionId: `new ${shard}` })])
  }
  await ended
  expect(seen).toEqual(new Set(['new 0', 'new 1', 'new 2']))
})

test('a log that is missing, and one that is given twice, are refused', async () => {
  await expect(openAuditLogShardedReader([storeOf('tenant 0'), storeOf('missing')])).rejects.toMatchObject({
    code: 'AUDIT_OPEN_FAILED',
  })
  await expect(openAuditLogShardedReader([storeOf('tenant 0'), storeOf('tenant 0')])).rejects.toThrow(
    'give each log once',
  )
  await expect(openAuditLogShardedReader([])).rejects.toThrow('at least one store')
})
