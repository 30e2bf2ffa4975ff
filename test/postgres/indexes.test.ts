import { afterAll, beforeAll, expect, test } from 'vitest'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { openAuditLog, openAuditLogReader } from '../../src/index.js'
import { IndexComparison } from '../../src/inspection/compare-indexes.js'
import { migrate, type PostgresStore, postgresStore } from '../../src/store/postgres/index.js'
import { SCHEMA_VERSION } from '../../src/store/postgres/schema.js'
import { sealedEntries } from '../../src/testing/index.js'
import { Findings } from '../../src/verify/findings.js'
import { migratedDatabase, type TestDatabase, WITHOUT_VERSION_4 } from './support/database.js'

const signer = Ed25519Signer.generate('example.com/payments')
const SIZE = 700
const TOOL = { name: 'search' }
let database: TestDatabase
let template: string

/** A log of all kinds of events, some runs left open, and times that go up and down. */
async function fill({ url }: TestDatabase): Promise<void> {
  const log = await openAuditLog({ store: postgresStore({ connectionString: url(), logId: 'log' }), signer })
  for (let n = 0; n < SIZE; n++) {
    const common = {
      tenantId: `t-${n % 3}`,
      sessionId: `s-${n % 7}`,
      runId: `r-${n % 50}`,
      time: new Date(1_767_225_600_000 + ((n * 7919) % 1000) * 60_000).toISOString(),
    }
    if (n < 50) log.record({ ...common, type: 'run_started', data: { agent: { id: `a-${n % 4}`, name: 'agent' } } })
    else if (n < 90) log.record({ ...common, type: 'run_failed', data: { error: { code: 'e', message: 'm' } } })
    else if (n % 10 === 0) await log.append({ ...common, type: 'custom', id: `id-${n}`, data: { name: 'note' } })
    else if (n % 10 === 1) log.record({ ...common, type: 'tool_call_started', data: { callId: 'c', tool: TOOL } })
    else log.record({ ...common, type: 'custom', parentRunId: 'parent', actor: { id: 'u' }, data: { name: 'note' } })
  }
  await log.close()
}

const storeIn = ({ url }: TestDatabase): PostgresStore => postgresStore({ connectionString: url(), logId: 'log' })

async function verified(of: TestDatabase) {
  const reader = await openAuditLogReader({ store: storeIn(of) })
  try {
    const { status, problems } = await reader.verify({ logKeys: [signer.vkey] })
    return { status, kinds: problems.map(({ kind }) => kind), problems }
  } finally {
    await reader.close()
  }
}

/** A copy of the database, altered as the owner or a superuser can. */
async function altered(statement: string): Promise<TestDatabase> {
  const copy = `${template}_${copies++}`
  await database.sql(`create database ${copy} template ${template}`)
  const of = database.named(copy)
  await of.sql(`set session_replication_role = replica; ${statement}`)
  return of
}
let copies = 0

beforeAll(async () => {
  database = await migratedDatabase()
  const filled = await migratedDatabase()
  await fill(filled)
  template = filled.name
})

test('a log whose indexes are those of its entries is verified', async () => {
  expect(await verified(await altered('select 1'))).toMatchObject({ status: 'verified', kinds: [] })
})

test('migrating files entries of before by their actors and tools, and ends who would not do so', async () => {
  const of = await altered(`delete from spanledger.posting where substring(value from 3 for 1) in ('\\x07', '\\x08')`)
  const writer = postgresStore({ connectionString: of.url(), logId: 'other' })
  await writer.open()
  expect((await verified(of)).kinds).toContain('posting_missing')
  await of.sql(`${WITHOUT_VERSION_4} delete from spanledger.migration where version = 3`)
  expect(await migrate({ connectionString: of.url() })).toEqual({ from: 2, to: SCHEMA_VERSION })
  expect(await verified(of)).toMatchObject({ status: 'verified', kinds: [] })
  await expect(writer.commit(sealedEntries(1))).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
  await writer.close()
})

const FIRST =
  "(select value from spanledger.posting where substring(value from 3 for 1) = '\\x03' order by value limit 1)"
test.each([
  ['postings that are gone', 'posting_missing', `delete from spanledger.posting where value = ${FIRST}`],
  [
    'one posting of many that is gone',
    'posting_missing',
    `delete from spanledger.posting where (value, last_seq) = (select value, max(last_seq) from spanledger.posting
      where value = ${FIRST} group by value)`,
  ],
  [
    'postings of the first part of a value that are gone',
    'posting_missing',
    "delete from spanledger.posting where substring(value from 1 for 1) = '\\x01' and substring(value from 3 for 1) = '\\x01'",
  ],
  [
    'a posting under another value',
    'posting_stray',
    `update spanledger.posting set value = value || '\\x00' where value = ${FIRST}`,
  ],
  [
    'a posting that was copied',
    'posting_stray',
    `insert into spanledger.posting select log, value || '\\x01', last_seq, first_seq, count, positions
      from spanledger.posting where value = ${FIRST} limit 1`,
  ],
  [
    'a count that was changed',
    'index_unreadable',
    `update spanledger.posting set count = count + 1 where value = ${FIRST}`,
  ],
  [
    'a first position that was changed',
    'index_unreadable',
    `update spanledger.posting set first_seq = first_seq - 1 where value = ${FIRST}`,
  ],
  [
    'positions that were changed',
    'index_unreadable',
    `update spanledger.posting set positions = '' where value = ${FIRST}`,
  ],
  [
    'a posting behind the end',
    'posting_stray',
    `insert into spanledger.posting select log, value, 9999, 9999, 1, '\\x0100' from spanledger.posting limit 1`,
  ],
  [
    'a posting of no index',
    'record_unknown',
    "update spanledger.posting set value = '\\x00' where value = (select value from spanledger.posting order by value limit 1)",
  ],
  [
    'a time block that was narrowed',
    'time_block_altered',
    'update spanledger.time_block set max = min where level = 0 and block = 0',
  ],
  [
    'a time block that is gone',
    'time_block_altered',
    'delete from spanledger.time_block where level = 0 and block = 1',
  ],
  [
    'the last time block that was changed',
    'time_block_altered',
    'update spanledger.time_block set min = max where level = 2',
  ],
  [
    'an open run that is gone',
    'open_run_altered',
    'delete from spanledger.open_run where seq = (select min(seq) from spanledger.open_run)',
  ],
  [
    'a run that is open and has ended',
    'open_run_altered',
    "insert into spanledger.open_run select log, '\\x00', 'w', 3 from spanledger.log",
  ],
  ['a run that is open since another entry', 'open_run_altered', 'update spanledger.open_run set seq = seq + 1'],
  ['an id that leads elsewhere', 'caller_id_altered', 'update spanledger.caller_id set seq = seq - 1'],
  [
    "an id that is no entry's",
    'caller_id_altered',
    "insert into spanledger.caller_id select log, '\\x0801', 3 from spanledger.log",
  ],
])('%s: %s', async (_, kind, statement) => {
  const { status, kinds, problems } = await verified(await altered(statement))
  expect({ status, kinds: [...new Set(kinds)] }, JSON.stringify(problems)).toMatchObject({ status: 'altered' })
  expect(kinds).toContain(kind)
})

test('failed runs that a deleted posting hides are not beside a verdict that says verified', async () => {
  const of = await altered(`delete from spanledger.posting where position('run_failed'::bytea in value) > 0`)
  const reader = await openAuditLogReader({ store: storeIn(of) })
  expect((await reader.runs({ status: 'failed' }).toArray()).length).toBeLessThan(40)
  await reader.close()
  expect((await verified(of)).kinds).toContain('posting_missing')
})

test('open runs are compared in memory that does not grow with their number', async () => {
  const store = storeIn(await altered('select 1'))
  await store.openForReading()
  const indexes = store.indexes?.()
  if (!indexes) throw new Error('no indexes')
  const end = await indexes.end()
  for (const [change, found] of [
    [() => {}, []],
    [(key: string) => key, ['open_run_altered']],
  ] as const) {
    const findings = new Findings()
    let isFirst = true
    const comparison = new IndexComparison({
      store,
      findings,
      end,
      maxSlots: 1_024,
      indexes: Object.assign(Object.create(indexes), {
        filed: indexes.filed.bind(indexes),
        postings: indexes.postings.bind(indexes),
        timeBlocks: indexes.timeBlocks.bind(indexes),
        callerIds: indexes.callerIds.bind(indexes),
        openRuns: (use: Parameters<typeof indexes.openRuns>[0]) =>
          indexes.openRuns(async (size, runs) => {
            const left = (async function* () {
              for await (const page of runs) {
                yield change('') === undefined || !isFirst ? page : page.slice(1)
                isFirst = false
              }
            })()
            await use(size, left)
          }),
      }),
    })
    for await (const chunk of store.entries({ from: 0, to: end.size, reverse: false })) {
      await comparison.add({ from: chunk[0]?.seq ?? 0, entries: chunk.map(({ bytes }) => bytes) })
    }
    await comparison.finish()
    expect(findings.all.map(({ kind }) => kind)).toEqual(found)
  }
  await store.close()
})

test('a log that grows while it is verified is verified', async () => {
  const of = await altered('select 1')
  const store = postgresStore({ connectionString: of.url(), logId: 'log', writer: 'another' })
  const writer = await openAuditLog({ store, signer })
  let isDone = false
  const writing = (async () => {
    for (let n = 0; !isDone; n++) {
      const runId = `w-${Math.floor(n / 2) % 9}`
      const time = `2025-01-01T00:00:0${n % 9}Z`
      if (n % 2 === 0) await writer.append({ type: 'run_started', runId, time, data: { agent: { name: 'w' } } })
      else await writer.append({ type: 'run_completed', runId, time, data: {} })
    }
  })()
  try {
    for (let round = 0; round < 10; round++) {
      const { problems } = await verified(of)
      expect(problems).toEqual([])
    }
  } finally {
    isDone = true
    await writing
    await writer.close()
  }
})

afterAll(async () => {
  for (let at = 0; at < copies; at++) await database.sql(`drop database ${template}_${at} with (force)`)
})
