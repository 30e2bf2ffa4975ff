import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { verifyLedgerDirectory } from '../../src/reader/verify.js'
import type { LedgerReport, VerifyReport } from '../../src/verify/report.js'
import { LedgerOfLogs } from './ledger-of-logs.js'
import { verdict } from './tampered-log.js'

const made: LedgerOfLogs[] = []
afterEach(async () => {
  for (const each of made.splice(0)) await each.remove()
})

/** Ledgers to copy, by the numbers of their logs. */
const written = new Map<string, LedgerOfLogs>()
afterAll(async () => {
  for (const each of written.values()) await each.remove()
})

/** A ledger that has the same keys for each test, so that it is written once. */
async function ledgerOf(numbers: readonly number[] = [0, 1, 2]): Promise<LedgerOfLogs> {
  const original = written.get(numbers.join()) ?? (await LedgerOfLogs.make(numbers))
  written.set(numbers.join(), original)
  const ledger = await original.copied()
  made.push(ledger)
  return ledger
}

/** A ledger that has keys of its own. */
async function anotherLedgerOf(numbers: readonly number[]): Promise<LedgerOfLogs> {
  const ledger = await LedgerOfLogs.make(numbers)
  made.push(ledger)
  return ledger
}

async function verified({ location }: LedgerOfLogs, vkey: string, checkpoints: readonly string[] = []) {
  const report = await verifyLedgerDirectory(location, { logKeys: [vkey], checkpoints })
  if (!('logs' in report)) throw new Error('a ledger of one')
  return report
}

/** The kinds of the ledger's own problems, with the log that each concerns. */
function kindsOf({ problems }: LedgerReport | VerifyReport): readonly string[] {
  return problems.map(({ kind, log, status }) => `${kind} ${log} ${status}`)
}

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
