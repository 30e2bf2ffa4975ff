import { randomBytes } from 'node:crypto'

/** The form of a log's id: 16 hexadecimal digits. */
export const LOG_ID_PATTERN: RegExp = /^[\da-f]{16}$/

/** Makes the id of a new log. */
export function newLogId(): string {
  return randomBytes(8).toString('hex')
}

/** Returns the origin of a log that nobody has named: C2SP tlog-checkpoint asks for a name that no other log has. */
export function defaultOrigin(logId: string): string {
  return `spanledger.local/${logId}`
}
