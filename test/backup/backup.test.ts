import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { backupAuditLog } from '../../src/backup/backup.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { verifyLedgerDirectory } from '../../src/reader/verify.js'
import { sharedBuild } from '../support/build.js'
import { spanledger } from '../verify/tampered-log.js'

const dist = await sharedBuild()
let base: string
let directory: string
const writers: ChildProcess[] = []

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spanledger-backup-'))
  directory = join(base, 'audit')
})
afterEach(() => {
  for (const writer of writers.splice(0)) writer.kill('SIGKILL')
  rmSync(base, { recursive: true, force: true })
})

function start(name: string): ChildProcess {
  const writer = fork(join(import.meta.dirname, name), [dist, directory])
  writers.push(writer)
  return writer
}

async function writtenLog(): Promise<string> {
  const log = await openAuditLog(directory)
  for (let n = 0; n < 50; n++) log.record({ type: 'custom', data: { name: `event ${n}` } })
  await log.close()
  return vkeyOf(directory)
}

function vkeyOf(location: string): string {
  return readFileSync(join(location, 'keys', 'signing.vkey'), 'utf8').trim()
}

it('copies a ledger under load, every copy verified and with all that was there', async () => {
  const writer = start('writer.mjs')
  const [message] = await Promise.race([once(writer, 'message'), once(writer, 'exit')])
  expect(message).toBe('writing')
  const vkey = vkeyOf(directory)
  let before = [0, 0]
  for (let n = 0; n < 10; n++) {
    const copy = join(base, `copy-${n}`)
    const { logs } = await backupAuditLog(directory, copy)
    const report = await verifyLedgerDirectory(copy, { logKeys: [vkey], threads: 1 })
    expect(report).toMatchObject({ status: 'verified', problems: [], logs: [{ log: 0 }, { log: 1 }] })
    const sizes = logs.map(({ size }) => size)
    expect('logs' in report && report.logs.map(({ size }) => size)).toEqual(sizes)
    for (const [at, size] of sizes.entries()) expect(size).toBeGreaterThanOrEqual(before[at] as number)
    before = sizes
    expect(existsSync(join(copy, 'keys', 'signing.key'))).toBe(false)
  }
  expect(writer.exitCode).toBe(null)
  expect(readdirSync(base).filter((name) => name.endsWith('.partial'))).toEqual([])
  // It goes on where the copy ends.
  const copy = join(base, 'restored')
  await backupAuditLog(directory, copy, { withKeys: true })
  const log = await openAuditLog(copy)
  await log.append({ type: 'custom', data: { name: 'after the restoring' } })
  await log.close()
  expect(await verifyLedgerDirectory(copy, { logKeys: [vkey], threads: 1 })).toMatchObject({ status: 'verified' })
}, 600_000)

it('copies what the journal of a writer that died has and the database has not', async () => {
  await once(start('dying-writer.mjs'), 'exit')
  const copy = join(base, 'copy')
  const { logs } = await backupAuditLog(directory, copy, { withKeys: true })
  expect(logs[0]?.size).toBeLessThan(201)
  const log = await openAuditLog(copy)
  const names: unknown[] = []
  for await (const { data } of log.events({ type: 'custom' })) names.push(data.name)
  await log.close()
  expect(names).toHaveLength(200)
  expect(names.at(-1)).toBe('journaled 99')
  expect(await verifyLedgerDirectory(copy, { logKeys: [vkeyOf(directory)] })).toMatchObject({ status: 'verified' })
})

it('copies a log that was closed, and says that its key is not at hand where it goes on without', async () => {
  const vkey = await writtenLog()
  const copy = join(base, 'copy')
  expect(await backupAuditLog(directory, copy)).toEqual({ destination: copy, logs: [{ log: 0, size: 50 }] })
  const problems: string[] = []
  const log = await openAuditLog(copy, { on: { problem: (problem) => problems.push(problem.message) } })
  expect(log.recovery.unclean).toBe(false)
  await log.append({ type: 'custom', data: { name: 'after' } })
  await log.close()
  expect(problems).toEqual([expect.stringContaining('a key that is not at hand')])
  expect(await verifyLedgerDirectory(copy, { logKeys: [vkey] })).toMatchObject({ status: 'verified', provenSize: 50 })
})

it('shares no file with the log, and is for its owner alone', async () => {
  await writtenLog()
  const copy = join(base, 'copy')
  await backupAuditLog(directory, copy, { withKeys: true })
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    const { mode, nlink } = statSync(join(entry.parentPath, entry.name))
    expect((mode & 0o777).toString(8), entry.name).toBe(entry.isDirectory() ? '700' : '600')
    if (entry.isFile()) expect(nlink, entry.name).toBe(1)
  }
  expect(readFileSync(join(copy, 'keys', 'signing.key'))).toEqual(readFileSync(join(directory, 'keys', 'signing.key')))
})

it('refuses a destination that holds something, or lies in the log', async () => {
  await writtenLog()
  const held = join(base, 'held')
  mkdirSync(held)
  writeFileSync(join(held, 'file'), '')
  await expect(backupAuditLog(directory, held)).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  await expect(backupAuditLog(directory, join(directory, 'copy'))).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  await expect(backupAuditLog(directory, directory)).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  await expect(backupAuditLog(directory, join(base, 'no', 'copy'))).rejects.toMatchObject({
    code: 'AUDIT_WRITE_FAILED',
  })
  await expect(backupAuditLog(join(base, 'nowhere'), join(base, 'copy'))).rejects.toMatchObject({
    code: 'AUDIT_OPEN_FAILED',
  })
  expect(readdirSync(held)).toEqual(['file'])
  expect(readdirSync(base).sort()).toEqual(['audit', 'held'])
  const empty = join(base, 'empty')
  mkdirSync(empty)
  expect((await backupAuditLog(directory, empty)).logs).toEqual([{ log: 0, size: 50 }])
})

it('is a command that says what it copied', async () => {
  await writtenLog()
  const copy = join(base, 'copy')
  const { code, out } = await spanledger('backup', directory, '--output', copy, '--json')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ destination: copy, logs: [{ log: 0, size: 50 }] })
  const again = await spanledger('backup', directory, '--output', copy)
  expect(again).toMatchObject({ code: 73, out: '' })
  expect(again.err).toContain('is not empty')
  expect(await spanledger('backup', directory)).toMatchObject({ code: 64 })
})

it('copies content encrypted, and none of its keys', async () => {
  const log = await openAuditLog(directory)
  for (let n = 0; n < 20; n++) {
    log.record({ type: 'error_occurred', data: { operation: `${n}`, error: { code: 'E', message: `message ${n}` } } })
  }
  await log.flush()
  // In the journal alone, perhaps.
  log.record({ type: 'error_occurred', data: { operation: '20', error: { code: 'E', message: 'message 20' } } })
  const copy = join(base, 'copy')
  await backupAuditLog(directory, copy, { withKeys: true })
  await log.close()
  expect(existsSync(join(copy, 'keys/content'))).toBe(false)
  const query = { type: 'error_occurred', content: 'all' } as const
  const without = await openAuditLogReader(copy)
  for await (const event of without.events(query)) expect(event.data.error).toEqual({ code: 'E' })
  await without.close()
  const contentKeys = { directory: join(directory, 'keys/content') }
  const opened = await openAuditLog(copy, { contentKeys, on: { problem: () => {} } })
  const messages = (await opened.events(query).toArray()).map(({ data }) => data.error.message)
  expect(messages).toEqual(Array.from(messages, (_, n) => `message ${n}`))
  expect(messages.length).toBeGreaterThanOrEqual(20)
  await opened.close()
})
