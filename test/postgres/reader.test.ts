import { afterAll, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries, sealedEntry } from '../../src/testing/index.js'
import { migratedDatabase } from './support/database.js'

const { url, sql } = await migratedDatabase()
const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const storeOf = (logId: string) => postgresStore({ connectionString: url(), logId })

async function written(logId: string) {
  const store = storeOf(logId)
  await store.open()
  ends.push(() => store.close())
  return store
}

async function read(logId: string) {
  const reader = await openAuditLogReader({ store: storeOf(logId) })
  ends.push(() => reader.close())
  return reader
}

test('every read sees what was committed before it began', async () => {
  const store = await written('fresh')
  const reader = await read('fresh')
  for (let n = 1; n <= 5; n++) {
    await store.commit(sealedEntries(2))
    expect(await reader.head()).toMatchObject({ size: 2 * n })
    expect((await reader.events({ tenantId: 't' }).toArray()).length).toBe(2 * n)
  }
})

test('following is woken by a commit of somebody else', async () => {
  const store = await written('followed')
  const reader = await read('followed')
  const stop = new AbortController()
  const seen: number[] = []
  const following = (async () => {
    for await (const event of reader.follow({}, { signal: stop.signal })) {
      seen.push(event.seq)
      if (seen.length === 40) stop.abort()
    }
  })()
  for (let n = 0; n < 20; n++) await store.commit(sealedEntries(2))
  await following
  expect(seen).toEqual([...Array(40).keys()])
})

test('whoever waits is told of a commit by the server', async () => {
  const store = await written('told')
  const listening = await written('told')
  const waiting = listening.changed(new AbortController().signal)
  // The server hears for a connection once its statement is done.
  const isListening =
    "select count(*) > 0 as yes from pg_stat_activity where state = 'idle' and query like 'listen spanledger%'"
  while (!(await sql<{ yes: boolean }>(isListening))[0]?.yes);
  await store.commit(sealedEntries(1))
  await waiting
})

test('following goes on where the server ends the connection that listens', async () => {
  const store = await written('cut')
  const reader = await read('cut')
  const stop = new AbortController()
  const seen: number[] = []
  const events = (async () => {
    for await (const event of reader.follow({}, { signal: stop.signal })) {
      if (seen.push(event.seq) === 20) stop.abort()
    }
  })()
  for (let n = 0; n < 20; n++) {
    await store.commit(sealedEntries(1))
    await sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen spanledger%'")
  }
  await events
  expect(seen).toEqual([...Array(20).keys()])
})

test('a log that is read is closed by its reader, which ends what follows it', async () => {
  const store = await written('closed')
  await store.commit(sealedEntries(1))
  const reader = await openAuditLogReader({ store: storeOf('closed') })
  const following = (async () => {
    for await (const event of reader.follow()) expect(event.seq).toBe(0)
  })()
  const ended = expect(following).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
  await reader.head()
  await reader.close()
  await ended
})

test('an open log shows what others have appended, and follows it', async () => {
  const [one, two] = await Promise.all(
    ['one', 'two'].map((writer) =>
      openAuditLog({ store: postgresStore({ connectionString: url(), logId: 'both', writer }) }),
    ),
  )
  if (!one || !two) throw new Error('no log')
  ends.push(
    () => one.close(),
    () => two.close(),
  )
  const found: unknown[] = []
  const stop = new AbortController()
  const following = (async () => {
    for await (const event of one.follow({ type: 'agent_handoff' }, { signal: stop.signal })) {
      if (found.push(event.runId) === 3) stop.abort()
    }
  })()
  for (const runId of ['a', 'b', 'c']) {
    await two.append({ type: 'agent_handoff', runId, data: { to: 'writer' } })
    expect((await one.events({ runId }).toArray()).length).toBe(1)
  }
  await following
  expect(found).toEqual(['a', 'b', 'c'])
})

test('a store that nobody else can write is refused', async () => {
  const store = levelStore('/nowhere') as unknown as ReturnType<typeof storeOf>
  await expect(openAuditLogReader({ store })).rejects.toThrow('store must be one that others can write')
})

test('an open run is found by any reader, with its session and agent', async () => {
  const store = await written('runs')
  const agent = { name: 'planner' }
  await store.commit([sealedEntry({ type: 'run_started', runId: 'r', agent, data: { agent } } as object)])
  const reader = await read('runs')
  expect(await reader.runs({ status: 'running' }).toArray()).toMatchObject([{ runId: 'r', agent }])
  expect(await reader.run('r')).toMatchObject({ status: 'running' })
  expect(await reader.sessions().toArray()).toHaveLength(1)
})
