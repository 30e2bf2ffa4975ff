import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyLedgerDirectory } from '../../src/reader/verify.js'
import type { LedgerReport } from '../../src/verify/report.js'
import { verdict } from './tampered-log.js'
import { anotherLedgerOf, ledgerOf } from './written-ledgers.js'

test('strictly, a checkpoint of one log vouches for those that it noted, and for what these noted', async () => {
  const ledger = await ledgerOf([0, 1])
  const vkey = await ledger.vkeyOf(0)
  await ledger.write(2, 30)
  await ledger.note(1, [2])
  const strictly = async (checkpoint: string) => {
    const report = await verifyLedgerDirectory(ledger.location, {
      logKeys: [vkey],
      checkpoints: [checkpoint],
      strict: true,
    })
    return (report as LedgerReport).logs.map(({ status, problems }) => [status, ...problems.map(({ kind }) => kind)])
  }
  // Log 0 noted log 1, and log 1 has not noted log 2 by then.
  const before = await ledger.checkpointOf(0)
  expect(await strictly(before)).toEqual([['verified'], ['verified'], ['unproven', 'anchor_missing']])
  await ledger.note(0, [1])
  expect(await strictly(before)).toEqual([['verified'], ['verified'], ['unproven', 'anchor_missing']])
  expect(await strictly(await ledger.checkpointOf(0))).toEqual([['verified'], ['verified'], ['verified']])
})

test('strictly, a note that no kept checkpoint covers, or that the log does not bear out, vouches for nothing', async () => {
  const ledger = await ledgerOf([0, 1])
  const vkey = await ledger.vkeyOf(0)
  const noted = await ledger.stateOf(1)
  const strictly = async () => {
    const report = await verifyLedgerDirectory(ledger.location, {
      logKeys: [vkey],
      checkpoints: [await ledger.checkpointOf(0)],
      strict: true,
    })
    return (report as LedgerReport).logs.map(({ problems }) => problems.map(({ kind }) => kind))
  }
  expect(await strictly()).toEqual([[], []])
  const other = await anotherLedgerOf([0, 1])
  await rm(ledger.directoryOf(1), { recursive: true })
  // Log 0 would note how the other log really is, were that there already.
  await ledger.state(0, 'siblings_noted', { logs: [{ ...noted, origin: (await other.stateOf(1)).origin }] })
  await ledger.copy(other.directoryOf(1), 1)
  expect((await strictly())[1]).toContain('anchor_missing')
})

test('the command takes one key and one file of checkpoints, and gives one verdict', async () => {
  const ledger = await ledgerOf()
  const known = join(ledger.root, 'known.txt')
  const checkpoints = await Promise.all([0, 1, 2].map((number) => ledger.checkpointOf(number)))
  await writeFile(known, checkpoints.join('\n'))
  const args = [ledger.location, '--vkey', await ledger.vkeyOf(0), '--checkpoint', known, '--strict']
  const { code, report } = await verdict(...args)
  expect(code).toBe(0)
  expect(report).toMatchObject({ status: 'verified', logs: [{ log: 0 }, { log: 1 }, { log: 2 }] })
  await ledger.removeLog(2)
  const deleted = await verdict(...args)
  expect(deleted.code).toBe(5)
  expect(deleted.report).toMatchObject({ status: 'altered' })
})
