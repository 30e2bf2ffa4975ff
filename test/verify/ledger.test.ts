import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { verifyLedgerDirectory } from '../../src/reader/verify.js'
import type { LedgerReport } from '../../src/verify/report.js'
import { anotherLedgerOf, kindsOf, ledgerOf, verified } from './written-ledgers.js'

test('trusts the keys of all logs by the key of log 0', async () => {
  const ledger = await ledgerOf()
  const vkey = await ledger.vkeyOf(0)
  const report = await verified(ledger, vkey)
  expect(report).toMatchObject({ status: 'verified', problems: [], location: ledger.location })
  expect(report.logs.map(({ log, status, basis }) => [log, status, basis.keys])).toEqual([
    [0, 'verified', 'given'],
    [1, 'verified', 'given'],
    [2, 'verified', 'given'],
  ])
  for (const { log, provenSize, size, trustedKeys } of report.logs) {
    expect(provenSize).toBe(size)
    expect(trustedKeys).toEqual([await ledger.vkeyOf(log)])
  }
})

test('says that the key came with the ledger where none is given', async () => {
  const ledger = await ledgerOf([0, 1])
  const report = (await verifyLedgerDirectory(ledger.location)) as LedgerReport
  expect(report.status).toBe('verified')
  expect(report.logs.map(({ basis }) => basis.keys)).toEqual(['log', 'log'])
})

test('compares one file of checkpoints with the logs that they are of', async () => {
  const ledger = await ledgerOf()
  const checkpoints = await Promise.all([0, 1, 2].map((number) => ledger.checkpointOf(number)))
  await ledger.write(1, 5)
  const report = await verified(ledger, await ledger.vkeyOf(0), checkpoints)
  expect(report.status).toBe('verified')
  expect(report.logs.map(({ basis }) => basis.checkpointsElsewhere)).toEqual([1, 1, 1])
})

test('says that a checkpoint is of a log that is not in the ledger', async () => {
  const [ledger, other] = [await ledgerOf([0, 1]), await anotherLedgerOf([0])]
  const report = await verified(ledger, await ledger.vkeyOf(0), [await other.checkpointOf(0)])
  expect(kindsOf(report)).toEqual(['key_unknown undefined unknown_key'])
})

test('finds a log that a stranger added who has no key of the ledger', async () => {
  const ledger = await ledgerOf([0, 1])
  const vkey = await ledger.vkeyOf(0)
  await ledger.begin(2)
  const { type, data } = await ledger.joining(2, { signer: Ed25519Signer.generate((await ledger.signerOf(0)).name) })
  await ledger.state(2, type, data)
  expect(kindsOf(await verified(ledger, vkey))).toEqual(['join_unproven 2 unknown_key'])
  await ledger.begin(3)
  await ledger.write(3, 0)
  await ledger.removeLog(2)
  await ledger.begin(4)
  await ledger.state(4, 'custom', { name: 'no word of a ledger' })
  const report = await verified(ledger, vkey)
  expect(kindsOf(report)).toContain('join_missing 4 unknown_key')
  expect(report.status).toBe('unknown_key')
})

test("takes another log's certificate for none of the log that shows it", async () => {
  const ledger = await ledgerOf([0, 1])
  await ledger.begin(2)
  const { type, data } = await ledger.joining(1)
  await ledger.state(2, type, data)
  expect(kindsOf(await verified(ledger, await ledger.vkeyOf(0)))).toEqual(['join_unproven 2 unknown_key'])
})

test('verifies one log of a ledger that lies alone by its own key, and not by that of the ledger', async () => {
  const ledger = await ledgerOf([0, 1])
  const [vkey, own] = [await ledger.vkeyOf(0), await ledger.vkeyOf(1)]
  const copy = join(ledger.root, 'copy')
  await cp(ledger.directoryOf(1), copy, { recursive: true })
  for (const directory of [ledger.directoryOf(1), copy]) {
    expect(await verifyLedgerDirectory(directory, { logKeys: [own] })).toMatchObject({
      status: 'verified',
      problems: [],
    })
    expect(await verifyLedgerDirectory(directory, { logKeys: [vkey] })).toMatchObject({ status: 'unknown_key' })
  }
})

test('takes a joining that is repeated for one, and finds that of another number', async () => {
  const ledger = await ledgerOf([0, 1])
  const vkey = await ledger.vkeyOf(0)
  const again = await ledger.joining(1)
  await ledger.state(1, again.type, again.data)
  expect((await verified(ledger, vkey)).status).toBe('verified')
  const other = await ledger.joining(1, { as: 7 })
  await ledger.state(1, other.type, other.data)
  expect(kindsOf(await verified(ledger, vkey))).toEqual(['log_misplaced 1 altered'])
})

test('trusts a log that joined long after it was begun', async () => {
  const ledger = await ledgerOf([0])
  await ledger.begin(1)
  await ledger.state(1, 'ledger_joined', { ledger: 'not at hand', log: 1, vkey: await ledger.vkeyOf(1) })
  await ledger.state(1, 'custom', { name: 'before' })
  const vkey = await ledger.vkeyOf(0)
  expect((await verified(ledger, vkey)).status).toBe('unknown_key')
  const { type, data } = await ledger.joining(1)
  await ledger.state(1, type, data)
  const report = await verified(ledger, vkey)
  expect(report.status).toBe('verified')
  expect(report.logs[1]?.provenSize).toBe(3)
})

test('finds an entry that was altered in one of the logs', async () => {
  const ledger = await ledgerOf([0, 1])
  const file = join(ledger.directoryOf(1), 'checkpoint')
  const note = await readFile(file, 'utf8')
  await writeFile(
    file,
    note.replace(/^(.*\n)(\d+)\n/, (_, origin, size) => `${origin}${Number(size) - 1}\n`),
  )
  const report = await verified(ledger, await ledger.vkeyOf(0))
  expect(report.logs.map(({ status }) => status)).toEqual(['verified', 'altered'])
  expect(report.status).toBe('altered')
})

test('leaves a directory of no log alone', async () => {
  const ledger = await ledgerOf([0, 1])
  await mkdir(ledger.directoryOf(5))
  expect((await verified(ledger, await ledger.vkeyOf(0))).logs.map(({ log }) => log)).toEqual([0, 1])
})
