import { statSync } from 'node:fs'
import { AuditLogError } from '../../events/errors.js'
import { isError } from '../../events/is-error.js'
import { beginning } from '../../events/text.js'
import { readNamedFileSync } from '../../files/regular-file.js'
import { duplicateMember } from './duplicate-members.js'
import { messageOf } from './invalid.js'

/** Bytes of the largest policy file. */
const MAX_BYTES = 1024 * 1024
/** A longer path of a fault is not repeated in full. */
const MAX_NAMED = 200

/** The file of a policy cannot be read at present: what is in it may be sound. */
export class PolicyUnreadable extends AuditLogError {}

/**
 * Reads the policy in a file. The path may lead through symbolic links, as those of mounted configurations do.
 *
 * @throws AuditLogError `AUDIT_POLICY_INVALID` when it cannot be read, or is no JSON in UTF-8; `AUDIT_FILE_REFUSED`
 */
export function readPolicyFile(path: string): unknown {
  const text = textOf(bytesOf(path), path)
  let policy: unknown
  try {
    // Attacker-controlled: a file of at most MAX_BYTES; what it holds is checked as any policy is.
    policy = JSON.parse(text) as unknown
  } catch (cause) {
    throw invalid(`${path} is no JSON, or was not written in full: ${reasonOf(cause)}`, cause)
  }
  const twice = duplicateMember(text)
  if (twice !== undefined) throw invalid(`${beginning(twice, MAX_NAMED)}: ${path} has it twice. Remove one of them`)
  return policy
}

function bytesOf(path: string): Buffer {
  try {
    return readNamedFileSync(path, MAX_BYTES)
  } catch (cause) {
    if (cause instanceof AuditLogError) throw cause
    const what = messageOf(`${path} cannot be read: ${reasonOf(cause)}`)
    throw new PolicyUnreadable('AUDIT_POLICY_INVALID', what, { cause })
  }
}

/** A byte order mark in front, as some editors write it, does not count. */
function textOf(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw invalid(`${path} is not in UTF-8. Save it as UTF-8`, cause)
  }
}

function invalid(what: string, cause?: unknown): AuditLogError {
  return new AuditLogError('AUDIT_POLICY_INVALID', messageOf(what), { cause })
}

function reasonOf(cause: unknown): string {
  return isError(cause) ? cause.message : String(cause)
}

/** Tells a state of a file from others, by its size, its time and its place on the disk. Never throws. */
export function stateOfFile(path: string): string {
  try {
    const found = statSync(path, { bigint: true })
    return `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
  } catch (problem) {
    return isError(problem) && 'code' in problem ? String(problem.code) : 'unknown'
  }
}
