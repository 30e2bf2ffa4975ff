import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { stagingAt } from '../../src/ledger/log-directories.js'
import { StagedQueue } from '../../src/log/staging/staged-queue.js'
import { LedgerOfLogs } from '../verify/ledger-of-logs.js'
import { spanledger } from '../verify/tampered-log.js'

let ledger: LedgerOfLogs | undefined
afterEach(() => ledger?.remove())

it('shows each log of a ledger, what waits in staging, and the disk that all take up', async () => {
  ledger = await LedgerOfLogs.make([0, 1])
  const staged = join(ledger.location, 'staging', '01234567-89ab-4def-8123-456789abcdef.ended')
  mkdirSync(staged, { recursive: true })
  writeFileSync(join(staged, '000001.journal'), Buffer.alloc(2_000))
  const log = await openAuditLog(ledger.directoryOf(1))
  const { code, out } = await spanledger('doctor', '--log', ledger.location, '--json')
  await log.close()
  expect(code).toBe(0)
  const found = JSON.parse(out)
  expect(found).toMatchObject({
    directory: ledger.location,
    staging: { journals: 1, events: 0, bytes: 2_000 },
    logs: [
      { log: 0, directory: ledger.location, events: 31, writer: 'none', ending: 'in_order' },
      { log: 1, directory: ledger.directoryOf(1), events: 32, writer: 'open', ending: 'open' },
    ],
  })
  // The logs and what is staged are each counted once.
  const [first, second] = found.logs
  expect(found.diskBytes).toBe(first.diskBytes + second.diskBytes + 2_000)
  const { out: text } = await spanledger('doctor', '--log', ledger.location)
  expect(text).toMatch(/^ledger +.*\nlogs +2\nstaging +0 events in 1 journal, /)
  expect(text).toContain('\nlog 0\ndirectory')
  expect(text).toContain('\nlog 1\ndirectory')
})

it('shows the others where one log cannot be opened', async () => {
  ledger = await LedgerOfLogs.make([0, 1])
  rmSync(join(ledger.directoryOf(0), 'entries', 'CURRENT'))
  const { out } = await spanledger('doctor', '--log', ledger.location, '--json')
  expect(JSON.parse(out).logs).toMatchObject([
    { log: 0, problem: expect.stringMatching(/^AUDIT_/) },
    { log: 1, events: 32 },
  ])
})

it('says what is staged where there is no log yet, and what a backup leaves out', async () => {
  ledger = await LedgerOfLogs.make([0])
  const stage = (location: string) => {
    const queue = new StagedQueue({ staging: stagingAt(location) })
    queue.record({ type: 'custom', data: { name: 'staged' } }, false)
    queue.release()
  }
  const location = join(ledger.root, 'staged')
  mkdirSync(location)
  stage(location)
  expect(await spanledger('runs', '--log', location)).toMatchObject({
    code: 0,
    err: expect.stringContaining('1 event is not committed yet'),
  })
  expect((await spanledger('doctor', '--log', location)).out).toMatch(/^staging +1 event in 1 journal, /m)
  stage(ledger.location)
  expect(await spanledger('backup', ledger.location, '--output', join(ledger.root, 'copy'))).toMatchObject({
    code: 0,
    err: expect.stringContaining('1 event is not in the copy'),
  })
})

it('asks for the key of log 0 alone, which vouches for the others', async () => {
  ledger = await LedgerOfLogs.make([0, 1])
  const { out } = await spanledger('verify', ledger.location)
  expect(out.match(/Note it elsewhere/g)).toHaveLength(1)
  const { out: found } = await spanledger('doctor', '--log', ledger.location)
  expect(found.match(/Note it elsewhere/g)).toHaveLength(1)
})

it('proves an entry of one log, and asks which where there are several', async () => {
  ledger = await LedgerOfLogs.make([0, 1])
  expect(await spanledger('prove', '3', '--log', ledger.location)).toMatchObject({
    code: 64,
    err: expect.stringContaining(
      'there are the logs 0, 1, and each has entries of its own: name one with --log-number',
    ),
  })
  expect(await spanledger('prove', '3', '--log', ledger.location, '--log-number', '1')).toMatchObject({ code: 0 })
})

it('says that a receipt is verified with --receipt', async () => {
  ledger = await LedgerOfLogs.make([0])
  const receipt = join(ledger.root, 'receipt')
  await spanledger('prove', '3', '--log', ledger.location, '--output', receipt)
  expect(await spanledger('verify', receipt)).toMatchObject({ code: 64, err: expect.stringContaining('--receipt') })
})

it('exports the tiles of one log, and asks which where there are several', async () => {
  ledger = await LedgerOfLogs.make([0, 1])
  const tiles = join(ledger.root, 'tiles')
  const { code, err } = await spanledger('export', '--tiles', tiles, '--log', ledger.location)
  expect(code).toBe(64)
  expect(err).toContain(`has the logs 0, 1, and this is about one: name it, as with --log ${ledger.directoryOf(1)}`)
  expect(await spanledger('export', '--tiles', tiles, '--log', ledger.directoryOf(1))).toMatchObject({ code: 0 })
  const vkey = await ledger.vkeyOf(1)
  expect(await spanledger('verify', tiles, '--vkey', vkey)).toMatchObject({ code: 0 })
})
