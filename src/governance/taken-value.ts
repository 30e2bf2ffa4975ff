import type { Alteration, ContentClass } from '../events/types.js'

/** A value that was taken out of an event. */
export interface TakenValue {
  /** Dotted path of the field in the event. */
  readonly field: string
  readonly class: ContentClass
  readonly value: unknown
}

/** The `data` of an event without its content. */
export interface Emptied {
  readonly data: unknown
  readonly values: readonly TakenValue[]
  /** Members that could not be read, and are left out. */
  readonly altered: readonly Alteration[]
}
