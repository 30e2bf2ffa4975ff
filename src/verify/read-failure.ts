import { AuditLogError } from '../events/errors.js'
import { isError } from '../events/is-error.js'

/**
 * Returns what made the reading of a log fail as an error with a code: what the operating system refused, and memory or
 * threads that ran out. Anything else, such as the reason of a signal, comes back as it is.
 */
export function readFailure(error: unknown, location: string): unknown {
  const isCoded = isError(error) && 'code' in error && typeof error.code === 'string'
  if (error instanceof AuditLogError || !(isCoded || error instanceof RangeError)) return error
  return new AuditLogError('AUDIT_READ_FAILED', `Cannot read ${location}: ${error.message}`, { cause: error })
}

/** Returns whether the file system says that there is nothing under a name. */
export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
