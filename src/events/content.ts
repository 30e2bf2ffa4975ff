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

/** Levels of objects and lists in which declared values are looked for. No entry has more. */
const MAX_DEPTH = 16
/** Members in which they are looked for. No entry has more. */
const MAX_MEMBERS = 4096

let membersLeft = 0

/** Tells whether a value holds one that its application declares to be content. What cannot be read holds none. */
export function hasDeclaredContent(source: object): boolean {
  membersLeft = MAX_MEMBERS
  return hasDeclared(source, 1)
}

function hasDeclared(source: object, depth: number): boolean {
  if (depth > MAX_DEPTH) return false
  try {
    if (Array.isArray(source)) return source.some((value) => isOrHasDeclared(value, depth))
    for (const name of Object.keys(source)) {
      if (isOrHasDeclared((source as Record<string, unknown>)[name], depth)) return true
    }
  } catch {
    // A getter or a Proxy.
  }
  return false
}

function isOrHasDeclared(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || --membersLeft < 0) return false
  return value instanceof ContentValue || hasDeclared(value, depth + 1)
}

/**
 * Copies what holds declared values, and puts something else in their places.
 *
 * @param replace - returns what stands for a declared value: `undefined` leaves it out, or `null` in a list
 */
export function replaceDeclared(
  source: object,
  field: string,
  replace: (declared: ContentValue, field: string) => unknown,
): unknown {
  return replaceWithin(source, { field, replace, ancestors: [], members: { left: MAX_MEMBERS } })
}

interface Replacing {
  readonly field: string
  readonly replace: (declared: ContentValue, field: string) => unknown
  readonly ancestors: readonly object[]
  /** Shared by all levels: what is beyond them has no place in an entry. */
  readonly members: { left: number }
}

function replaceWithin(source: object, replacing: Replacing): unknown {
  const { field, replace, members } = replacing
  const ancestors = [...replacing.ancestors, source]
  if (ancestors.length > MAX_DEPTH) return undefined
  const kept = (value: unknown, at: string): unknown => {
    if (--members.left < 0 || ancestors.includes(value as object)) return undefined
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof ContentValue) return replace(value, at)
    return hasDeclaredContent(value) ? replaceWithin(value, { field: at, replace, ancestors, members }) : value
  }
  if (Array.isArray(source)) return source.map((value, at) => kept(value, `${field}.${at}`) ?? null)
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(source)) {
    const value = kept((source as Record<string, unknown>)[name], `${field}.${escaped(name)}`)
    if (value === undefined) continue
    // Defined, not assigned: `__proto__` is a name like any other.
    Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return copy
}

/** A dot stands between names. */
function escaped(name: string): string {
  return /[.\\]/.test(name) ? name.replace(/[.\\]/g, '\\$&') : name
}
