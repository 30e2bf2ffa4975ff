import type { Evidence } from '../evidence.js'
import type { VerifyProblem } from '../report.js'
import type { TrustPolicy } from '../trust-policy.js'

/**
 * One question about a log. A check reads the evidence and nothing else, and stands alone: none depends on what another
 * found, so that a log with one fault is found by one check.
 *
 *     { name: 'keyChangesProven', check: ({ keys }) => keys.unproven.count === 0 ? [] : [problem('unknown_key', …)] }
 */
export interface Check<E = Evidence, P = TrustPolicy> {
  /** The statement that holds where the check finds nothing. */
  readonly name: string
  /** Returns the problems that it finds. */
  check(evidence: E, policy: P): readonly VerifyProblem[]
}

/** Returns all that a list of checks finds, in the order of the list. */
export function problemsIn<E, P>(checks: readonly Check<E, P>[], evidence: E, policy: P): readonly VerifyProblem[] {
  return checks.flatMap((each) => each.check(evidence, policy))
}
