import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { content, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { Appender } from '../../src/store/postgres/appender.js'
import { migrate, postgresStore } from '../../src/store/postgres/index.js'
import { poolConfig } from '../../src/store/postgres/pool-config.js'
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/store/postgres/schema.js'
import { Server } from '../../src/store/postgres/server.js'
import { sealedEntries } from '../../src/testing/index.js'
import { emptyDatabase, type TestDatabase } from './support/database.js'

/** The version without content. */
const BEFORE = 3
const contentKeys = { directory: mkdtempSync(join(tmpdir(), 'spanledger-keys-')) }
const ends: (() => Promise<unknown>)[] = []
let database: TestDatabase
let roles = 0

/** Makes the tables as the version before made them. */
beforeEach(async () => {
  database = await emptyDatabase()
  const client = new Client(database.url())
  await client.connect()
  for (const role of ['spanledger_writer', 'spanledger_reader']) {
    await client.query(`do $$ begin create role ${role} nologin; exception when duplicate_object then null; end $$`)
  }
  await client.query(`create schema spanledger;
    create table spanledger.migration (version integer primary key, applied_at timestamptz not null default now())`)
  for (const [at, { sql }] of MIGRATIONS.slice(0, BEFORE).entries()) {
    await client.query(sql)
    await client.query('insert into spanledger.migration (version) values ($1)', [at + 1])
  }
  await client.end()
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
  rmSync(contentKeys.directory, { recursive: true })
})

async function role(): Promise<string> {
  const name = `migrated_${process.pid}_${roles++}`
  await database.sql(`create role ${name} login password 'not-a-secret'`)
  return name
}

/** Writes as a process of the version before does: by the functions that there were then, whatever version the tables have. */
async function writerOf(url: string, logId: string): Promise<Appender> {
  const server = new Server(poolConfig('test', { connectionString: url }))
  ends.push(() => server.close())
  return await Appender.open(server, logId, 'before', 'test')
}

const storeOf = (url: string) => postgresStore({ connectionString: url, logId: 'log' })

test('a log goes on with what it has, and who writes it meanwhile goes on too', async () => {
  const granted = await role()
  await database.sql(`select spanledger.grant_log('log', '${granted}', 'write')`)
  const before = await writerOf(database.url(granted), 'log')
  await before.commit(sealedEntries(300), undefined)
  // It commits while the tables are migrated, and afterwards.
  let isMigrated = false
  const writing = (async () => {
    let commits = 0
    do {
      await before.commit(sealedEntries(1), undefined)
      commits++
    } while (!isMigrated)
    return commits
  })()
  expect(await migrate({ connectionString: database.url() })).toEqual({ from: BEFORE, to: SCHEMA_VERSION })
  isMigrated = true
  const size = 300 + (await writing)
  await before.commit(sealedEntries(1), undefined)

  // The role writes content without being granted the log anew.
  const log = await openAuditLog({ store: storeOf(database.url(granted)), contentKeys })
  const { seq } = await log.append({ type: 'custom', data: { name: 'note', note: content('after') } })
  expect(seq).toBe(size + 1)
  await log.close()
  await before.commit(sealedEntries(1), undefined)

  await using reader = await openAuditLogReader({ store: storeOf(database.url()), contentKeys })
  expect(await reader.events({ tenantId: 't' }).count()).toBe(size + 2)
  expect(await reader.content({ seq: 0 })).toEqual([])
  expect(await reader.content({ seq })).toMatchObject([{ status: 'readable', value: 'after' }])
  expect((await reader.verify()).problems).toMatchObject([{ kind: 'checkpoint_missing' }])
})

test('members of the group of writers write content after migrating', async () => {
  const member = await role()
  await database.sql(`grant spanledger_writer to ${member}`)
  await migrate({ connectionString: database.url() })
  const log = await openAuditLog({ store: storeOf(database.url(member)), contentKeys })
  const { seq } = await log.append({ type: 'custom', data: { name: 'note', note: content('text') } })
  await log.close()
  await using reader = await openAuditLogReader({ store: storeOf(database.url()), contentKeys })
  expect(await reader.content({ seq })).toMatchObject([{ status: 'readable' }])
})

test('tables of the version before are not opened, to read or to write: they are to be migrated', async () => {
  const refused = {
    code: 'AUDIT_FORMAT_UNSUPPORTED',
    message: expect.stringContaining(`needs version ${SCHEMA_VERSION}: run 'spanledger postgres migrate'`),
  }
  await expect(storeOf(database.url()).open()).rejects.toMatchObject(refused)
  await expect(storeOf(database.url()).openForReading()).rejects.toMatchObject(refused)
})

test('an owner who may not create the missing role is told so, and nothing is changed', async () => {
  const owner = await role()
  await database.sql(`alter schema spanledger owner to ${owner};
    do $$ declare each record; begin
      for each in select oid::regclass as name from pg_class
        where relnamespace = 'spanledger'::regnamespace and relkind in ('r', 'p')
      loop execute format('alter table %s owner to ${owner}', each.name); end loop;
    end $$`)
  // Roles belong to the whole server, so that the group has another name here.
  await database.sql('alter role spanledger_content_reader rename to spanledger_set_aside').catch(() => {})
  try {
    await expect(migrate({ connectionString: database.url(owner) })).rejects.toMatchObject({
      code: 'AUDIT_OPEN_FAILED',
      message: expect.stringContaining("'create role spanledger_content_reader nologin'"),
    })
  } finally {
    await database.sql('alter role spanledger_set_aside rename to spanledger_content_reader').catch(() => {})
  }
  expect(await database.sql('select max(version) as version from spanledger.migration')).toEqual([{ version: BEFORE }])
})
