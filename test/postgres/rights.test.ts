import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAuditLog, openAuditLogReader } from '../../src/index.js'
import { grantLog, migrate, type PostgresStore, postgresStore, revokeLog } from '../../src/store/postgres/index.js'
import { SCHEMA_VERSION, VERSION_1 } from '../../src/store/postgres/schema.js'
import { sealedEntries, sealedEntry } from '../../src/testing/index.js'
import { emptyDatabase, migratedDatabase, type TestDatabase } from './support/database.js'

const PASSWORD = 'not-a-secret'
const database = await migratedDatabase()
const ends: (() => Promise<unknown>)[] = []
let roles = 0
let victim: string
let attacker: string
let connection: Client

/** A role that may log in, and is a member of the group. */
async function roleIn({ sql }: TestDatabase, group?: string): Promise<string> {
  const role = `rights_${process.pid}_${roles++}`
  await sql(`create role ${role} login password '${PASSWORD}'`)
  if (group !== undefined) await sql(`grant ${group} to ${role}`)
  return role
}

async function opened(role: string, logId: string, of = database): Promise<PostgresStore> {
  const store = postgresStore({ connectionString: of.url(role), logId, writer: role })
  await store.open()
  ends.push(() => store.close())
  return store
}

beforeAll(async () => {
  victim = await roleIn(database, 'spanledger_writer')
  attacker = await roleIn(database, 'spanledger_writer')
  const log = await openAuditLog({ store: postgresStore({ connectionString: database.url(victim), logId: 'victim' }) })
  await log.append({ type: 'run_failed', runId: 'r', data: { error: { code: 'e', message: 'm' } } })
  await log.append({ type: 'run_started', runId: 'open', id: 'chosen', data: { agent: { name: 'a' } } })
  await log.close()
  const store = await opened(victim, 'victim')
  await store.commit(sealedEntries(3), { checkpoint: 'example.com/log\n5\nroot\n\nsignature\n' })
  await (await opened(attacker, 'own')).commit(sealedEntries(2))
  connection = new Client(database.url(attacker))
  await connection.connect()
})

afterAll(async () => {
  for (const end of ends.reverse()) await end()
  await connection.end()
})

/** All that a database holds of a log, as a superuser sees it. */
async function contentOf(logId: string): Promise<unknown> {
  const [{ log } = { log: 0 }] = await database.sql<{ log: number }>('select log from spanledger.log where id = $1', [
    logId,
  ])
  const tables = ['log', 'entry', 'posting', 'tile', 'caller_id', 'time_block', 'open_run', 'writer', 'log_right']
  const rows = tables.map((table) => `select '${table}', row::text from spanledger.${table} as row where log = ${log}`)
  return await database.sql(`select * from (${rows.join(' union all ')}) as rows order by 1, 2`)
}

/** Runs statements as the attacker. @returns the SQL state of what was refused */
async function attempt(text: string): Promise<string | undefined> {
  try {
    await connection.query(text)
    return undefined
  } catch (problem) {
    return (problem as { readonly code?: string }).code
  } finally {
    await connection.query('rollback')
    await connection.query('reset all')
  }
}

const TABLES = ['log', 'entry', 'posting', 'tile', 'caller_id', 'time_block', 'open_run', 'writer', 'log_right']
const LOG = '(select min(log) from spanledger.log_right)'
/** A call of `append` that gives the log this version, root, checkpoint, first position and entries. */
const append = (log: string, { version = '2', first = 5, entries = 0, checkpoint = 'null', more = '' } = {}) =>
  `select spanledger.append(${log}, ${version}, sha256(''), ${checkpoint}, ${first}, '\\x7b7d',
    array_fill(1, array[${entries}]), array_fill(2, array[${entries}]), '', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
    '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', 'only', '{}', '{}', '{}', false, null, null)${more}`

test.each([
  ...TABLES.flatMap((table) => [
    [`update of ${table}`, `update spanledger.${table} set ${table === 'log' ? 'size = size' : 'log = log'}`],
    [`delete from ${table}`, `delete from spanledger.${table}`],
    [`truncate of ${table}`, `truncate spanledger.${table}`],
    [
      `insert into ${table}`,
      `insert into spanledger.${table} ${table === 'log' ? 'overriding system value ' : ''}
      select * from spanledger.${table}`,
    ],
    [`lock of ${table}`, `begin; lock table spanledger.${table} in share mode`],
    [`trigger on ${table}`, `alter table spanledger.${table} disable trigger all`],
    [`own trigger on ${table}`, `create trigger t before insert on spanledger.${table} execute function now()`],
    [`rule on ${table}`, `create rule r as on insert to spanledger.${table} do instead nothing`],
    [`policy on ${table}`, `create policy p on spanledger.${table} using (true)`],
    [`security of ${table}`, `alter table spanledger.${table} disable row level security`],
    [`index on ${table}`, `create unique index on spanledger.${table} (log)`],
    [`drop of ${table}`, `drop table spanledger.${table} cascade`],
  ]),
  ['a partition', 'select * from spanledger.entry_0'],
  ['nulling a checkpoint', 'update spanledger.log set checkpoint = null, version = version + 1'],
  ['moving a head', 'update spanledger.log set size = size + 1, version = version + 1'],
  ['locking a head', 'begin; select * from spanledger.log for update'],
  ['locking a head through the function', `begin; select * from spanledger.lock_log(${LOG})`],
  ['taking over a writer', `select * from spanledger.open_writer(${LOG}, 'only', gen_random_uuid())`],
  ['forgetting a writer', `select spanledger.forget_writer(${LOG}, 'only', gen_random_uuid())`],
  ['appending', append(LOG)],
  ['appending entries', append(LOG, { entries: 1 })],
  ['opening the log', "select spanledger.create_log('victim')"],
  ['granting itself the log', "select spanledger.grant_log('victim', current_user, 'write')"],
  ['revoking', "select spanledger.revoke_log('victim', current_user)"],
  [
    'replacing a function',
    'create or replace function spanledger.require_write(integer) returns void language sql as $$$$',
  ],
  ['a function of its own in the schema', 'create function spanledger.f() returns int language sql as $$ select 1 $$'],
  ['the inner functions', `select spanledger.require_write(${LOG})`],
  ['another role', 'set role postgres'],
  ['another role by its setting', "select set_config('role', 'postgres', false)"],
  ['another session', "set session authorization 'postgres'"],
  ['replication', 'set session_replication_role = replica'],
  ['a later version', 'insert into spanledger.migration (version) values (99)'],
  ['the owner of a schema', 'alter schema spanledger owner to current_user'],
  [
    'a search path of its own',
    `create temp table log_right as select 1 as log, current_user::name as role, 'write' as may;
     create function pg_temp.acting_role() returns name language sql as $$ select 'postgres'::name $$;
     create function pg_temp.pg_has_role(name, oid, text) returns boolean language sql as $$ select true $$;
     set search_path = pg_temp, pg_catalog;
     ${append(LOG)}`,
  ],
])('a writer of another log is refused: %s', async (_, statement) => {
  const before = await contentOf('victim')
  expect(await attempt(statement)).toBe('42501')
  expect(await contentOf('victim')).toEqual(before)
})

test('it sees nothing of another log, and no entry through a function that tells what it compares', async () => {
  await connection.query(`create function pg_temp.tell(bytea) returns boolean language plpgsql cost 0.0000001 as $$
    begin raise notice 'seen %', $1; return true; end $$`)
  const seen: string[] = []
  connection.on('notice', ({ message }) => seen.push(String(message)))
  for (const table of TABLES.filter((name) => name !== 'log_right')) {
    const { rows } = await connection.query(
      `select distinct id from spanledger.log where log in (select log from spanledger.${table})`,
    )
    expect(
      rows.every(({ id }) => id === 'own'),
      table,
    ).toBe(true)
  }
  const { rows } = await connection.query('select seq from spanledger.entry where pg_temp.tell(bytes)')
  expect([rows.length, seen.length]).toEqual([2, 2])
  const store = postgresStore({ connectionString: database.url(attacker), logId: 'victim' })
  await expect(store.openForReading()).rejects.toMatchObject({
    message: expect.stringContaining('There is no audit log'),
  })
  await expect(store.open()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
})

test.each<[string, (own: string) => string]>([
  ['a head without entries', (own) => append(own, { first: 2, entries: 0, version: 'VERSION' })],
  ['entries from another position on', (own) => append(own, { first: 5, entries: 1, version: 'VERSION' })],
])('also of its own log it can only add to the end: not %s', async (_, statement) => {
  const { rows } = await connection.query("select log, version from spanledger.log where id = 'own'")
  const [{ log, version }] = rows
  expect(await attempt(statement(String(log)).replace('VERSION', version))).toBe('42501')
})

test('a notice that others send with what payload they like wakes a reader, and tells it nothing', async () => {
  const reader = await openAuditLogReader({ store: postgresStore({ connectionString: database.url(), logId: 'own' }) })
  ends.push(() => reader.close())
  const stop = new AbortController()
  const seen: number[] = []
  const following = (async () => {
    for await (const { seq } of reader.follow({}, { signal: stop.signal })) seen.push(seq)
  })().catch(() => {})
  const { rows } = await connection.query("select log from spanledger.log where id = 'own'")
  for (let n = 0; n < 2_000; n++) {
    await connection.query('select pg_notify($1, $2)', [`spanledger_${rows[0].log}`, JSON.stringify({ seq: n })])
  }
  const size = (await reader.head()).size
  await (await opened(attacker, 'own')).commit([sealedEntry()])
  while (!seen.includes(size)) await new Promise((resolve) => setImmediate(resolve))
  stop.abort()
  await following
  expect(seen.at(-1)).toBe(size)
})

test('writers of one log may share a role, as its members or by rights of their own', async () => {
  const [team, one, two, other] = await Promise.all([1, 2, 3, 4].map(() => roleIn(database)))
  await database.sql(`grant ${team} to ${one}`)
  for (const role of [team, two])
    await grantLog({ connectionString: database.url(), logId: 'shared', role: role ?? '' })
  const [first, second] = [await opened(one ?? '', 'shared'), await opened(two ?? '', 'shared')]
  await first.commit(sealedEntries(1))
  await second.commit(sealedEntries(1))
  await expect(opened(other ?? '', 'shared')).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  await revokeLog({ connectionString: database.url(), logId: 'shared', role: two ?? '' })
  await expect(second.commit(sealedEntries(1))).rejects.toMatchObject({
    code: 'AUDIT_WRITE_FAILED',
    message: expect.stringContaining('may not write this audit log'),
  })
  expect((await first.commit(sealedEntries(1))).size).toBe(3)
})

test('a reader may be given one log alone', async () => {
  const auditor = await roleIn(database)
  await grantLog({ connectionString: database.url(), logId: 'victim', role: auditor, may: 'read' })
  const of = (logId: string) => postgresStore({ connectionString: database.url(auditor), logId })
  const reader = await openAuditLogReader({ store: of('victim') })
  expect((await reader.events().toArray()).length).toBe(5)
  await reader.close()
  await expect(of('own').openForReading()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  await expect(of('victim').open()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  await expect(of('new').open()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
})

test('a role that is not there is said to be missing', async () => {
  const grant = { connectionString: database.url(), logId: 'a', role: 'no "such; role' }
  await expect(grantLog(grant)).rejects.toMatchObject({ message: expect.stringContaining('create it first') })
  await expect(grantLog({ ...grant, may: 'own' as 'read' })).rejects.toThrow(TypeError)
})

test('the head of a log keeps its checkpoint and moves with its entries, whoever moves it', async () => {
  for (const change of [
    'size = size + 1',
    'size = size - 1',
    'checkpoint = null',
    "checkpoint = E'example.com/log\\n4\\nroot\\n'",
    "checkpoint = 'none'",
    "uid = 'another'",
  ]) {
    const statement = `update spanledger.log set ${change}, version = version + 1 where id = 'victim'`
    await expect(database.sql(statement), change).rejects.toMatchObject({ code: '42501' })
  }
  await expect(
    database.sql("insert into spanledger.log (id, size, root, version) values ('made up', 5, '', 0)"),
  ).rejects.toMatchObject({ code: '42501' })
})

test('a log of the first version goes on, and is its writers alone from the first grant on', async () => {
  const old = await emptyDatabase()
  await old.sql(`create schema spanledger;
    create table spanledger.migration (version integer primary key, applied_at timestamptz not null default now());
    insert into spanledger.migration (version) values (1); ${VERSION_1}`)
  await old.sql(
    "insert into spanledger.log (id, size, root, version) values ('before', 0, sha256(''), 0), ('too', 0, sha256(''), 0)",
  )
  expect(await migrate({ connectionString: old.url() })).toEqual({ from: 1, to: SCHEMA_VERSION })
  const [one, two] = [await roleIn(old, 'spanledger_writer'), await roleIn(old, 'spanledger_writer')]
  const first = await opened(one, 'before', old)
  expect((await (await opened(two, 'too', old)).commit(sealedEntries(1))).size).toBe(1)
  expect(first.id).toMatch(/^[\da-f]{16}$/)
  await grantLog({ connectionString: old.url(), logId: 'before', role: one })
  await first.commit(sealedEntries(1))
  await expect(opened(two, 'before', old)).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  const reader = postgresStore({ connectionString: old.url(), logId: 'before' })
  await reader.openForReading()
  expect([reader.id, reader.size]).toEqual([first.id, 1])
  await reader.close()
  const other = postgresStore({ connectionString: old.url(), logId: 'too' })
  await other.openForReading()
  expect(other.id).not.toBe(first.id)
  await other.close()
})
