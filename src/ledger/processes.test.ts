import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownIdentity } from '../store/process-identity.js'
import type { ProcessStatus } from './process-status.js'
import { forgetEnded, processesAt, readProcesses, removeStatus, writeStatus } from './processes.js'

function ledger(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const own: ProcessStatus = {
  pid: process.pid,
  startedAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:01.000Z',
  host: hostname(),
  identity: ownIdentity(),
  log: 0,
  status: 'impaired',
  reasons: [{ code: 'no_context_manager', message: 'children are not linked' }],
}

test('reads what a living process has written, until it is removed', async () => {
  const location = ledger()
  await writeStatus(location, '1-00000000.json', { ...own, status: 'waiting' })
  await writeStatus(location, '1-00000000.json', own)
  expect(await readProcesses(location)).toEqual({ processes: [{ ...own, state: 'running' }], unreadStatusFiles: 0 })
  await removeStatus(location, '1-00000000.json')
  expect(readdirSync(processesAt(location))).toEqual([])
})

test.skipIf(process.platform === 'win32')(
  'a new directory is for those who read the ledger, and one that is there keeps its mode',
  async () => {
    const location = ledger()
    const modeOf = () => (statSync(processesAt(location)).mode & 0o7777).toString(8)
    mkdirSync(join(location, 'entries'))
    chmodSync(join(location, 'entries'), 0o750)
    await writeStatus(location, '1-00000000.json', own)
    expect(modeOf()).toBe('750')
    chmodSync(processesAt(location), 0o2700)
    await writeStatus(location, '1-00000000.json', own)
    expect(modeOf()).toBe('2700')
  },
)

test('knows of nobody where there is no directory, or something else in its place', async () => {
  const location = ledger()
  expect(await readProcesses(location)).toEqual({ processes: [], unreadStatusFiles: 0 })
  symlinkSync(ledger(), processesAt(location))
  expect(await readProcesses(location)).toEqual({ processes: [], unreadStatusFiles: 0 })
  await expect(writeStatus(location, '1-00000000.json', own)).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
})

test('does not take a process of another host for one that has ended', async () => {
  const location = ledger()
  await writeStatus(location, '1-00000000.json', { ...own, host: 'elsewhere' })
  expect((await readProcesses(location)).processes).toMatchObject([{ state: 'unknown' }])
})

test('believes and shows nothing of a file that is no status', async () => {
  const location = ledger()
  const directory = processesAt(location)
  mkdirSync(directory)
  const put = (n: number, text: string) => writeFileSync(join(directory, `1-0000000${n}.json`), text)
  put(0, `{"pid":1,"startedAt":"2026-01-01T00:00:00.000Z","pad":"${'x'.repeat(20_000)}"}`)
  put(1, 'no JSON')
  put(2, '[]')
  put(3, JSON.stringify({ ...own, pid: -1 }))
  put(4, JSON.stringify({ ...own, startedAt: 'now' }))
  symlinkSync(join(directory, '1-00000004.json'), join(directory, '1-00000005.json'))
  mkdirSync(join(directory, '1-00000006.json'))
  writeFileSync(join(directory, 'other.json'), JSON.stringify(own))
  expect(await readProcesses(location)).toEqual({ processes: [], unreadStatusFiles: 7 })
})

test('takes of a hostile status no more than its fields, cut', async () => {
  const location = ledger()
  mkdirSync(processesAt(location))
  const reasons = Array.from({ length: 200 }, () => ({ code: 'c', message: 'm', extra: 1 }))
  const said = JSON.stringify({
    ...own,
    host: 'h'.repeat(999),
    log: 1.5,
    reasons: [7, { code: 1 }, ...reasons],
    extra: 1,
  })
  const text = said.replace('{', '{"__proto__":{"polluted":true},"identity":{"__proto__":{"bootId":"0"}},')
  writeFileSync(join(processesAt(location), '1-00000000.json'), text)
  const [found] = (await readProcesses(location)).processes
  expect(found).not.toHaveProperty('extra')
  expect(found).not.toHaveProperty('polluted')
  expect(found?.host).toHaveLength(255)
  expect(found?.log).toBeUndefined()
  expect(found?.reasons).toEqual(Array.from({ length: 14 }, () => ({ code: 'c', message: 'm' })))
})

test('reads a bounded number of files', async () => {
  const location = ledger()
  mkdirSync(processesAt(location))
  for (let n = 0; n < 300; n++) {
    writeFileSync(join(processesAt(location), `${n + 1}-0000000a.json`), JSON.stringify(own))
  }
  const { processes, unreadStatusFiles } = await readProcesses(location)
  expect([processes.length, unreadStatusFiles]).toEqual([256, 44])
})

test.runIf(process.platform === 'linux')('forgets processes that have ended, but for the latest', async () => {
  const location = ledger()
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const identity = own.identity && { ...own.identity, pid: child.pid ?? 0, startTicks: 1 }
  for (let n = 0; n < 40; n++) {
    const updatedAt = `2026-01-01T00:00:${String(n).padStart(2, '0')}.000Z`
    await writeStatus(location, `${n + 1}-0000000a.json`, { ...own, pid: child.pid ?? 0, identity, updatedAt })
  }
  await writeStatus(location, '99-0000000a.json', own)
  await forgetEnded(location)
  const { processes } = await readProcesses(location)
  const ended = processes.filter(({ state }) => state === 'ended').map(({ updatedAt }) => updatedAt)
  expect(ended.sort()[0]).toBe('2026-01-01T00:00:08.000Z')
  expect([ended.length, processes.length]).toEqual([32, 33])
})
