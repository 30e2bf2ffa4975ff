import { AuditLogError } from '../../events/errors.js'
import { beginning } from '../../events/text.js'

/** A longer name is not repeated in full. */
const MAX_NAMED = 100

/** Returns the error of a policy that is refused. @param path - of the fault */
export function invalid(path: string, what: string, cause?: unknown): AuditLogError {
  const message = `Invalid policy: ${path}: ${what}. The policy in force stays`
  return new AuditLogError('AUDIT_POLICY_INVALID', message, { cause })
}

/** Returns a name as messages repeat it. */
export function named(key: unknown): string {
  return beginning(String(key), MAX_NAMED)
}
