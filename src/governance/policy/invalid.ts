import { AuditLogError } from '../../events/errors.js'
import { beginning } from '../../events/text.js'

/** A longer name is not repeated in full. */
const MAX_NAMED = 100

/** Returns the error of a policy that is refused. @param path - of the fault */
export function invalid(path: string, what: string, cause?: unknown): AuditLogError {
  return new AuditLogError('AUDIT_POLICY_INVALID', messageOf(`${path}: ${what}`), { cause })
}

/** Returns the message of a policy that is refused. */
export function messageOf(what: string): string {
  return `Invalid policy: ${what}. The policy in force stays`
}

/** Returns a name as messages repeat it. */
export function named(key: unknown): string {
  return beginning(String(key), MAX_NAMED)
}
