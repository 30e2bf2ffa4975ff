/**
 * The code of an `AuditLogError`; codes are stable. The code is API; the message is not.
 *
 * | code | meaning | what to do |
 * |---|---|---|
 * | `AUDIT_CHECKPOINT_MISSING` | no signed checkpoint covers what is to be proved | wait for the next one; in the process that writes, call `log.checkpoint()` |
 * | `AUDIT_ENTRY_REMOVED` | an entry was removed: its position and its leaf hash are all that is left of it | see `removedUnder`, the position of the entry that records the removal |
 * | `AUDIT_FILE_REFUSED` | in place of a file of a log stands something else (a symbolic link, a FIFO, a device, a directory), or a file larger than it can be | nothing was opened; find out who put it there, and copy the log as regular files |
 * | `AUDIT_ID_CONFLICT` | another event of the same tenant has the id that an append gave; the event was not stored | give it an id of its own; the message names the position of the other |
 * | `AUDIT_CONTENT_DAMAGED` | the content of a log was damaged, or something else stood in its place; entries are not concerned | what could be read is there again, and the damaged files are kept beside it: see what `spanledger verify` says, restore a copy of it |
 * | `AUDIT_CONTENT_UNREADABLE` | a content item does not fit its entry: it, or its key, was altered or exchanged; or the role may not read content | keep the log as evidence; restore a copy; or grant the role that the message names |
 * | `AUDIT_CURSOR_INVALID` | a cursor is damaged, or of another query or log | begin again with the first page |
 * | `AUDIT_EVENT_LEFT_OUT` | the policy leaves out an event that was to be appended; the message names the rule | change the policy, or do not wait for events that it leaves out: `record()` says nothing |
 * | `AUDIT_EVENT_INVALID` | an event does not match its type's schema | fix the field that the message names |
 * | `AUDIT_QUERY_INVALID` | a query has an unknown or malformed field | fix the field that the message names |
 * | `AUDIT_LOCKS_UNSUPPORTED` | the file system of the directory has no locks that all of its users share, so that two processes could write one log | put the log on a local disk, or mount the file system with locks |
 * | `AUDIT_LOG_CLOSED` | the log is closed or closing | open it again |
 * | `AUDIT_LOG_DIVERGED` | a log holds other entries than the one it should be a copy of | write no more to either; find out who else wrote to it, keep both as evidence |
 * | `AUDIT_LOG_LOCKED` | another writer has the directory open | use that writer, or close it |
 * | `AUDIT_LOG_CORRUPT` | what is on disk contradicts itself | keep the directory as evidence; restore a copy |
 * | `AUDIT_OPEN_FAILED` | the directory cannot be opened (permission, no directory, disk) | see `cause` |
 * | `AUDIT_LOG_FULL` | the queue's byte limit is reached, so the event was not taken | wait for `flush()`, then try again |
 * | `AUDIT_LOG_REMOVED` | the directory of an open log was removed, or another one is in its place | bring it back; or close the log and open another one. A log of a processor's `location` does that by itself |
 * | `AUDIT_LOG_ROLLED_BACK` | a log has fewer entries than a checkpoint of it covers | keep the directory as evidence; restore a newer copy |
 * | `AUDIT_READ_FAILED` | the store could not read what is there (disk, I/O) | see `cause` |
 * | `AUDIT_WITNESS_FAILED` | a witness could not be asked to cosign a checkpoint, or refused | see message and `cause`; the checkpoint stands without it |
 * | `AUDIT_WRITE_FAILED` | the store could not write | see `cause`; what is queued is kept and tried again until the log is closed |
 * | `AUDIT_FORMAT_UNSUPPORTED` | the log was written by a version with another format, mostly a newer one | use that version of Spanledger |
 * | `AUDIT_KEY_INVALID` | a key (vkey, skey, PEM) is malformed or of a kind that is not supported | give the key as its message says |
 * | `AUDIT_KEY_UNKNOWN` | no key that is trusted, or too few, signed a note | look for whose keys these are; do not trust the note |
 * | `AUDIT_NOT_RECORDING` | an action that must be recorded was to happen where nothing records | attach a log, switch auditing on |
 * | `AUDIT_NOTE_INVALID` | a signed note or a checkpoint is not in its format | get it again from its source |
 * | `AUDIT_ORIGIN_MISMATCH` | a checkpoint is that of another log | give the checkpoint of this log |
 * | `AUDIT_PACKAGE_MISSING` | a package that is needed here, or its native part, is not installed, or a bundle left it behind | install the package that the message names, or deploy it beside the bundle |
 * | `AUDIT_POLICY_INVALID` | a policy is malformed or contradicts itself; the one in force stays | fix the field that the message names by its path |
 * | `AUDIT_PROOF_INVALID` | a proof or a receipt is malformed, or does not prove what it should | do not trust what it was to prove |
 * | `AUDIT_SIGNATURE_INVALID` | the signature of a trusted key is wrong: the text or the signature was altered | do not trust the note |
 * | `AUDIT_SIGNING_FAILED` | a signer failed, or signed with another key than it says | see `cause` |
 */
export type AuditLogErrorCode =
  | 'AUDIT_CHECKPOINT_MISSING'
  | 'AUDIT_CONTENT_DAMAGED'
  | 'AUDIT_CONTENT_UNREADABLE'
  | 'AUDIT_ENTRY_REMOVED'
  | 'AUDIT_FILE_REFUSED'
  | 'AUDIT_FORMAT_UNSUPPORTED'
  | 'AUDIT_ID_CONFLICT'
  | 'AUDIT_CURSOR_INVALID'
  | 'AUDIT_EVENT_INVALID'
  | 'AUDIT_EVENT_LEFT_OUT'
  | 'AUDIT_QUERY_INVALID'
  | 'AUDIT_KEY_INVALID'
  | 'AUDIT_KEY_UNKNOWN'
  | 'AUDIT_LOCKS_UNSUPPORTED'
  | 'AUDIT_LOG_CLOSED'
  | 'AUDIT_LOG_CORRUPT'
  | 'AUDIT_LOG_DIVERGED'
  | 'AUDIT_LOG_FULL'
  | 'AUDIT_LOG_LOCKED'
  | 'AUDIT_OPEN_FAILED'
  | 'AUDIT_LOG_REMOVED'
  | 'AUDIT_LOG_ROLLED_BACK'
  | 'AUDIT_NOTE_INVALID'
  | 'AUDIT_NOT_RECORDING'
  | 'AUDIT_ORIGIN_MISMATCH'
  | 'AUDIT_PACKAGE_MISSING'
  | 'AUDIT_POLICY_INVALID'
  | 'AUDIT_PROOF_INVALID'
  | 'AUDIT_READ_FAILED'
  | 'AUDIT_SIGNATURE_INVALID'
  | 'AUDIT_SIGNING_FAILED'
  | 'AUDIT_WITNESS_FAILED'
  | 'AUDIT_WRITE_FAILED'

/** The mark of an `AuditLogError`, by which all copies of this package in a process know each other's errors. */
const AUDIT_LOG_ERROR = Symbol.for('spanledger.audit-log-error.v1')

/**
 * The error of every failure that is not a programming mistake. Misuse (a wrong option or argument type) is a
 * `TypeError`.
 *
 * `instanceof` also recognises the errors of another copy of this package: a process may have loaded it as an ES module
 * and as CommonJS. A subclass says itself which errors are its own.
 */
export class AuditLogError extends Error {
  static {
    Object.defineProperty(AuditLogError.prototype, AUDIT_LOG_ERROR, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isAuditLogError(value)
  }

  /** Stable, documented in {@link AuditLogErrorCode}. */
  readonly code: AuditLogErrorCode

  constructor(code: AuditLogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AuditLogError'
    this.code = code
  }
}

function isAuditLogError(value: unknown): value is AuditLogError {
  return typeof value === 'object' && value !== null && AUDIT_LOG_ERROR in value
}

/** The error of a read of an entry that was removed from the log. */
export class EntryRemovedError extends AuditLogError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isAuditLogError(value) && value.code === 'AUDIT_ENTRY_REMOVED'
  }

  /** Position of the entry that was removed. */
  readonly seq: number
  /** Position of the entry that records the removal. */
  readonly removedUnder: number

  constructor(message: string, { seq, removedUnder }: Pick<EntryRemovedError, 'seq' | 'removedUnder'>) {
    super('AUDIT_ENTRY_REMOVED', message)
    this.seq = seq
    this.removedUnder = removedUnder
  }
}
