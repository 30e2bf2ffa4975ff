import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { content, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { grantLog, postgresStore } from '../../src/store/postgres/index.js'
import { migratedDatabase } from './support/database.js'

const PASSWORD = 'not-a-secret'
const database = await migratedDatabase()
const contentKeys = { directory: mkdtempSync(join(tmpdir(), 'spanledger-keys-')) }
let made = 0
let writer: string

afterAll(() => rmSync(contentKeys.directory, { recursive: true }))

async function roleWith(...groups: readonly string[]): Promise<string> {
  const role = `content_${process.pid}_${made++}`
  await database.sql(`create role ${role} login password '${PASSWORD}'`)
  for (const group of groups) await database.sql(`grant ${group} to ${role}`)
  return role
}

const storeFor = (role: string, logId: string) => postgresStore({ connectionString: database.url(role), logId })

const readerFor = (role: string, logId = 'log') => openAuditLogReader({ store: storeFor(role, logId), contentKeys })

beforeAll(async () => {
  writer = await roleWith('spanledger_writer')
  for (const logId of ['log', 'other']) {
    await using log = await openAuditLog({ store: storeFor(writer, logId), contentKeys })
    await log.append({ type: 'run_failed', runId: 'r', data: { error: { code: 'E', message: 'what went wrong' } } })
  }
})

test.each([
  ['a reader of all logs', async () => roleWith('spanledger_reader')],
  ['a writer', async () => writer],
  [
    'a reader of one log',
    async () => {
      const role = await roleWith()
      await grantLog({ connectionString: database.url(), logId: 'log', role, may: 'read' })
      return role
    },
  ],
  ['a role that may read all tables', async () => roleWith('spanledger_reader', 'pg_read_all_data')],
])('%s may not read content, is told so, and reads everything else', async (_, role) => {
  await using reader = await readerFor(await role())
  expect(await reader.content({ seq: 0 })).toMatchObject([{ field: 'data.error.message', status: 'not_permitted' }])
  expect((await reader.content({ seq: 0 }))[0]).not.toHaveProperty('value')
  const [event] = await reader.events({ content: 'all' }).toArray()
  expect(event?.data).toEqual({ error: { code: 'E' } })
  expect(await reader.run('r')).toMatchObject({ status: 'failed', error: { code: 'E' } })
  expect(await reader.runs().count()).toBe(1)
  await expect(reader.proveContent({ seq: 0 }, 'data.error.message')).rejects.toMatchObject({
    code: 'AUDIT_CONTENT_UNREADABLE',
  })
})

test('a reader of content reads that of all logs, or of the one log that it may read', async () => {
  const all = await roleWith('spanledger_reader', 'spanledger_content_reader')
  for (const logId of ['log', 'other']) {
    await using reader = await readerFor(all, logId)
    expect(await reader.content({ seq: 0 })).toMatchObject([{ status: 'readable', value: 'what went wrong' }])
  }
  const one = await roleWith('spanledger_content_reader')
  await expect(readerFor(one)).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  await grantLog({ connectionString: database.url(), logId: 'log', role: one, may: 'read' })
  await using reader = await readerFor(one)
  expect(await reader.content({ seq: 0 })).toMatchObject([{ status: 'readable' }])
  const client = new Client(database.url(one))
  await client.connect()
  const { rows } = await client.query('select count(distinct log)::int as logs from spanledger.content')
  await client.end()
  expect(rows).toEqual([{ logs: 1 }])
})

test('a right that is granted or revoked while a reader is open counts from then on', async () => {
  const role = await roleWith('spanledger_reader')
  await using reader = await readerFor(role)
  const status = async () => (await reader.content({ seq: 0 })).map((item) => item.status)
  expect(await status()).toEqual(['not_permitted'])
  await database.sql(`grant spanledger_content_reader to ${role}`)
  expect(await status()).toEqual(['readable'])
  await database.sql(`revoke spanledger_content_reader from ${role}`)
  expect(await status()).toEqual(['not_permitted'])
})

test.each([
  ['reading items', 'select * from spanledger.content'],
  ['reading a partition', 'select * from spanledger.content_0'],
  ['adding items', "insert into spanledger.content values (1, 0, 5, '', '')"],
  ['changing items', "update spanledger.content set bytes = ''"],
  ['removing items', 'delete from spanledger.content'],
  ['truncating', 'truncate spanledger.content'],
  ['a policy of its own', 'create policy p on spanledger.content using (true)'],
  ['a trigger of its own', 'create trigger t before insert on spanledger.content execute function now()'],
])('a writer is refused: %s', async (_, statement) => {
  await expect(database.sql(`set role ${writer}; ${statement}`)).rejects.toMatchObject({ code: '42501' })
})

test.each([
  ['an entry that is there', 'size - 1'],
  ['an entry that is not there yet', 'size + 1'],
])('a writer adds no content to %s', async (_, seq) => {
  const [before] = await database.sql('select count(*) from spanledger.content')
  const statement = `do $$ declare head record; begin
    select * into head from spanledger.log where id = 'log';
    perform spanledger.append_with_content(head.log, head.version, head.root, null, head.size, '\\x7b7d', '{1}', '{2}',
      '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
      'w', '{}', '{}', '{}', false, null, null,
      'ab', array[(head.${seq})::bigint], '{0}', '{1}', '{1}', '{2}', '{1}');
    end $$`
  await expect(database.sql(`set role ${writer}; ${statement}`)).rejects.toMatchObject({
    code: '42501',
    message: expect.stringContaining('adds content of its own entries'),
  })
  expect(await database.sql('select count(*) from spanledger.content')).toEqual([before])
})

test('a writer of one log adds no content to another', async () => {
  const stranger = await roleWith('spanledger_writer')
  await using own = await openAuditLog({ store: storeFor(stranger, 'own'), contentKeys })
  await own.append({ type: 'custom', data: { name: 'n', note: content('x') } })
  const statement = `select spanledger.append_with_content((select min(log) from spanledger.log_right), 2, '', null, 1, '\\x7b7d', '{1}', '{2}',
      '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
      'w', '{}', '{}', '{}', false, null, null, 'ab', '{1}', '{0}', '{1}', '{1}', '{2}', '{1}')`
  await expect(database.sql(`set role ${stranger}; ${statement}`)).rejects.toMatchObject({
    code: '42501',
    message: expect.stringContaining('may not write this audit log'),
  })
})

test('a role that is granted a log writes content of it', async () => {
  const role = await roleWith()
  await grantLog({ connectionString: database.url(), logId: 'granted', role })
  await using log = await openAuditLog({ store: storeFor(role, 'granted'), contentKeys })
  const { seq } = await log.append({ type: 'custom', data: { name: 'n', note: content('x') } })
  await using reader = await readerFor('postgres', 'granted')
  expect(await reader.content({ seq })).toMatchObject([{ status: 'readable', value: 'x' }])
})

test('triggers refuse the owner of the tables, in each partition too', async () => {
  const [stored] = await database.sql<{ partition: string }>(
    'select tableoid::regclass::text as partition from spanledger.content limit 1',
  )
  for (const statement of [
    "update spanledger.content set bytes = ''",
    'delete from spanledger.content',
    `delete from ${stored?.partition}`,
    `truncate ${stored?.partition}`,
    'truncate spanledger.content',
  ]) {
    await expect(database.sql(statement), statement).rejects.toMatchObject({ code: '42501' })
  }
})

test('items are stored as they are: what is encrypted is not compressed', async () => {
  expect(
    await database.sql(`select distinct attstorage from pg_attribute where attname = 'bytes'
      and attrelid in (select inhrelid from pg_inherits where inhparent = 'spanledger.content'::regclass)`),
  ).toEqual([{ attstorage: 'e' }])
})
