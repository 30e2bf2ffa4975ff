import type { ContentClass } from './types.js'

/** A value that its application declares to be content: see {@link content}. */
export class ContentValue {
  readonly value: unknown
  readonly class: ContentClass

  constructor(value: unknown, contentClass: ContentClass) {
    this.value = value
    this.class = contentClass
  }
}

/**
 * Marks a value in the `data` of an event of your own as content: the log keeps it apart from the entry, encrypted, as its policy
 * says, and it can be erased. Without the mark, what `custom` events and types of your own say is part of the entry, for good.
 *
 * @param value - a text, or any JSON value
 * @param contentClass - the class by which the policy decides. @defaultValue `payload`
 *
 * @example
 * ```ts
 * log.record({ type: 'custom', data: { name: 'ticket_closed', ticket: 'T-17', note: content('Ann called twice') } })
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: the field may have any type, and the stored event lacks it
export function content(value: unknown, contentClass: ContentClass = 'payload'): any {
  return new ContentValue(value, contentClass)
}
