import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { type AuditLogOptions, content, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { openAuditLogShardedReader } from '../../src/reader/index.js'
import { type PostgresStore, postgresStore } from '../../src/store/postgres/index.js'
import { verifyContentProof } from '../../src/verify/index.js'
import { migratedDatabase } from './support/database.js'

const database = await migratedDatabase()
const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
const keys = { directory: join(base, 'keys') }
const policy = { name: 'all', rules: [{ match: { tool: 'search' }, payload: 'content' }] } as const
let logs = 0

afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => rmSync(base, { recursive: true }))

const storeOf = (logId: string): PostgresStore => postgresStore({ connectionString: database.url(), logId })

function newLog(): string {
  return `log ${logs++}`
}

const written = (logId: string, options: Omit<AuditLogOptions, 'store'> = {}) =>
  openAuditLog({ store: storeOf(logId), policy, contentKeys: keys, ...options })

const readerOf = (logId: string, contentKeys: false | object = keys) =>
  openAuditLogReader({ store: storeOf(logId), contentKeys })

/** Position of the tool call of {@link recordRun}: the policy, and the start of the run, come before it. */
const CALL = 2

/** A run that failed, with a tool call of it. */
async function recordRun(logId: string): Promise<void> {
  await using log = await written(logId)
  const run = { runId: 'r', actor: { id: 'ann' } }
  log.record({ ...run, type: 'run_started', data: { agent: { name: 'a' } } })
  const data = { callId: 'c', tool: { name: 'search' }, arguments: { query: 'the secret plan' } }
  log.record({ ...run, type: 'tool_call_started', data })
  await log.append({ ...run, type: 'run_failed', data: { error: { code: 'E', message: 'no such plan' } } })
}

test('content is kept with its event, and read wherever a local log has it', async () => {
  const logId = newLog()
  await recordRun(logId)
  await using reader = await readerOf(logId)
  const [call] = await reader.events({ type: 'tool_call_started' }).toArray()
  expect(call?.data).not.toHaveProperty('arguments')
  expect(await reader.content(call as { seq: number })).toMatchObject([
    { field: 'data.arguments', class: 'payload', status: 'readable', value: { query: 'the secret plan' } },
  ])
  const [withContent] = await reader.events({ type: 'tool_call_started', content: 'all' }).toArray()
  expect(withContent?.data.arguments).toEqual({ query: 'the secret plan' })
  const error = { message: 'no such plan' }
  const diagnostics = await reader.events({ content: 'diagnostics' }).toArray()
  expect(diagnostics.map(({ data }) => data)).toMatchObject([{}, {}, { tool: { name: 'search' } }, { error }])
  expect(diagnostics[CALL]?.data).not.toHaveProperty('arguments')
  expect(await reader.run('r')).toMatchObject({ error })
  expect(await reader.runs({ status: 'failed' }).toArray()).toMatchObject([{ error }])
  const proof = await reader.proveContent({ seq: CALL }, 'data.arguments')
  expect(proof.value).toBe('{"query":"the secret plan"}')
  expect(() => verifyContentProof(proof)).not.toThrow()
  expect(() => verifyContentProof({ ...proof, value: '{}' })).toThrow()
  await expect(reader.proveContent({ seq: CALL }, 'data.result')).rejects.toMatchObject({
    code: 'AUDIT_CONTENT_UNREADABLE',
  })
  expect(await reader.content({ seq: 99 })).toEqual([])
})

test('an open log reads its own content', async () => {
  await using log = await written(newLog())
  const { seq } = await log.append({ type: 'custom', data: { name: 'note', note: content('Ann called') } })
  expect(await log.content({ seq })).toMatchObject([{ field: 'data.note', status: 'readable', value: 'Ann called' }])
})

test('the database holds no content in plain', async () => {
  const logId = newLog()
  await recordRun(logId)
  const tables = await database.sql<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'spanledger'",
  )
  expect(tables.map(({ name }) => name)).toContain('content')
  for (const { name } of tables) {
    const rows = await database.sql<{ row: string }>(`select row::text as row from spanledger.${name} as row`)
    for (const { row } of rows) {
      const texts = [row, Buffer.from(row.replace(/[^\da-f]/g, ''), 'hex').toString('latin1')]
      for (const text of texts) expect(text).not.toMatch(/secret plan|no such plan/)
      for (const word of ['secret plan', 'no such plan']) expect(row).not.toContain(Buffer.from(word).toString('hex'))
    }
  }
})

test.each([
  ['NUL', 'a\0b'],
  ['what is no Unicode', 'a \ud800 b'],
  ['a JSON value with NUL', { 'a\0': ['\0'] }],
  ['an empty text', ''],
  ['any script', '\u{1F600} ä \u202e'],
])('content may be %s', async (_, value) => {
  await using log = await written(newLog())
  const { seq } = await log.append({ type: 'custom', data: { name: 'note', note: content(value) } })
  const [item] = await log.content({ seq })
  expect(item?.status).toBe('readable')
  expect(item?.value).toEqual(typeof value === 'string' ? value.toWellFormed() : value)
})

test('a value of more than 256 KiB is cut, and the event says so', async () => {
  await using log = await written(newLog())
  const note = `${'é'.repeat(200_000)} the end`
  const { seq } = await log.append({ type: 'custom', data: { name: 'note', note: content(note) } })
  const [item] = await log.content({ seq })
  expect(item).toMatchObject({ status: 'readable', bytes: 256 * 1024 })
  expect(note.startsWith(item?.value as string)).toBe(true)
  expect((await log.get(seq))?.altered).toMatchObject([
    { field: 'data.note', reason: 'truncated', originalLength: note.length },
  ])
})

test('content of many events of one commit is that of each', async () => {
  const logId = newLog()
  await using log = await written(logId)
  for (let n = 0; n < 500; n++) {
    const notes = Object.fromEntries(Array.from({ length: n % 4 }, (_, at) => [`note-${at}`, content(`${n} ${at}`)]))
    log.record({ type: 'custom', data: { name: 'note', n, ...notes } })
  }
  await log.flush()
  await using reader = await readerOf(logId)
  const events = await reader.events({ type: 'custom', content: 'all' }).toArray()
  expect(events.map(({ data }) => data)).toEqual(
    Array.from({ length: 500 }, (_, n) => ({
      name: 'note',
      n,
      ...Object.fromEntries(Array.from({ length: n % 4 }, (_, at) => [`note-${at}`, `${n} ${at}`])),
    })),
  )
})

test('without a directory of keys no content is recorded, and that is said once', async () => {
  const problems: Error[] = []
  const log = await openAuditLog({ store: storeOf(newLog()), on: { problem: (problem) => problems.push(problem) } })
  for (let n = 0; n < 3; n++)
    await log.append({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: 'm' } } })
  const events = await log.events().toArray()
  await log.close()
  expect(events.map(({ altered }) => altered)).toEqual(
    Array(3).fill([{ field: 'data.error.message', reason: 'key_unavailable' }]),
  )
  expect(problems).toMatchObject([
    { code: 'AUDIT_KEY_INVALID', message: expect.stringMatching(/contentKeys.*SPANLEDGER_CONTENT_KEYS/) },
  ])
})

test('a variable names the directory of keys, for writers and readers alike', async () => {
  const logId = newLog()
  vi.stubEnv('SPANLEDGER_CONTENT_KEYS', join(base, 'of the variable'))
  const log = await openAuditLog({ store: storeOf(logId) })
  await log.append({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: 'm' } } })
  await log.close()
  await using reader = await openAuditLogReader({ store: storeOf(logId) })
  expect(await reader.content({ seq: 0 })).toMatchObject([{ status: 'readable', value: 'm' }])
  await using without = await readerOf(logId, false)
  expect(await without.content({ seq: 0 })).toMatchObject([{ status: 'key_unavailable' }])
})

test.each([
  ['no keys', async () => false as const],
  ['a directory that is empty', async () => ({ directory: join(base, 'nothing here') })],
  ['another key file', async () => ({ ...keys, keyFile: await otherKeyFile() })],
])('a reader with %s reads everything else', async (_, given) => {
  const logId = newLog()
  await recordRun(logId)
  await using reader = await readerOf(logId, await given())
  expect(await reader.content({ seq: CALL })).toMatchObject([{ field: 'data.arguments', status: 'key_unavailable' }])
  expect(await reader.events({ content: 'all' }).count()).toBe(4)
  const [failed] = await reader.events({ type: 'run_failed', content: 'all' }).toArray()
  expect(failed?.data.error).toEqual({ code: 'E' })
  expect(await reader.run('r')).toMatchObject({ status: 'failed' })
  expect((await reader.verify()).problems).toMatchObject([{ kind: 'checkpoint_missing' }])
})

async function otherKeyFile(): Promise<string> {
  const path = join(await mkdtemp(join(base, 'other-')), 'provider.key')
  await writeFile(path, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
  return path
}

/** What a superuser can do. */
const tamper = (statement: string) => database.sql(`set session_replication_role = replica; ${statement}`)

test.each([
  [
    'altered',
    'damaged',
    'update spanledger.content set bytes = set_byte(bytes, 60, get_byte(bytes, 60) # 1) where log = LOG',
  ],
  [
    'exchanged for that of another entry',
    'damaged',
    'update spanledger.content set seq = 5 - seq, item = 1 where log = LOG',
  ],
  ['cut', 'damaged', "update spanledger.content set bytes = '' where log = LOG"],
  ['gone', 'missing', 'delete from spanledger.content where log = LOG'],
])('content that was %s is not taken for what was recorded', async (_, status, statement) => {
  const logId = newLog()
  await recordRun(logId)
  const [{ log } = {}] = await database.sql<{ log: number }>('select log from spanledger.log where id = $1', [logId])
  // Both events have content of the same field then.
  const sameField = "update spanledger.content set field = 'data.arguments' where log = LOG"
  for (const each of [sameField, statement]) await tamper(each.replace('LOG', `${log}`))
  await using reader = await readerOf(logId)
  expect(await reader.content({ seq: CALL })).toMatchObject([{ status }])
  expect((await reader.content({ seq: CALL }))[0]).not.toHaveProperty('value')
  expect(await reader.events({ content: 'all' }).count()).toBe(4)
})

test('writers of several logs share the keys: one person has one key', async () => {
  const ids = [newLog(), newLog()]
  for (const logId of ids) await recordRun(logId)
  await using reader = await openAuditLogShardedReader(ids.map(storeOf), { contentKeys: keys })
  const events = await reader.events({ type: 'run_failed', content: 'diagnostics' }).toArray()
  expect(events.map(({ data }) => data)).toMatchObject(Array(2).fill({ error: { message: 'no such plan' } }))
  const digests = new Set(events.map(({ content: kept }) => `${kept?.key} ${kept?.items[0]?.digest}`))
  expect(digests.size).toBe(1)
})

test('an event that its caller repeats keeps its first content', async () => {
  const [one, two] = ['one', 'two'].map((writer) => ({ writer, logId: 'repeated' }))
  const open = (of: typeof one) =>
    openAuditLog({
      store: postgresStore({ connectionString: database.url(), ...(of as { writer: string; logId: string }) }),
      contentKeys: keys,
    })
  await using first = await open(one)
  await using second = await open(two)
  const event = { type: 'custom', id: 'chosen', data: { name: 'note', note: content('the same') } } as const
  const { seq } = await first.append(event)
  expect((await second.append(event)).seq).toBe(seq)
  expect(await second.content({ seq })).toMatchObject([{ status: 'readable', value: 'the same' }])
  const [{ items } = {}] = await database.sql(
    "select count(*)::int as items from spanledger.content join spanledger.log using (log) where id = 'repeated'",
  )
  expect(items).toBe(1)
})
