import { AuditLogError } from '../../events/errors.js'
import type { EventSchemas } from '../../events/validate.js'
import type { RecordInput } from '../contract.js'

/** Types whose flaws have been told. */
const MAX_TOLD = 256

/**
 * Marks events of the user's own types that their schemas do not accept. What is recorded is never lost for that: the
 * event is stored as it is, and says in `altered` which field is invalid. Each type is told of once.
 */
export class FlawMarks {
  readonly #schemas: EventSchemas
  readonly #onProblem: (problem: Error) => void
  readonly #told = new Set<string>()

  constructor(schemas: EventSchemas, onProblem: (problem: Error) => void) {
    this.#schemas = schemas
    this.#onProblem = onProblem
  }

  /** Returns the event, marked if it has a flaw. */
  mark(input: RecordInput): RecordInput {
    const flaw = this.#schemas.flawIn(input)
    if (!flaw) return input
    const { type } = input
    if (this.#told.size < MAX_TOLD && !this.#told.has(type)) {
      this.#told.add(type)
      const message = `An event of the type '${type}' was recorded that its schema does not accept: ${flaw.field}: ${flaw.what}`
      this.#onProblem(new AuditLogError('AUDIT_INVALID_EVENT', message))
    }
    return { ...input, altered: [...(input.altered ?? []), { field: flaw.field, reason: 'invalid' }] }
  }
}
