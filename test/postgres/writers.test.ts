import { afterAll, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { type PostgresStore, postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries, sealedEntry } from '../../src/testing/index.js'
import { migratedDatabase } from './support/database.js'
import { TcpProxy } from './support/proxy.js'
import {
  type Acknowledged,
  expectExactlyOnce,
  numbersOf,
  startWriter,
  untilAcknowledged,
  verifiedEvents,
} from './support/writers.js'

/** Each of the processes appends so many. */
const EVENTS = process.env.SPANLEDGER_POSTGRES === 'full' ? 100_000 : 1_500

const database = await migratedDatabase()
const url = database.url()
const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

async function opened(logId: string, writer?: string): Promise<PostgresStore> {
  const store = postgresStore({ connectionString: url, logId, ...(writer === undefined ? {} : { writer }) })
  await store.open()
  ends.push(() => store.close())
  return store
}

test(`four processes append ${EVENTS} events each to one log: gapless, each once, in the order of each`, async () => {
  const names = ['a', 'b', 'c', 'd']
  const writers = names.map((name) => startWriter(url, 'four', name, { count: EVENTS }))
  for (const { exited } of writers) expect(await exited).toEqual([0, null])
  const events = await verifiedEvents(url, 'four')
  expect(events.length).toBe(4 * EVENTS + 4)
  for (const [at, name] of names.entries()) {
    expect(numbersOf(events, name)).toEqual([...Array(EVENTS).keys()])
    expectExactlyOnce(events, name, writers[at]?.acknowledged as Acknowledged)
  }
}, 600_000)

test('a writer that is killed loses nothing that was acknowledged, and leaves a mark when it is opened again', async () => {
  const steady = startWriter(url, 'killed', 'steady', { count: 600 })
  const acknowledged: Acknowledged = new Map()
  for (let round = 0; round < 4; round++) {
    const killed = startWriter(url, 'killed', 'killed', { first: round * 10_000, count: 10_000 })
    await untilAcknowledged(killed, 20 + round * 17)
    killed.child.kill('SIGKILL')
    await killed.exited
    for (const [n, seq] of killed.acknowledged) acknowledged.set(n, seq)
  }
  expect(await steady.exited).toEqual([0, null])
  const events = await verifiedEvents(url, 'killed')
  expectExactlyOnce(events, 'killed', acknowledged)
  expectExactlyOnce(events, 'steady', steady.acknowledged)
  // Each opening marks the run of the one before it, and nobody marks that of the steady writer.
  const interrupted = events.filter(({ type }) => type === 'run_interrupted').map(({ runId }) => runId)
  expect(interrupted).toEqual(['killed-0', 'killed-10000', 'killed-20000'])
})

test('connections that the server ends while it commits make no entry missing, and none doubled', async () => {
  const store = await opened('terminated')
  const terminate = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'spanledger' and datname = current_database() and state <> 'idle'`
  const entries = sealedEntries(200)
  const seqs: number[] = []
  for (const entry of entries) {
    // Connecting takes as long as some commits do.
    const terminated = seqs.length % 4 === 0 ? database.sql(terminate) : undefined
    if (seqs.length % 8 === 0) await terminated
    seqs.push(...Array.from((await store.commit([entry])).seqs))
    await terminated
  }
  expect(seqs).toEqual([...entries.keys()])
  expect((await verifiedEvents(url, 'terminated')).map(({ id }) => id)).toEqual(entries.map(({ event }) => event.id))
})

test('a commit whose answer is lost is acknowledged with the positions it got, behind which others may stand', async () => {
  const proxy = await TcpProxy.start(() => Number(new URL(url).port))
  ends.push(() => proxy.close())
  const through = new URL(url)
  through.port = String(proxy.port)
  const store = postgresStore({ connectionString: through.href, logId: 'lost answer', pool: { max: 1 } })
  await store.open()
  ends.push(() => store.close())
  const other = await opened('lost answer')
  // After what somebody else did, a commit asks first; undisturbed it is one statement.
  for (let n = 0; n < 3; n++) await store.commit(sealedEntries(1))

  // The only connection has nothing else to do when this is through.
  await store.refresh()
  proxy.losesAnswers = true
  const [first, second] = sealedEntries(2)
  const group = [first, first, second].filter((entry) => entry !== undefined)
  const committing = store.commit(group)
  do await other.refresh()
  while (other.size < 6)
  expect(Array.from((await other.commit(sealedEntries(2))).seqs)).toEqual([6, 7])
  proxy.losesAnswers = false
  proxy.reset()
  expect(await committing).toMatchObject({ seqs: [3, 4, 5], size: 8 })
  // Acknowledged is forgotten: the same again is another.
  expect(Array.from((await store.commit(group.slice(0, 1))).seqs)).toEqual([8])
  expect((await verifiedEvents(url, 'lost answer')).length).toBe(9)
})

test('a commit that failed before it took place is stored by its retry, among others', async () => {
  const proxy = await TcpProxy.start(() => Number(new URL(url).port))
  ends.push(() => proxy.close())
  const through = new URL(url)
  through.port = String(proxy.port)
  const store = postgresStore({ connectionString: through.href, logId: 'lost request' })
  await store.open()
  ends.push(() => store.close())
  const other = await opened('lost request')
  proxy.isCut = true
  const committing = store.commit(sealedEntries(2))
  await other.commit(sealedEntries(2))
  proxy.reset()
  proxy.isCut = false
  expect(await committing).toMatchObject({ seqs: [2, 3], size: 4, firstNew: 2 })
})

test('an id that its caller chose is stored once, whoever appends it', async () => {
  const [one, two] = await Promise.all(
    ['one', 'two'].map((writer) =>
      openAuditLog({ store: postgresStore({ connectionString: url, logId: 'ids', writer }) }),
    ),
  )
  if (!one || !two) throw new Error('no log')
  ends.push(
    () => one.close(),
    () => two.close(),
  )
  const event = (to: string) => ({ type: 'agent_handoff', id: 'chosen', sessionId: 's', data: { to } }) as const
  const first = await one.append(event('writer'))
  // The other one has not seen it, and is told of what is stored.
  expect(await two.append(event('writer'))).toEqual(first)
  await expect(two.append(event('editor'))).rejects.toMatchObject({
    code: 'AUDIT_ID_CONFLICT',
    message: expect.stringContaining(`position ${first.seq} `),
  })
  const ids = Array.from({ length: 40 }, (_, n) => `id ${n}`)
  const both = await Promise.all(
    [one, two].map((log) => Promise.all(ids.map((id) => log.append({ ...event('writer'), id })))),
  )
  expect(both[0]?.map(({ seq }) => seq)).toEqual(both[1]?.map(({ seq }) => seq))
  expect((await verifiedEvents(url, 'ids')).filter(({ type }) => type === 'agent_handoff').length).toBe(41)
})

test('whoever is followed under its own name is told so with its next commit, and nobody else is', async () => {
  const bystander = await opened('names', 'bystander')
  const followed = await opened('names', 'same')
  await followed.commit(sealedEntries(1))
  const follower = await opened('names', 'same')
  await expect(followed.commit(sealedEntries(1))).rejects.toMatchObject({
    code: 'AUDIT_LOG_LOCKED',
    message: expect.stringContaining("under the name 'same'"),
  })
  await follower.commit(sealedEntries(1))
  await bystander.commit(sealedEntries(1))
  expect(bystander.size).toBe(3)
})

test('open runs are those of the writer of a name', async () => {
  const [one, two] = [await opened('runs', 'one'), await opened('runs', 'two')]
  await one.commit([sealedEntry({ type: 'run_started', runId: 'a' } as object)])
  await two.commit([sealedEntry({ type: 'run_started', runId: 'b' } as object)])
  expect(await one.openRuns()).toEqual([0])
  expect(await two.openRuns()).toEqual([1])
  await two.commit([sealedEntry({ type: 'run_completed', runId: 'a' } as object)])
  expect(await one.openRuns()).toEqual([])
  const anonymous = await opened('runs')
  expect(await anonymous.openRuns()).toEqual([])
  expect(anonymous.closedInOrder).toBe(true)
})

test('a writer without a name leaves nothing behind but its entries, and that its run is open', async () => {
  const store = postgresStore({ connectionString: url, logId: 'anonymous' })
  await store.open()
  await store.commit([sealedEntry({ type: 'run_started', runId: 'a' } as object)])
  await store.close()
  const [left] = await database.sql(`select
    (select count(*) from spanledger.writer w join spanledger.log using (log) where id = 'anonymous') as writers,
    (select count(*) from spanledger.open_run r join spanledger.log using (log) where id = 'anonymous') as runs`)
  expect(left).toEqual({ writers: '0', runs: '1' })
})

test('logs of one database do not see each other', async () => {
  const [one, two] = [await opened('apart 1'), await opened('apart 2')]
  await one.commit(sealedEntries(3, () => ({ id: 'same' })))
  await two.commit([sealedEntry({ id: 'same' }), sealedEntry()])
  expect([one.size, two.size]).toEqual([1, 2])
  expect(await one.countPostings('tenant', ['t'], { from: 0, to: 10 })).toBe(1)
})
