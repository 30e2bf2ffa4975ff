import { AuditLogError } from '../events/errors.js'

/** Returns the error of every call to a store that is not open. */
export function storeClosed(location: string): AuditLogError {
  return new AuditLogError('AUDIT_LOG_CLOSED', `The audit log ${location} is not open`)
}
