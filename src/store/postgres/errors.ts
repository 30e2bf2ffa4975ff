import { AuditLogError, type AuditLogErrorCode } from '../../events/errors.js'
import { isError } from '../../events/is-error.js'
import { READER_ROLE, WRITER_ROLE } from './roles.js'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const WRONG_CREDENTIALS: ReadonlySet<string> = new Set(['28P01', '28000'])
const NO_SUCH_DATABASE = '3D000'
const NO_SCHEMA: ReadonlySet<string> = new Set(['42P01', '3F000'])
const NO_PRIVILEGE = '42501'
const READ_ONLY = '25006'
/** Serialisation failure, deadlock. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01'])
/** The server ends connections, starts, or has been demoted: another connection may find a server that can write. */
const GOING_AWAY: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', READ_ONLY])

export function sqlState(problem: unknown): string | undefined {
  const code = isError(problem) && 'code' in problem ? problem.code : undefined
  return typeof code === 'string' && /^[\dA-Z]{5}$/.test(code) ? code : undefined
}

/** Tells whether the same transaction may succeed when it is tried again at once. */
export function isConflict(problem: unknown): boolean {
  return CONFLICTS.has(sqlState(problem) ?? '')
}

/** Tells whether the connection, or its server, is lost: another connection may be of use. */
export function isConnectionLost(problem: unknown): boolean {
  if (problem instanceof AuditLogError) return false
  const state = sqlState(problem)
  // What fails without a state did not come from the server.
  return state === undefined || state.startsWith('08') || GOING_AWAY.has(state)
}

/** Returns the error of the log for a failure to open it. */
export function openError(problem: unknown, location: string): AuditLogError {
  if (problem instanceof AuditLogError) return problem
  const failed = (what: string) =>
    failure('AUDIT_OPEN_FAILED', `Cannot open the audit log ${location}: ${what}`, problem)
  const state = sqlState(problem)
  if (state === undefined) return failed(messageOf(problem))
  if (WRONG_CREDENTIALS.has(state)) {
    return failed(`the server refuses the credentials (${messageOf(problem)}); check user, password and pg_hba.conf`)
  }
  if (state === NO_SUCH_DATABASE)
    return failed(`${messageOf(problem)}; create it, and run 'spanledger postgres migrate'`)
  if (NO_SCHEMA.has(state)) {
    return failed("the database has no tables for audit logs; run 'spanledger postgres migrate' as their owner")
  }
  if (state === NO_PRIVILEGE) {
    return failed(
      `${messageOf(problem)}; grant the role ${WRITER_ROLE} to write it, ${READER_ROLE} to read it, or this log alone by 'spanledger postgres grant'`,
    )
  }
  if (state === READ_ONLY) {
    return failed(
      'the server accepts no writes, as a standby does; connect to the primary, or open the log for reading',
    )
  }
  return failed(messageOf(problem))
}

/** Returns the error of the log for a failure to read it. */
export function readError(problem: unknown, location: string): AuditLogError {
  if (problem instanceof AuditLogError) return problem
  // A stored value that cannot be decoded.
  if (problem instanceof RangeError) return corrupt(location, problem.message, problem)
  return failure('AUDIT_READ_FAILED', `Cannot read the audit log ${location}: ${messageOf(problem)}`, problem)
}

export function writeError(problem: unknown, location: string): AuditLogError {
  if (problem instanceof AuditLogError) return problem
  return failure('AUDIT_WRITE_FAILED', `Cannot write to the audit log ${location}: ${messageOf(problem)}`, problem)
}

export function corrupt(location: string, what: string, cause?: unknown): AuditLogError {
  return failure(
    'AUDIT_LOG_CORRUPT',
    `The audit log ${location} is damaged: ${what}. Keep the database as evidence and restore a copy`,
    cause,
  )
}

function failure(code: AuditLogErrorCode, message: string, cause: unknown): AuditLogError {
  return new AuditLogError(code, message, cause === undefined ? undefined : { cause })
}

function messageOf(problem: unknown): string {
  // Where a name has several addresses, Node.js says for each why it cannot be reached, and nothing itself.
  if (problem instanceof AggregateError && problem.message === '') return problem.errors.map(messageOf).join('; ')
  return isError(problem) ? problem.message : String(problem)
}
