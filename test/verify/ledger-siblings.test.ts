import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyLedgerDirectory } from '../../src/reader/verify.js'
import type { LedgerReport } from '../../src/verify/report.js'
import { anotherLedgerOf, kindsOf, ledgerOf, verified } from './written-ledgers.js'

test('reports one log as before, with what it noted of siblings that are gone', async () => {
  const ledger = await ledgerOf([0])
  const vkey = await ledger.vkeyOf(0)
  const alone = await verifyLedgerDirectory(ledger.location, { logKeys: [vkey] })
  expect(alone).toMatchObject({ status: 'verified', problems: [] })
  expect(alone).not.toHaveProperty('logs')
  const both = await ledgerOf([0, 1])
  await rm(join(both.location, 'logs'), { recursive: true })
  const report = await verifyLedgerDirectory(both.location, { logKeys: [await both.vkeyOf(0)] })
  expect(report).not.toHaveProperty('logs')
  expect(report).toMatchObject({ status: 'altered', size: 31 })
  expect(kindsOf(report)).toEqual(['sibling_missing 1 altered'])
})

test('finds a log that was deleted with its directory', async () => {
  const ledger = await ledgerOf()
  await ledger.removeLog(2)
  const report = await verified(ledger, await ledger.vkeyOf(0))
  expect(report.status).toBe('altered')
  expect(kindsOf(report)).toEqual(['sibling_missing 2 altered'])
  expect(report.logs.map(({ log, status }) => [log, status])).toEqual([
    [0, 'verified'],
    [1, 'verified'],
  ])
})

test('finds that log 0 was deleted, its keys too', async () => {
  const ledger = await ledgerOf([0, 1])
  const vkey = await ledger.vkeyOf(0)
  await ledger.removeLog(0)
  const report = await verified(ledger, vkey)
  expect(kindsOf(report)).toEqual(['sibling_missing 0 altered'])
  expect(report.logs.map(({ log, status }) => [log, status])).toEqual([[1, 'verified']])
  const unaided = (await verifyLedgerDirectory(ledger.location)) as LedgerReport
  expect(unaided.status).toBe('altered')
})

test('finds that log 0 was deleted where no other has a note of it', async () => {
  const ledger = await anotherLedgerOf([])
  await ledger.write(0, 3)
  await ledger.write(1, 3)
  await ledger.write(1, 3)
  const vkey = await ledger.vkeyOf(0)
  await ledger.begin(1)
  await ledger.removeLog(0)
  expect(kindsOf(await verified(ledger, vkey))).toContain('sibling_missing 0 altered')
})

test('finds a log that was rolled back to an older copy', async () => {
  const ledger = await ledgerOf([0, 1])
  const older = join(ledger.root, 'older')
  await cp(ledger.directoryOf(1), older, { recursive: true })
  await ledger.write(1, 20)
  await ledger.note(0, [1])
  await ledger.removeLog(1)
  await ledger.copy(older, 1)
  const vkey = await ledger.vkeyOf(0)
  const report = await verified(ledger, vkey)
  expect(kindsOf(report)).toEqual(['sibling_rolled_back 1 altered'])
  expect(report.problems[0]?.entries).toEqual([{ from: 32, to: 52 }])
  // By itself the log is as it once was.
  expect(report.logs[1]?.status).toBe('verified')
  await ledger.write(1, 40)
  expect(kindsOf(await verified(ledger, vkey))).toEqual(['sibling_altered 1 altered'])
})

test('finds a log that was copied from another ledger', async () => {
  const [ledger, other] = [await ledgerOf([0, 1]), await anotherLedgerOf([0, 1])]
  const vkey = await ledger.vkeyOf(0)
  await ledger.copy(other.directoryOf(1), 2)
  const added = await verified(ledger, vkey)
  expect(added.status).toBe('unknown_key')
  expect(kindsOf(added)).toContain('join_unproven 2 unknown_key')
  expect(added.logs[2]).toMatchObject({ log: 2, status: 'unknown_key', provenSize: 0, trustedKeys: [] })
  await ledger.removeLog(2)
  await ledger.removeLog(1)
  await ledger.copy(other.directoryOf(1), 1)
  const replaced = await verified(ledger, vkey)
  expect(replaced.status).toBe('altered')
  expect(kindsOf(replaced)).toContain('sibling_altered 1 altered')
})

test('finds that two logs were swapped', async () => {
  const ledger = await ledgerOf()
  const vkey = await ledger.vkeyOf(0)
  await ledger.swap(1, 2)
  const report = await verified(ledger, vkey)
  expect(report.status).toBe('altered')
  const kinds = kindsOf(report)
  for (const number of [1, 2]) {
    expect(kinds).toContain(`log_misplaced ${number} altered`)
    expect(kinds).toContain(`sibling_altered ${number} altered`)
  }
})

test('finds a copy of log 0 in the place of another', async () => {
  const ledger = await ledgerOf([0])
  const vkey = await ledger.vkeyOf(0)
  const copy = join(ledger.root, 'copy')
  await cp(ledger.location, copy, { recursive: true })
  await ledger.copy(copy, 1)
  const report = await verified(ledger, vkey)
  expect(kindsOf(report)).toEqual(['log_misplaced 1 altered'])
  expect(report.logs[1]?.provenSize).toBe(0)
})

test('does not accuse a log by notes that nobody with a key has made', async () => {
  const ledger = await ledgerOf([0, 1])
  const vkey = await ledger.vkeyOf(0)
  const { origin, root, signature } = await ledger.stateOf(1)
  await ledger.state(0, 'siblings_noted', { logs: [{ log: 1, origin, size: 5_000, root, signature }] })
  const report = await verified(ledger, vkey)
  expect(kindsOf(report)).toEqual(['sibling_note_unproven 1 unknown_key'])
  // A log of a stranger says of another that it had more entries, and of one that was never there.
  const next = await anotherLedgerOf([0, 1])
  await next.begin(2)
  await next.state(2, 'siblings_noted', {
    logs: [
      { log: 1, origin, size: 5_000, root },
      { log: 9, origin, size: 1, root },
    ],
  })
  const kinds = kindsOf(await verified(next, await next.vkeyOf(0)))
  expect(kinds.filter((kind) => kind.startsWith('sibling'))).toEqual([
    'sibling_note_unproven 1 unknown_key',
    'sibling_note_unproven 9 unknown_key',
  ])
})

test.each([
  ['no list', { logs: 'all' }],
  ['nothing', null],
  ['lists of anything', { logs: [null, 1, 'x', {}, { log: -1 }, { log: 1, origin: 'o', size: 1.5, root: 'AA==' }] }],
])('leaves out notes that are malformed: %s', async (_, data) => {
  const ledger = await ledgerOf([0, 1])
  await ledger.state(0, 'siblings_noted', data)
  expect((await verified(ledger, await ledger.vkeyOf(0))).status).toBe('verified')
})
