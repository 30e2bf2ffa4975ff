import type { AuditEvent, ContentClass } from '../../events/types.js'

/**
 * A value of content on its way into a log.
 *
 * It is a text, or a JSON value that is plain and bounded already: no cycles, no getters, no functions. Redaction also ends for other
 * values, but what is then left of them is a matter of {@link RedactionResult.value} alone.
 */
export interface RedactionInput {
  readonly value: unknown
  /** Dotted path in the event, such as `data.error.message`. */
  readonly field: string
  readonly class: ContentClass
  /** Type of the event. */
  readonly type: AuditEvent['type']
  readonly toolName?: string | undefined
  readonly tenantId: string
}

/** A value without what detectors and redactors found in it. */
export interface RedactionResult {
  /** The value that was given when nothing was found, else a copy. `undefined` when a redactor failed. */
  readonly value: unknown
  /** What masked something, each once, in the order of detectors and then redactors. */
  readonly found: readonly Finding[]
  /** Name of the redactor that failed: the item is left out, and `altered` says `redaction_failed` by it. */
  readonly failed?: string
}

/** How often one detector or redactor masked something in an item. */
export interface Finding {
  /** Name of the detector or redactor. */
  readonly by: string
  readonly count: number
}

/** A redactor that was switched off, since it took more than its budget too often. */
export interface DisabledRedactor {
  readonly redactor: string
  readonly budgetMs: number
}

/** Redacts content before anything of it is written. */
export interface Redaction {
  /** Never throws, and changes nothing in place. */
  redact(input: RedactionInput): RedactionResult
  /** Returns the redactors that were switched off since the last call, each once. */
  takeDisabled(): readonly DisabledRedactor[]
}
