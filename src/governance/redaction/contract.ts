import type { ContentClass } from '../../events/types.js'

/** The value that a text is a part of, as a redactor gets to know it. */
export interface RedactorContext {
  /** Dotted path in the event, such as `data.error.message`. */
  readonly field: string
  readonly class: ContentClass
  /** Type of the event. */
  readonly type: string
  readonly toolName?: string | undefined
  readonly tenantId: string
}

/**
 * A value of content on its way into a log.
 *
 * It is a text, or a JSON value that is plain and bounded already: no cycles, no getters, no functions. Redaction also ends for other
 * values, but what is then left of them is a matter of {@link RedactionResult.value} alone.
 */
export interface RedactionInput extends RedactorContext {
  readonly value: unknown
}

/** A value without what detectors and redactors found in it. */
export interface RedactionResult {
  /** The value that was given when nothing was found, else a copy. `undefined` when a redactor failed. */
  readonly value: unknown
  /** The detectors and redactors that masked something, each once, detectors first. */
  readonly found: readonly Finding[]
  /** Name of the redactor that failed: the item is left out, and `altered` says `redaction_failed` by it. */
  readonly failed?: string
}

/** A detector or redactor, and the number of times that it masked something in an item. */
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
