import { AuditLogError } from '../events/errors.js'

/** Codes of errors that no waiting mends: something else has to be configured. */
const LASTING: ReadonlySet<string> = new Set([
  'AUDIT_FORMAT_UNSUPPORTED',
  'AUDIT_KEY_INVALID',
  'AUDIT_ORIGIN_MISMATCH',
  'AUDIT_PACKAGE_MISSING',
])

/** Tells whether waiting mends nothing about a log that cannot be opened. */
export function isLasting(problem: unknown): boolean {
  return problem instanceof TypeError || (problem instanceof AuditLogError && LASTING.has(problem.code))
}

/**
 * Says that a log cannot be opened, and what becomes of what happens meanwhile.
 *
 * @param staging - the directory of the staging journal; or, where there is none, why
 */
export function cannotOpen(
  location: string,
  problem: unknown,
  staging: string | { readonly problem: unknown },
): string {
  const kept =
    typeof staging === 'string'
      ? `in ${staging}, for the next process that opens it,`
      : `in memory, which dies with the process${staging.problem === undefined ? '' : ` (${messageOf(staging.problem)})`},`
  const next = isLasting(problem) ? 'It is not tried again: change what the message says' : 'Opening is tried again'
  return `Nothing gets into the audit log ${location}: ${messageOf(problem)}. Meanwhile events are kept ${kept} up to a limit. ${next}`
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem)
}
