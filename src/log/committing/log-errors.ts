import { AuditLogError } from '../../events/errors.js'

/** The errors of one log. */
export class LogErrors {
  readonly #location: string
  readonly #maxQueueBytes: number

  constructor(location: string, maxQueueBytes: number) {
    this.#location = location
    this.#maxQueueBytes = maxQueueBytes
  }

  closed(): AuditLogError {
    return new AuditLogError('AUDIT_LOG_CLOSED', `The audit log ${this.#location} is closed`)
  }

  removed(): AuditLogError {
    const what = `The directory of the audit log ${this.#location} was removed, or another one is in its place`
    return new AuditLogError('AUDIT_LOG_REMOVED', `${what}: nothing gets into this log until it is back`)
  }

  /** @param what - follows from that */
  full(what: string): AuditLogError {
    const limit = `${this.#maxQueueBytes} bytes (maxQueueBytes)`
    return new AuditLogError(
      'AUDIT_LOG_FULL',
      `The queue of the audit log ${this.#location} is full, ${limit}: ${what}`,
    )
  }

  /** @param what - is the case, as the predicate of a sentence about the log */
  write(what: string, cause: unknown): AuditLogError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new AuditLogError('AUDIT_WRITE_FAILED', `The audit log ${this.#location} ${what}: ${reason}`, { cause })
  }

  storeFailed(cause: unknown): AuditLogError {
    return this.write('cannot be written; its events are kept and tried again', cause)
  }

  noKey(): AuditLogError {
    return new AuditLogError('AUDIT_SIGNING_FAILED', `The audit log ${this.#location} has no key to sign checkpoints`)
  }
}
