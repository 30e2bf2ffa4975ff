import { expect, test } from 'vitest'
import { migrate, postgresStore } from '../../src/store/postgres/index.js'
import { SCHEMA_VERSION } from '../../src/store/postgres/schema.js'
import { sealedEntries } from '../../src/testing/index.js'
import { emptyDatabase, migratedDatabase, type TestDatabase } from './support/database.js'
import { freePort } from './support/installation.mjs'

const openFailed = (message: string) => ({
  name: 'AuditLogError',
  code: 'AUDIT_OPEN_FAILED',
  message: expect.stringContaining(message),
})
const unsupported = (message: string) => ({
  code: 'AUDIT_FORMAT_UNSUPPORTED',
  message: expect.stringContaining(message),
})

const storeIn = (connectionString: string, logId = 'log') => postgresStore({ connectionString, logId })

/** A role that may log in. */
async function roleIn({ sql }: TestDatabase, granted?: string): Promise<string> {
  const role = `role_${process.pid}_${Math.trunc(performance.now() * 1000)}`
  await sql(`create role ${role} login password 'not-a-secret'`)
  if (granted !== undefined) await sql(`grant ${granted} to ${role}`)
  return role
}

/** Opens a log, commits so many entries and closes it. */
async function fill(url: string, count: number): Promise<void> {
  const store = storeIn(url)
  await store.open()
  await store.commit(sealedEntries(count))
  await store.close()
}

test('wrong credentials are said to be that', async () => {
  const { url } = await migratedDatabase()
  await expect(storeIn(url('postgres', 'wrong')).open()).rejects.toMatchObject(openFailed('refuses the credentials'))
})

test('a server that is not there, and a database that is not there, are told apart', async () => {
  const { url } = await emptyDatabase()
  const nowhere = new URL(url())
  nowhere.port = String(await freePort())
  await expect(storeIn(nowhere.href).open()).rejects.toMatchObject(openFailed('ECONNREFUSED'))
  const missing = new URL(url())
  missing.pathname = '/missing'
  await expect(storeIn(missing.href).open()).rejects.toMatchObject(openFailed('database "missing" does not exist'))
})

test('a database without the tables says which command makes them', async () => {
  const { url } = await emptyDatabase()
  const advice = openFailed("run 'spanledger postgres migrate'")
  await expect(storeIn(url()).open()).rejects.toMatchObject(advice)
  await expect(storeIn(url()).openForReading()).rejects.toMatchObject(advice)
})

test('tables of another version are refused, with what to upgrade', async () => {
  const { url, sql } = await migratedDatabase()
  await sql('insert into spanledger.migration (version) values (1000)')
  await expect(storeIn(url()).open()).rejects.toMatchObject(unsupported('upgrade Spanledger'))
  await expect(migrate({ connectionString: url() })).rejects.toMatchObject(unsupported('upgrade it'))
  await sql('delete from spanledger.migration')
  await expect(storeIn(url()).open()).rejects.toMatchObject(unsupported("run 'spanledger postgres migrate'"))
})

test('the role of readers reads, and cannot write', async () => {
  const database = await migratedDatabase()
  await fill(database.url(), 3)
  const reader = storeIn(database.url(await roleIn(database, 'spanledger_reader')))
  await expect(reader.open()).rejects.toMatchObject(openFailed('grant the role spanledger_writer'))
  await reader.openForReading()
  expect(await reader.countPostings('tenant', ['t'], { from: 0, to: 10 })).toBe(3)
  await expect(reader.commit(sealedEntries(1))).rejects.toMatchObject({
    code: 'AUDIT_WRITE_FAILED',
    message: expect.stringContaining('for reading only'),
  })
  await reader.close()
})

test('a role without any grant is told which one it lacks', async () => {
  const database = await migratedDatabase()
  const store = storeIn(database.url(await roleIn(database)))
  await expect(store.openForReading()).rejects.toMatchObject(openFailed('spanledger_reader to read it'))
})

test('the role of writers writes, and can change or remove nothing', async () => {
  const database = await migratedDatabase()
  const role = await roleIn(database, 'spanledger_writer')
  await fill(database.url(role), 3)
  for (const statement of [
    "update spanledger.entry set bytes = ''",
    'delete from spanledger.posting',
    'truncate spanledger.tile',
    'delete from spanledger.log',
    'drop table spanledger.entry',
  ]) {
    await expect(database.sql(`set role ${role}; ${statement}`), statement).rejects.toMatchObject({ code: '42501' })
  }
})

test('triggers refuse the owner of the tables, in each partition too', async () => {
  const { url, sql } = await migratedDatabase()
  await fill(url(), 3)
  const [stored] = await sql<{ partition: string }>(
    'select tableoid::regclass::text as partition from spanledger.entry limit 1',
  )
  for (const statement of [
    "update spanledger.entry set bytes = '' where seq = 1",
    'delete from spanledger.entry',
    `delete from ${stored?.partition}`,
    `truncate ${stored?.partition}`,
    'truncate spanledger.entry, spanledger.posting',
    'delete from spanledger.posting',
    "update spanledger.tile set hashes = ''",
    'update spanledger.caller_id set seq = 0; delete from spanledger.tile',
    'update spanledger.log set size = 1, version = version + 1',
    'update spanledger.log set version = version - 1',
    'truncate spanledger.log',
  ]) {
    await expect(sql(statement), statement).rejects.toMatchObject({ code: '42501' })
  }
})

test('a log that is not there is not made by reading it', async () => {
  const { url, sql } = await migratedDatabase()
  await expect(storeIn(url(), 'missing').openForReading()).rejects.toMatchObject(openFailed('There is no audit log'))
  expect(await sql('select id from spanledger.log')).toEqual([])
})

test('a tree that is not that of its head is damage', async () => {
  const { url, sql } = await migratedDatabase()
  await fill(url(), 5)
  await sql("update spanledger.log set root = decode(repeat('ab', 32), 'hex'), version = version + 1")
  await expect(storeIn(url()).open()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
})

test('a log that becomes less, or another one, under an open writer is damage', async () => {
  const { url, sql } = await migratedDatabase()
  const store = storeIn(url())
  await store.open()
  await store.commit(sealedEntries(5))
  // A superuser can do that.
  await sql(`set session_replication_role = replica; delete from spanledger.entry where seq = 4;
    update spanledger.log set size = 4, version = version + 1`)
  await expect(store.commit(sealedEntries(1))).rejects.toMatchObject({
    code: 'AUDIT_LOG_CORRUPT',
    message: expect.stringContaining('of the 5 entries that were committed it has 4'),
  })
  await store.close()
})

test('an entry that is missing is damage, not an answer', async () => {
  const { url, sql } = await migratedDatabase()
  await fill(url(), 5)
  await sql('set session_replication_role = replica; delete from spanledger.entry where seq = 2')
  const store = storeIn(url())
  await store.openForReading()
  await expect(store.read([2])).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
  const walk = store.entries({ from: 0, to: 5, reverse: true })[Symbol.asyncIterator]()
  await expect(walk.next()).rejects.toMatchObject({
    code: 'AUDIT_LOG_CORRUPT',
    message: expect.stringContaining('entry 2 of 5 is missing'),
  })
  await store.close()
})

test('migrating is done once, whoever else does it at the same time', async () => {
  const { url } = await emptyDatabase()
  const done = await Promise.all([1, 2, 3].map(() => migrate({ connectionString: url() })))
  expect(done.map(({ from }) => from).sort()).toEqual([0, SCHEMA_VERSION, SCHEMA_VERSION])
  expect(done.every(({ to }) => to === SCHEMA_VERSION)).toBe(true)
})

test('a server that would acknowledge before it has written is told to write first', async () => {
  const database = await migratedDatabase()
  const role = await roleIn(database, 'spanledger_writer')
  await database.sql(`alter role ${role} set synchronous_commit = off`)
  await database.sql(`create table seen (setting text);
    grant insert on seen to public;
    create function see() returns trigger language plpgsql as $$ begin
      insert into public.seen values (current_setting('synchronous_commit'));
      return new;
    end $$;
    create trigger see before update on spanledger.log for each row execute function see()`)
  await fill(database.url(role), 1)
  expect(await database.sql('select distinct setting from seen')).toEqual([{ setting: 'on' }])
})

test('options that cannot be meant are named', () => {
  const of = (options: object) => () => postgresStore(options as Parameters<typeof postgresStore>[0])
  expect(of({ logID: 'a' })).toThrow("unknown option 'logID'; did you mean 'logId'?")
  expect(of({})).toThrow('logId must be a text of 1 to 200 characters')
  expect(of({ logId: 'a\0' })).toThrow('without NUL')
  expect(of({ logId: '\ud800' })).toThrow(TypeError)
  expect(of({ logId: 'a', writer: '' })).toThrow('writer must be')
  expect(of({ logId: 'a', connectionString: 5 })).toThrow('connectionString must be text')
  expect(of({ logId: 'a', pool: 'x' })).toThrow('pool must be an object')
})

test('no message tells a password', async () => {
  const { url } = await emptyDatabase()
  const store = storeIn(url('postgres', 'secret-word'))
  expect(store.location).not.toContain('secret-word')
  const problem: unknown = await store.open().catch((caught: unknown) => caught)
  expect(String((problem as Error).message)).not.toContain('secret-word')
})
