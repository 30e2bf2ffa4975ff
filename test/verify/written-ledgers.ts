import { afterAll, afterEach } from 'vitest'
import { verifyLedgerDirectory } from '../../src/reader/verify.js'
import type { LedgerReport, VerifyReport } from '../../src/verify/report.js'
import { LedgerOfLogs } from './ledger-of-logs.js'

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
export async function ledgerOf(numbers: readonly number[] = [0, 1, 2]): Promise<LedgerOfLogs> {
  const original = written.get(numbers.join()) ?? (await LedgerOfLogs.make(numbers))
  written.set(numbers.join(), original)
  const ledger = await original.copied()
  made.push(ledger)
  return ledger
}

/** A ledger that has keys of its own. */
export async function anotherLedgerOf(numbers: readonly number[]): Promise<LedgerOfLogs> {
  const ledger = await LedgerOfLogs.make(numbers)
  made.push(ledger)
  return ledger
}

export async function verified({ location }: LedgerOfLogs, vkey: string, checkpoints: readonly string[] = []) {
  const report = await verifyLedgerDirectory(location, { logKeys: [vkey], checkpoints })
  if (!('logs' in report)) throw new Error('a ledger of one')
  return report
}

/** The kinds of the ledger's own problems, with the log that each concerns. */
export function kindsOf({ problems }: LedgerReport | VerifyReport): readonly string[] {
  return problems.map(({ kind, log, status }) => `${kind} ${log} ${status}`)
}
