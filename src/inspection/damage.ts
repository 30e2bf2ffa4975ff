import { AuditLogError } from '../events/errors.js'
import { readError } from '../store/leveldb/errors.js'

/**
 * Returns the damage that made a reading fail: content that was read and is wrong.
 *
 * @throws the error where it is anything else, such as an I/O error: that is no finding
 */
export function damageIn(error: unknown, location: string): AuditLogError {
  const problem = readError(error, location)
  if (problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_CORRUPT') return problem
  throw problem
}
