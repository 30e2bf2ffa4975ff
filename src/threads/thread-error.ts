import { AuditLogError, type AuditLogErrorCode } from '../events/errors.js'

/** An error on its way to another thread, which an error with a code of its own would not survive. Plain. */
export interface ThreadError {
  readonly message: string
  /** The code of an `AuditLogError`, of the operating system or of Node.js. */
  readonly code: string | undefined
  readonly isAuditError: boolean
  readonly stack: string | undefined
}

/** Returns the part of an error that another thread can get. */
export function plainError(error: unknown): ThreadError {
  const { message, code, stack } = (error instanceof Error ? error : new Error(String(error))) as NodeJS.ErrnoException
  return { message, code, isAuditError: error instanceof AuditLogError, stack }
}

/** Returns the error that another thread sent. */
export function revivedError({ message, code, isAuditError, stack }: ThreadError): Error {
  const error = isAuditError ? new AuditLogError(code as AuditLogErrorCode, message) : new Error(message)
  return Object.assign(error, { stack }, !isAuditError && code !== undefined && { code })
}
