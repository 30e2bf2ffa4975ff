import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { needsIsolation } from '../../src/cli/isolated-process.js'
import { postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import type { VerifyReport } from '../../src/verify/report.js'
import { run } from '../cli/command-line.js'
import { emptyDatabase, migratedDatabase, type TestDatabase } from './support/database.js'

const spanledger = (...args: string[]) => run(args)

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

test('the command line makes the tables, and reads a log from them', async () => {
  const { url } = await emptyDatabase()
  expect(await spanledger('query', '--store', `${url()}#a%20log`)).toMatchObject({
    code: 66,
    err: expect.stringContaining("run 'spanledger postgres migrate'"),
  })
  expect(await spanledger('postgres', 'migrate', url())).toMatchObject({ code: 0, out: 'version 4: tables made\n' })
  expect(await spanledger('postgres', 'migrate', url())).toMatchObject({ out: 'version 4: nothing to do\n' })
  const store = postgresStore({ connectionString: url(), logId: 'a log' })
  await store.open()
  await store.commit(sealedEntries(3))
  await store.close()
  const { code, out } = await spanledger('query', '--jsonl', '--store', `${url()}#a%20log`)
  expect(code).toBe(0)
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).seq),
  ).toEqual([0, 1, 2])
})

test('what cannot be meant is said', async () => {
  const at = ['--store', 'postgres://host/db#log']
  expect(await spanledger('query', '--store', 'postgres://host/db')).toMatchObject({ code: 64 })
  for (const both of [
    ['verify', folder, ...at],
    ['prove', folder, '1', ...at],
    ['doctor', '--log', folder, ...at],
    ['query', '--log', folder, ...at],
  ]) {
    expect(await spanledger(...both)).toMatchObject({ code: 64, err: expect.stringContaining('not both') })
  }
  expect(await spanledger('postgres')).toMatchObject({ code: 64, err: expect.stringContaining('postgres migrate') })
  expect(await spanledger('postgres', 'migrate', 'host')).toMatchObject({ code: 64 })
})

describe('a log in a database', () => {
  const signer = Ed25519Signer.generate('example.com/payments')
  let database: TestDatabase
  let at: readonly string[]

  const open = () =>
    openAuditLog({ store: postgresStore({ connectionString: database.url(), logId: 'payments' }), signer })
  const verified = async (...args: string[]) => {
    const { code, out, err } = await spanledger('verify', ...at, '--jsonl', ...args)
    expect(err).toBe('')
    return { code, report: JSON.parse(out) as VerifyReport }
  }
  /** What a superuser can do. */
  const tamper = (statement: string) => database.sql(`set session_replication_role = replica; ${statement}`)
  const file = async (name: string, text: string) => {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }

  beforeEach(async () => {
    vi.unstubAllEnvs()
    database = await migratedDatabase()
    at = ['--store', `${database.url()}#payments`]
    const log = await open()
    for (let n = 0; n < 5; n++) await log.append({ type: 'custom', data: { name: `event ${n}` } })
    await log.close()
  })

  test('is verified against a key and a checkpoint that were kept', async () => {
    const log = await open()
    const kept = await file('kept.txt', (await log.checkpoint()) as string)
    await log.append({ type: 'custom', data: { name: 'later' } })
    await log.close()
    const { code, report } = await verified('--vkey', signer.vkey, '--checkpoint', kept)
    expect({ code, report }).toMatchObject({
      code: 0,
      report: { status: 'verified', size: 6, provenSize: 6, checkpoints: [{ size: 6 }, { size: 5, holds: true }] },
    })
    expect(report.location).not.toContain('not-a-secret')
    expect((await spanledger('verify', ...at, '-k', signer.vkey)).out).toMatch(
      /^VERIFIED by a key given as --vkey only {2}postgres:.*#payments\n/,
    )
  })

  test('is verified, proved and looked at with the role of readers alone', async () => {
    const role = `auditor_${process.pid}`
    await database.sql(`create role ${role} login password 'not-a-secret'; grant spanledger_reader to ${role}`)
    const store = ['--store', `${database.url(role)}#payments`]
    expect(await spanledger('verify', ...store, '-k', signer.vkey)).toMatchObject({ code: 0, err: '' })
    expect(await spanledger('prove', '1', ...store)).toMatchObject({ code: 0, err: '' })
    expect(await spanledger('doctor', ...store)).toMatchObject({ code: 0, err: '' })
    expect(await spanledger('record', ...store, '-d', '{"name":"x"}')).toMatchObject({
      code: 66,
      err: expect.stringContaining('grant the role spanledger_writer'),
    })
  })

  test('is verified in a process of its own, as one in a directory is', () => {
    expect(needsIsolation(['verify', ...at], {})).toBe(true)
    expect(needsIsolation(['query', ...at], {})).toBe(false)
  })

  test('is recorded and read with its content, by the keys that a variable names', async () => {
    vi.stubEnv('SPANLEDGER_CONTENT_KEYS', join(folder, 'keys'))
    const data = { error: { code: 'E', message: 'no such plan' } }
    expect(
      await spanledger('record', ...at, '-t', 'run_failed', '--run', 'r-1', '-d', JSON.stringify(data)),
    ).toMatchObject({ code: 0, err: '' })
    const queried = async () =>
      (await spanledger('query', ...at, '-t', 'run_failed', '--content', 'all', '--jsonl')).out
    expect(JSON.parse(await queried())).toMatchObject({ data })
    expect((await spanledger('show', ...at, 'r-1')).out).toContain('no such plan')
    expect((await spanledger('runs', ...at, '--jsonl')).out).toContain('no such plan')
    vi.stubEnv('SPANLEDGER_CONTENT_KEYS', join(folder, 'nothing here'))
    expect(JSON.parse(await queried()).data).toEqual({ error: { code: 'E' } })
    expect(await spanledger('show', ...at, 'r-1')).toMatchObject({ code: 0 })
  })

  test('is altered where a row was rewritten', async () => {
    await tamper(`update spanledger.entry set bytes = overlay(bytes placing 'X'::bytea from 20) where seq = 2`)
    const { code, report } = await verified('--vkey', signer.vkey)
    expect(code).toBe(5)
    expect(report).toMatchObject({ status: 'altered', size: 5, provenSize: 0 })
    expect(report.problems.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['root_mismatch', 'head_altered']))
    const altered = report.problems.find(({ kind }) => kind === 'entry_altered')
    expect(altered?.entries).toEqual([{ from: 2, to: 3 }])
  })

  test('is altered where its tree was', async () => {
    await tamper(
      `update spanledger.tile set hashes = overlay(hashes placing '\\x00'::bytea from 1) where level = 0 and first = 1`,
    )
    const { code, report } = await verified('--vkey', signer.vkey)
    expect(code).toBe(5)
    expect(report.problems).toEqual([expect.objectContaining({ kind: 'tile_altered', entries: [{ from: 1, to: 2 }] })])
  })

  test('is altered where rows are gone, which are named', async () => {
    await tamper('delete from spanledger.entry where seq in (1, 3)')
    const { code, report } = await verified('--vkey', signer.vkey)
    expect(code).toBe(5)
    const missing = report.problems.find(({ kind }) => kind === 'entry_missing')
    expect(missing?.entries).toEqual([
      { from: 1, to: 2 },
      { from: 3, to: 4 },
    ])
  })

  test('is not vouched for by another key, nor by none', async () => {
    const other = Ed25519Signer.generate('example.com/payments')
    expect(await verified('--vkey', other.vkey)).toMatchObject({ code: 4, report: { status: 'unknown_key' } })
    expect(await verified()).toMatchObject({ code: 4 })
    expect((await spanledger('verify', ...at)).out).toContain('as --vkey')
  })

  test('is truncated by a checkpoint of more than it has', async () => {
    const longer = postgresStore({ connectionString: database.url(), logId: 'copy' })
    const copy = await openAuditLog({ store: longer, signer })
    for (let n = 0; n < 7; n++) await copy.append({ type: 'custom', data: { name: `event ${n}` } })
    const kept = await file('longer.txt', (await copy.checkpoint()) as string)
    await copy.close()
    const { code, report } = await verified('--vkey', signer.vkey, '--checkpoint', kept)
    expect({ code, report }).toMatchObject({ code: 2, report: { status: 'truncated' } })
  })

  test('that is not there is nothing to verify, and is not made', async () => {
    const missing = `${database.url()}#missing`
    expect(await spanledger('verify', '--store', missing, '-k', signer.vkey)).toEqual({
      code: 66,
      out: '',
      err: expect.stringMatching(/There is no audit log .*#missing\n$/),
    })
    expect(await spanledger('record', '--store', missing, '-d', '{"name":"x"}')).toMatchObject({ code: 66 })
    expect(await database.sql('select id from spanledger.log')).toHaveLength(1)
  })

  test('gives a receipt of an entry', async () => {
    const receipt = join(folder, 'entry.receipt')
    expect(await spanledger('prove', '2', ...at, '-o', receipt, '--force')).toMatchObject({ code: 0 })
    const { code, out } = await spanledger('verify', '--receipt', receipt, '--vkey', signer.vkey)
    expect(code).toBe(0)
    expect(out).toContain('"name":"event 2"')
  })

  test('is exported as tiles that others verify', async () => {
    const tiles = join(folder, 'tiles')
    expect(await spanledger('export', '--tiles', tiles, ...at)).toMatchObject({ code: 0 })
    expect(await readFile(join(tiles, 'checkpoint'), 'utf8')).toMatch(/^example.com\/payments\n5\n/)
    expect(await spanledger('verify', tiles, '--vkey', signer.vkey)).toMatchObject({ code: 0 })
  })

  test('is looked at by doctor, without its password', async () => {
    const { out } = await spanledger('doctor', ...at, '--json')
    expect(JSON.parse(out)).toMatchObject({
      store: expect.stringMatching(/#payments$/),
      ...{ events: 5, droppedEvents: 0, gaps: 0, checkpoints: [{ source: 'database', size: 5 }] },
    })
    expect(out).not.toContain('not-a-secret')
    expect((await spanledger('doctor', ...at)).out).toMatch(/^store {6}postgres:.*\nevents {5}5\n/)
  })

  test('takes an event beside its writers, signed with the key that is theirs', async () => {
    const log = await open()
    const record = (name: string) => spanledger('record', ...at, '-d', JSON.stringify({ name }))
    expect(await record('unsigned')).toMatchObject({ code: 0, out: '5\n' })
    expect((await verified('-k', signer.vkey)).report).toMatchObject({ size: 6, provenSize: 5 })
    vi.stubEnv('SPANLEDGER_SIGNING_KEY', signer.exportSkey())
    expect(await record('signed')).toMatchObject({ code: 0, out: '6\n' })
    expect((await verified('-k', signer.vkey)).report).toMatchObject({ status: 'verified', provenSize: 7 })
    await log.append({ type: 'custom', data: { name: 'goes on' } })
    await log.close()
    expect((await verified('-k', signer.vkey)).report).toMatchObject({ status: 'verified', provenSize: 8 })
  })

  test('is not signed by another key for one event', async () => {
    vi.stubEnv('SPANLEDGER_SIGNING_KEY', Ed25519Signer.generate('example.com/payments').exportSkey())
    expect(await spanledger('record', ...at, '-d', '{"name":"x"}')).toMatchObject({
      code: 70,
      err: expect.stringContaining('SPANLEDGER_SIGNING_KEY is not example.com/payments+'),
    })
    expect(await verified('-k', signer.vkey)).toMatchObject({ code: 0, report: { size: 5 } })
  })

  test('is made by record where that is asked for', async () => {
    const created = `${database.url()}#new`
    expect(await spanledger('record', '--store', created, '--create', '-d', '{"name":"x"}')).toMatchObject({
      out: '0\n',
    })
    expect(await spanledger('query', '--store', created, '--count')).toMatchObject({ out: '1\n' })
  })
})
