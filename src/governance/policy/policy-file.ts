import { lstatSync } from 'node:fs'
import { AuditLogError } from '../../events/errors.js'
import { readRegularFileSync } from '../../files/regular-file.js'

/** Bytes of the largest policy file. */
const MAX_BYTES = 1024 * 1024

/**
 * Reads the policy in a file.
 *
 * @throws AuditLogError `AUDIT_POLICY_INVALID` when it is no JSON; `AUDIT_FILE_REFUSED`; what the file system throws
 */
export function readPolicyFile(path: string): unknown {
  // Attacker-controlled: a file of at most MAX_BYTES; what it holds is checked as any policy is.
  const text = readRegularFileSync(path, MAX_BYTES).toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AuditLogError(
      'AUDIT_POLICY_INVALID',
      `Invalid policy: ${path} is no JSON, or was not written in full: ${why}. The policy in force stays`,
      { cause },
    )
  }
}

/** Tells a state of a file from others, by its size, its time and its place on the disk. */
export function stateOfFile(path: string): string {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return found ? `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : 'missing'
}
