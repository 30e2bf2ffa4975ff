import type { VerifyProblemKind } from './problem-kinds.js'
import { STATUSES, type VerifyProblem, type VerifyStatus } from './report.js'

/** The further fields of a problem, see `VerifyProblem`. */
export type ProblemParts = Partial<Pick<VerifyProblem, 'count' | 'entries' | 'log'>>

/** Makes a problem that was found once and concerns no entries, unless the parts say otherwise. */
export function problem(
  status: VerifyProblem['status'],
  kind: VerifyProblemKind,
  message: string,
  { count = 1, entries = [], log }: ProblemParts = {},
): VerifyProblem {
  return { kind, status, message, count, entries, ...(log !== undefined && { log }) }
}

/** Returns the problems with the gravest first; those of the same status stay in their order. */
export function byGravity(problems: readonly VerifyProblem[]): readonly VerifyProblem[] {
  return problems.toSorted((one, other) => STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status))
}

/** Returns the gravest of the statuses; `verified` where there is none. */
export function gravest(statuses: readonly VerifyStatus[]): VerifyStatus {
  return STATUSES.find((status) => statuses.includes(status)) ?? 'verified'
}
