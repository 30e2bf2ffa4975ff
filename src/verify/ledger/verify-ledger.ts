import { problemsIn } from '../checks/check.js'
import { resolveVerifyOptions, type VerifyOptions } from '../options.js'
import { byGravity, gravest } from '../problems.js'
import type { LedgerReport, VerifyReport } from '../report.js'
import { reportOn } from '../verify-log.js'
import { anchoredByObservations } from './anchors.js'
import type { LedgerToVerify } from './ledger.js'
import { LEDGER_CHECKS } from './ledger-checks.js'
import { collectLedgerEvidence, type VerifiedMember } from './ledger-evidence.js'

/**
 * Verifies the logs of a ledger, and each against what the others observed of it.
 *
 * The key of log 0 is that of the ledger: it is the one that has to be known from elsewhere. The key of a further log is
 * trusted where log 0's signed for it, see `joinings`.
 *
 * @throws what `verifyLog` throws
 */
export async function verifyLedger(ledger: LedgerToVerify, options: VerifyOptions): Promise<LedgerReport> {
  resolveVerifyOptions(options)
  const { evidence, trust } = await collectLedgerEvidence(ledger, options)
  const anchored = options.strict ? await anchoredByObservations(ledger.logs, evidence.logs) : new Map<number, number>()
  const logs = evidence.logs.map((member) => ({ log: member.number, ...anchoredReport(member, anchored) }))
  const problems = byGravity(problemsIn(LEDGER_CHECKS, evidence, trust))
  const status = gravest([...problems, ...logs].map((each) => each.status))
  return { status, location: ledger.location, logs, problems }
}

/** Returns the report on a log, judged anew where another log anchors it. */
function anchoredReport(
  { number, report, evidence, policy }: VerifiedMember,
  anchored: ReadonlyMap<number, number>,
): VerifyReport {
  const anchoredSize = anchored.get(number)
  if (anchoredSize === undefined) return report
  return reportOn(report, { ...evidence, basis: { ...evidence.basis, anchoredSize } }, policy)
}
