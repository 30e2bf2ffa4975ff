import type { Verifier } from '../checkpoint/index.js'
import { problemsIn } from './checks/check.js'
import { CHECKS } from './checks/log-checks.js'
import type { ComparedCheckpoint } from './compare-checkpoints.js'
import { collectEvidence, type Evidence, type StatementObserver } from './evidence.js'
import type { VerifyOptions } from './options.js'
import { byGravity, gravest } from './problems.js'
import type { ReportedCheckpoint, VerifyReport } from './report.js'
import type { LogSource } from './source.js'
import { type TakenFromLog, type TrustPolicy, trustPolicyFor } from './trust-policy.js'

/**
 * Verifies a log against keys and checkpoints: recomputes leaf hashes and root, compares the stored tree and indexes,
 * and verifies the signatures of the checkpoints and that the log continues them. It only reads. A report is made of
 * content that was read: what could not be read rejects.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` when a key is malformed; `AUDIT_READ_FAILED` when the log cannot be read (disk,
 * permission, memory, descriptors, threads)
 * @throws TypeError naming an unknown or malformed option
 */
export async function verifyLog(source: LogSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  return (await verifySource(source, options)).report
}

/** The circumstances of a verification that are not the user's options. */
export interface VerifyCircumstances {
  /** The options that were taken from the log itself. */
  readonly taken?: TakenFromLog
  /** The ledger of the log. */
  readonly observer?: StatementObserver
}

/** A log that was verified, with what its ledger needs to know of it. */
export interface VerifiedLog {
  readonly report: VerifyReport
  /** The evidence that the report is about, and the policy that judged it. */
  readonly evidence: Evidence
  readonly policy: TrustPolicy
  /** The name in its checkpoints; `undefined` where it is not known. */
  readonly origin: string | undefined
  /** The keys that were trusted, and those to which they handed over. */
  readonly keys: readonly Verifier[]
}

/** Verifies a log as {@link verifyLog} does, for callers that know more of it. */
export async function verifySource(
  source: LogSource,
  options: VerifyOptions,
  { taken = {}, observer }: VerifyCircumstances = {},
): Promise<VerifiedLog> {
  const policy = trustPolicyFor(source, options, taken)
  const evidence = await collectEvidence(source, policy, { ...options, observer })
  const subject = { location: source.location, entriesOnly: options.entriesOnly ?? false }
  const report = reportOn(subject, evidence, policy)
  return { report, evidence, policy, origin: policy.origin, keys: evidence.keys.chain }
}

/** Reports what the checks find in the evidence, and the evidence itself. */
export function reportOn(
  { location, entriesOnly }: Pick<VerifyReport, 'location' | 'entriesOnly'>,
  evidence: Evidence,
  policy: TrustPolicy,
): VerifyReport {
  const problems = byGravity(problemsIn(CHECKS, evidence, policy))
  const { inspection, provenSize, basis, trustedKeys, checkpoints } = evidence
  const { size, statements, removed, remarks, content } = inspection
  const root = inspection.rootAt(size)
  return {
    status: gravest(problems.map(({ status }) => status)),
    location,
    size,
    root: root && Buffer.from(root).toString('base64'),
    provenSize,
    basis,
    trustedKeys,
    checkpoints: checkpoints.map(reported),
    droppedEvents: statements.dropped.events,
    recoveredEvents: statements.recovered.events,
    unattestedEvents: statements.unattested.events,
    foreignStatements: statements.foreign.entries,
    removedEntries: removed,
    ...(content && { content }),
    entriesOnly,
    remarks,
    problems,
  }
}

function reported({ source, size, signed, holds }: ComparedCheckpoint): ReportedCheckpoint {
  return { source, size, signedBy: signed.by, holds: holds === true }
}
