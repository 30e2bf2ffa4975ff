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

/** The field that a mark stands in may have any type: the stored event lacks it. */
type OfAnyType = ReturnType<typeof JSON.parse>

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
export function content(value: unknown, contentClass: ContentClass = 'payload'): OfAnyType {
  return new ContentValue(value, contentClass)
}

/** Levels of objects and lists in which marks are looked for. No entry has more. */
const MAX_DEPTH = 16
/** Members in which they are looked for. No entry has more. */
const MAX_MEMBERS = 4096

let membersLeft = 0

/** Returns whether there is a mark in a value. What cannot be read has none. */
export function hasMark(value: unknown): boolean {
  membersLeft = MAX_MEMBERS
  return findsMark(value, 0)
}

function findsMark(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || --membersLeft < 0) return false
  if (value instanceof ContentValue) return true
  if (depth >= MAX_DEPTH) return false
  try {
    if (Array.isArray(value)) return value.some((each) => findsMark(each, depth + 1))
    for (const name of Object.keys(value)) {
      if (findsMark((value as Record<string, unknown>)[name], depth + 1)) return true
    }
  } catch {
    // A getter or a Proxy.
  }
  return false
}

/**
 * Returns a value with what its marks enclose in their places, as the schema of the application knows it. What a getter throws is
 * thrown.
 */
export function withoutMarks(value: unknown): unknown {
  membersLeft = MAX_MEMBERS
  return unmarked(value, 0)
}

function unmarked(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH || --membersLeft < 0) return value
  if (value instanceof ContentValue) return value.value
  if (Array.isArray(value)) return value.map((each: unknown) => unmarked(each, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unmarked(member, depth + 1)]))
}
