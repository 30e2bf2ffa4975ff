import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate, type PostgresStore, postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import { TcpProxy } from './support/proxy.js'
import { PostgresServer } from './support/server.js'
import { expectExactlyOnce, numbersOf, startWriter, untilAcknowledged, verifiedEvents } from './support/writers.js'

/** Each of the writers appends so many. */
const EVENTS = process.env.SPANLEDGER_POSTGRES === 'full' ? 20_000 : 600

let primary: PostgresServer
let standbys: PostgresServer[]
/** What a proxy that knows the primary is to clients. */
let proxy: TcpProxy
let url: string
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  primary = await PostgresServer.start([
    "synchronous_standby_names = 'ANY 1 (one, two)'",
    // Of what is made before there is a standby, nothing waits for one.
    'synchronous_commit = local',
    'wal_sender_timeout = 5s',
    'wal_retrieve_retry_interval = 200ms',
  ])
  const first = primary
  ends.push(() => first.remove())
  await primary.sql('create database audit')
  await migrate({ connectionString: primary.url('audit') })
  standbys = []
  for (const name of ['one', 'two']) {
    const standby = await primary.startStandby(name)
    ends.push(() => standby.remove())
    standbys.push(standby)
  }
  for (const server of [primary, ...standbys]) {
    await server.configure(['synchronous_commit = on'])
    await server.sql('select pg_reload_conf()')
  }
  await primary.until("select count(*) = 2 from pg_stat_replication where sync_state = 'quorum'")
  proxy = await TcpProxy.start(() => primary.port)
  ends.push(() => proxy.close())
  url = primary.url('audit', { port: proxy.port })
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

async function opened(logId: string, through = url): Promise<PostgresStore> {
  const store = postgresStore({ connectionString: through, logId })
  await store.open()
  ends.push(() => store.close())
  return store
}

/** Waits until so many commits wait for a standby. */
const untilWaiting = (count: number) =>
  primary.until(`select count(*) = ${count} from pg_stat_activity where wait_event = 'SyncRep'`)

test('a commit that no standby has is not acknowledged, whatever becomes of its connection', async () => {
  const store = await opened('unreplicated')
  await store.commit(sealedEntries(1))
  for (const standby of standbys) await standby.kill()
  let isSettled = false
  const committing = store.commit(sealedEntries(2)).finally(() => {
    isSettled = true
  })
  // Told not to wait any longer, the server commits without its standbys.
  for (const told of ['pg_terminate_backend', 'pg_cancel_backend', 'pg_terminate_backend']) {
    await untilWaiting(1)
    await primary.sql(`select ${told}(pid) from pg_stat_activity where wait_event = 'SyncRep'`)
  }
  await untilWaiting(1)
  expect(isSettled).toBe(false)
  for (const standby of standbys) await standby.run()
  expect(await committing).toMatchObject({ seqs: [1, 2], size: 3 })
  expect((await verifiedEvents(url, 'unreplicated')).length).toBe(3)
})

test('a standby that is killed holds up nobody', async () => {
  const writer = startWriter(url, 'standby killed', 'a', { count: EVENTS })
  await untilAcknowledged(writer, EVENTS / 4)
  await standbys[1]?.kill()
  await untilAcknowledged(writer, EVENTS / 2)
  await standbys[1]?.run()
  expect(await writer.exited).toEqual([0, null])
  const events = await verifiedEvents(url, 'standby killed')
  expect(numbersOf(events, 'a')).toEqual([...Array(EVENTS).keys()])
  expectExactlyOnce(events, 'a', writer.acknowledged)
})

test('a slow network, and one that is cut for a while, lose and double nothing', async () => {
  const writer = startWriter(url, 'network', 'a', { count: EVENTS })
  await untilAcknowledged(writer, EVENTS / 6)
  proxy.delayMillis = 15
  await untilAcknowledged(writer, EVENTS / 3)
  proxy.delayMillis = 0
  for (let cut = 3; cut < 6; cut++) {
    await untilAcknowledged(writer, (EVENTS * cut) / 6)
    proxy.isCut = true
    await primary.sql('select pg_sleep(0.3)')
    proxy.isCut = false
    proxy.reset()
  }
  expect(await writer.exited).toEqual([0, null])
  const events = await verifiedEvents(url, 'network')
  expect(numbersOf(events, 'a')).toEqual([...Array(EVENTS).keys()])
  expectExactlyOnce(events, 'a', writer.acknowledged)
})

test('the primary is killed while it commits: a standby goes on, and nothing acknowledged is missing or doubled', async () => {
  const names = ['a', 'b']
  const writers = names.map((name) => startWriter(url, 'failover', name, { count: EVENTS }))
  for (const writer of writers) await untilAcknowledged(writer, EVENTS / 4)
  const onlooker = await opened('failover')
  const old = primary
  await old.kill()

  const [next, other] = await byProgress(standbys)
  await next.sql('select pg_promote()')
  await next.until('select not pg_is_in_recovery()')
  await other.follow(next, 'other')
  await next.configure(["synchronous_standby_names = 'ANY 1 (other)'"])
  await next.sql('select pg_reload_conf()')
  primary = next
  proxy.reset()

  for (const { exited } of writers) expect(await exited).toEqual([0, null])
  await onlooker.commit(sealedEntries(1))
  const { size } = onlooker
  await other.until(`select size = ${size} from spanledger.log where id = 'failover'`, 'audit')
  for (const server of [next, other]) {
    const events = await verifiedEvents(server.url('audit'), 'failover')
    expect(events.length).toBe(size)
    for (const [at, name] of names.entries()) {
      expect(numbersOf(events, name)).toEqual([...Array(EVENTS).keys()])
      expectExactlyOnce(events, name, writers[at]?.acknowledged ?? new Map())
    }
  }

  // A standby takes no writes, and says so.
  const standby = postgresStore({ connectionString: other.url('audit'), logId: 'failover' })
  await expect(standby.open()).rejects.toMatchObject({
    code: 'AUDIT_OPEN_FAILED',
    message: expect.stringContaining('connect to the primary'),
  })

  // Nobody fenced the old primary off: two go on with the same log.
  await old.configure(["synchronous_standby_names = ''"])
  await old.run()
  const there = postgresStore({ connectionString: old.url('audit'), logId: 'failover' })
  await there.open()
  while (there.size <= size) await there.commit(sealedEntries(50))
  await there.close()
  primary = old
  proxy.reset()
  await expect(onlooker.commit(sealedEntries(1))).rejects.toMatchObject({
    code: 'AUDIT_LOG_CORRUPT',
    message: expect.stringMatching(/are not those that were committed|entries that were committed it has/),
  })
  primary = next
})

/** The one with the most of the primary's log, and the other: a quorum of one means that it may be either. */
async function byProgress(servers: readonly PostgresServer[]): Promise<[PostgresServer, PostgresServer]> {
  const [one, two] = servers
  if (!one || !two) throw new Error('there are two standbys')
  const received = async (server: PostgresServer) =>
    (await server.sql<{ lsn: string }>("select pg_last_wal_receive_lsn() - '0/0' as lsn"))[0]?.lsn ?? '0'
  return BigInt(await received(one)) >= BigInt(await received(two)) ? [one, two] : [two, one]
}
