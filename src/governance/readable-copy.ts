import { ContentValue } from '../events/content.js'
import { defineMember, memberNames } from '../events/object-members.js'
import type { Alteration } from '../events/types.js'

const MEMBER_NAME = /^[\w$-]{1,64}$/

/** Tells whether an entry may have the name of a member that the catalogue does not know: another may be text, as the key of a map is. */
export function isMemberName(name: string): boolean {
  return MEMBER_NAME.test(name)
}

/** Returns the result of an object's `toJSON`, which is what sealing records: content in it has to be taken out as well. */
export function converted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ContentValue) return value
  const { toJSON } = value as { readonly toJSON?: unknown }
  return typeof toJSON === 'function' ? (toJSON.call(value, '') as unknown) : value
}

/** Copies the members of an object, each read once. An error's message and name are members of it here. */
export function readableCopy(source: object, field: string, altered: Alteration[]): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name of memberNames(source)) {
    let value: unknown
    try {
      value = (source as Record<string, unknown>)[name]
    } catch {
      altered.push({ field: isMemberName(name) ? `${field}.${name}` : field, reason: 'unreadable' })
      continue
    }
    if (name === 'toJSON' && typeof value === 'function') continue
    defineMember(copy, name, value)
  }
  return copy
}
