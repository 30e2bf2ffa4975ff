import { AuditLogError } from '../../events/errors.js'
import { UsageError } from '../usage-error.js'

/** Returns a usage error for a failure that the user's input caused; returns any other failure unchanged. */
export function usageErrorFor(error: unknown): unknown {
  if (error instanceof TypeError && error.message.startsWith('verify: ')) return new UsageError(error.message)
  const isKey = error instanceof AuditLogError && error.code === 'AUDIT_KEY_INVALID'
  return isKey ? new UsageError(`--vkey: ${error.message}`) : error
}
