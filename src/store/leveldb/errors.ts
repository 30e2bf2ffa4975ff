import { AuditLogError } from '../../events/errors.js'
import { isError } from '../../events/is-error.js'
import { storeClosed } from '../store-closed.js'

/** LevelDB's message for a table that is shorter than it should be. */
const READ_PAST_END = /\.(ldb|sst): Invalid argument$/

/** V8's messages for exhausted memory, also in a RangeError. */
const OUT_OF_MEMORY = /allocation failed|Invalid (array|string|typed array) length|Maximum call stack size/i

/** LevelDB's message when this process already holds the lock. */
const OWN_LOCK = /already held by process/

/** The answers of a file system without locks. LevelDB cannot tell them from a lock that somebody has. */
const NO_LOCKS = /No locks available|not implemented|not supported/i

/** Returns the error of the log for a failure to open a database. */
export function openError(error: unknown, location: string): AuditLogError {
  if (error instanceof AuditLogError) return error
  // The manifest, or a stored value, that cannot be decoded.
  if (error instanceof RangeError) return corrupt(location, error.message, error)
  const cause = causeOf(error)
  switch (codeOf(cause)) {
    case 'LEVEL_LOCKED':
      if (NO_LOCKS.test(messageOf(cause)))
        return new AuditLogError(
          'AUDIT_LOCKS_UNSUPPORTED',
          `The file system of the audit log ${location} has no locks (${messageOf(cause)}): put the log on a local disk, or mount the file system with locks`,
          { cause },
        )
      return new AuditLogError(
        'AUDIT_LOG_LOCKED',
        `The audit log ${location} is open in ${OWN_LOCK.test(messageOf(cause)) ? 'this process already' : 'another process'}: a log has one writer at a time`,
        { cause },
      )
    case 'LEVEL_CORRUPTION':
      return corrupt(location, messageOf(cause), cause)
    default:
      if (READ_PAST_END.test(messageOf(cause))) return corrupt(location, messageOf(cause), cause)
      return new AuditLogError('AUDIT_OPEN_FAILED', `Cannot open the audit log ${location}: ${messageOf(cause)}`, {
        cause,
      })
  }
}

const DAMAGE: ReadonlySet<string> = new Set(['AUDIT_LOG_CORRUPT', 'AUDIT_FILE_REFUSED'])

/** Tells whether a failure to open a database says that it is damaged, or that something else stands in its place. */
export function isDamage({ code }: AuditLogError): boolean {
  return DAMAGE.has(code)
}

/** Tells whether a database could not be opened because somebody else has it open. */
export function isLocked(error: unknown): boolean {
  return codeOf(causeOf(error)) === 'LEVEL_LOCKED'
}

/** Returns the error of the log for a failure to read an open database; any other failure as it is. */
export function readError(error: unknown, location: string): unknown {
  // A stored value that cannot be decoded, unless it is memory that ran out.
  if (error instanceof RangeError && !OUT_OF_MEMORY.test(error.message)) return corrupt(location, error.message, error)
  const code = codeOf(error)
  if (code === 'LEVEL_DATABASE_NOT_OPEN' || code === 'LEVEL_ITERATOR_NOT_OPEN') return storeClosed(location)
  if (code === 'LEVEL_CORRUPTION' || READ_PAST_END.test(messageOf(error)))
    return corrupt(location, messageOf(error), error)
  if (!code?.startsWith('LEVEL_') && !(error instanceof RangeError)) return error
  return new AuditLogError('AUDIT_READ_FAILED', `Cannot read the audit log ${location}: ${messageOf(error)}`, {
    cause: error,
  })
}

export function corrupt(location: string, what: string, cause?: unknown): AuditLogError {
  return new AuditLogError(
    'AUDIT_LOG_CORRUPT',
    `The audit log ${location} is damaged: ${what}. Keep the directory as evidence and restore a copy`,
    cause === undefined ? undefined : { cause },
  )
}

/** abstract-level wraps what happened in LEVEL_DATABASE_NOT_OPEN. */
function causeOf(error: unknown): unknown {
  return codeOf(error) === 'LEVEL_DATABASE_NOT_OPEN' && isError(error) ? (error.cause ?? error) : error
}

export function codeOf(error: unknown): string | undefined {
  const code = isError(error) && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error)
}
