import { afterAll, beforeEach, expect, test } from 'vitest'
import { content, openAuditLog } from '../../src/index.js'
import { postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntry } from '../../src/testing/index.js'
import { migratedDatabase, type TestDatabase } from './support/database.js'
import { TcpProxy } from './support/proxy.js'
import { contentKeys, startWriter, untilAcknowledged, verifiedEvents } from './support/writers.js'

const ends: (() => Promise<unknown>)[] = []
let database: TestDatabase

beforeEach(async () => {
  database = await migratedDatabase()
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const item = (text: string) => ({ ...sealedEntry(), content: [{ field: 'data.note', bytes: Buffer.from(text) }] })

/** The number of rows of a table. */
async function rowsOf(table: string): Promise<number> {
  const [{ rows } = {}] = await database.sql<{ rows: number }>(`select count(*)::int as rows from spanledger.${table}`)
  return rows ?? Number.NaN
}

/** Does something in the transaction of a commit, at a moment of it: of the first `times` commits that come there. */
async function during(moment: string, times: number, act: string): Promise<void> {
  // A sequence goes on whatever becomes of the transaction.
  await database.sql(`create sequence public.come;
    create function public.act() returns trigger language plpgsql as $$ begin
      if nextval('public.come') <= ${times} then perform ${act}; end if;
      return null;
    end $$;
    create trigger act ${moment} for each statement execute function public.act()`)
}

const END_BACKEND = 'pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()), pg_catalog.pg_sleep(30)'

test.each([
  ['before the items, behind the entries', 'before insert on spanledger.content'],
  ['behind the items', 'after insert on spanledger.content'],
  ['before the entries', 'before insert on spanledger.entry'],
  ['behind the head, before the items', 'after update on spanledger.log'],
])('a connection that ends %s leaves neither: the next attempt stores both, once', async (_, moment) => {
  await using log = await openAuditLog({
    store: postgresStore({ connectionString: database.url(), logId: 'log' }),
    contentKeys,
  })
  await log.append({ type: 'custom', data: { name: 'first', note: content('kept') } })
  await during(moment, 3, END_BACKEND)
  const { seq } = await log.append({ type: 'custom', data: { name: 'second', note: content('kept too') } })
  expect(seq).toBe(1)
  const [{ come } = {}] = await database.sql<{ come: number }>('select last_value::int as come from public.come')
  expect(come).toBeGreaterThan(3)
  expect([await rowsOf('entry'), await rowsOf('content')]).toEqual([2, 2])
  const events = await log.events({ content: 'all' }).toArray()
  expect(events.map(({ data }) => data)).toMatchObject([{ note: 'kept' }, { note: 'kept too' }])
})

test('a commit whose items are refused stores nothing, and is stored when they are not', async () => {
  const store = postgresStore({ connectionString: database.url(), logId: 'log' })
  await store.open()
  await store.commit([item('first')])
  await database.sql(`create function public.refuse() returns trigger language plpgsql as $$ begin
      raise exception 'no space' using errcode = 'disk_full';
    end $$;
    create trigger refuse before insert on spanledger.content for each row execute function public.refuse()`)
  const entry = item('second')
  await expect(store.commit([sealedEntry(), entry])).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  expect([await rowsOf('entry'), await rowsOf('content'), store.size]).toEqual([1, 1, 1])
  // Entries without content do not wait for it.
  expect(await store.commit([sealedEntry()])).toMatchObject({ size: 2 })
  await database.sql('drop trigger refuse on spanledger.content')
  expect(Array.from((await store.commit([entry])).seqs)).toEqual([2])
  expect(await rowsOf('content')).toBe(2)
  await store.close()
})

test('content whose answer is lost is stored once, behind what others store meanwhile', async () => {
  const proxy = await TcpProxy.start(() => Number(new URL(database.url()).port))
  ends.push(() => proxy.close())
  const through = new URL(database.url())
  through.port = String(proxy.port)
  const store = postgresStore({ connectionString: through.href, logId: 'log', pool: { max: 1 } })
  await store.open()
  ends.push(() => store.close())
  const other = postgresStore({ connectionString: database.url(), logId: 'log' })
  await other.open()
  ends.push(() => other.close())
  // After what somebody else did, a commit asks first; undisturbed it is one statement.
  for (const text of ['first', 'second', 'third']) await store.commit([item(text)])
  // The only connection has nothing else to do when this is through.
  await store.refresh()
  proxy.losesAnswers = true
  const committing = store.commit([item('fourth'), item('fifth')])
  do await other.refresh()
  while (other.size < 5)
  await other.commit([item('sixth')])
  proxy.losesAnswers = false
  proxy.reset()
  expect(await committing).toMatchObject({ seqs: [3, 4], size: 6 })
  const items = (await store.content?.([0, 1, 2, 3, 4, 5])) ?? []
  expect(items.map((each) => each.map(({ bytes }) => Buffer.from(bytes).toString()))).toEqual(
    ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'].map((text) => [text]),
  )
})

test('no entry of a process that was killed promises content which is not there', async () => {
  for (let round = 0; round < 4; round++) {
    const killed = startWriter(database.url(), 'killed', 'w', { first: round * 10_000, count: 10_000 })
    await untilAcknowledged(killed, 10 + round * 23)
    killed.child.kill('SIGKILL')
    await killed.exited
  }
  // It looks at the content of each.
  const events = await verifiedEvents(database.url(), 'killed')
  const kept = events.filter((event) => event.content !== undefined)
  expect(kept.length).toBeGreaterThan(30)
  expect(await rowsOf('content')).toBe(kept.length)
})
