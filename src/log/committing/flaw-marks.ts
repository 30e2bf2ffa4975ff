import { AuditLogError } from '../../events/errors.js'
import type { EventSchemas } from '../../events/validate.js'
import type { RecordInput } from '../contract.js'

/** The most types whose flaws are reported. */
const MAX_REPORTED = 256

/**
 * Marks events of the user's own types that their schemas do not accept. What is recorded is never lost for that: the
 * event is stored as it is, and says in `altered` which field is invalid. Each type is reported once.
 */
export class FlawMarks {
  readonly #schemas: EventSchemas
  readonly #report: (problem: Error) => void
  readonly #reported = new Set<string>()

  constructor(schemas: EventSchemas, report: (problem: Error) => void) {
    this.#schemas = schemas
    this.#report = report
  }

  /** Returns the event, marked if it has a flaw. */
  mark(input: RecordInput): RecordInput {
    const flaw = this.#schemas.flawIn(input)
    if (!flaw) return input
    const { type } = input
    if (this.#reported.size < MAX_REPORTED && !this.#reported.has(type)) {
      this.#reported.add(type)
      const message = `An event of the type '${type}' was recorded that its schema does not accept: ${flaw.field}: ${flaw.what}`
      this.#report(new AuditLogError('AUDIT_EVENT_INVALID', message))
    }
    return { ...input, altered: [...(input.altered ?? []), { field: flaw.field, reason: 'invalid' }] }
  }
}
