import { ContentValue } from '../events/content.js'
import type { Alteration } from '../events/types.js'

const MEMBER_NAME = /^[\w$-]{1,64}$/

/** Tells whether an entry may have the name of a member that the catalogue does not know: another may be text, as the key of a map is. */
export function isMemberName(name: string): boolean {
  return MEMBER_NAME.test(name)
}

/** What JSON would make of an object that has a word in it: sealing would find content there that nobody took out. */
export function converted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ContentValue) return value
  const { toJSON } = value as { readonly toJSON?: unknown }
  return typeof toJSON === 'function' ? (toJSON.call(value, '') as unknown) : value
}

/** Copies the members of an object, each read once. An error's message and name are members of it here. */
export function readableCopy(source: object, field: string, altered: Alteration[]): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const names = source instanceof Error ? new Set(['name', 'message', ...Object.keys(source)]) : Object.keys(source)
  for (const name of names) {
    let value: unknown
    try {
      value = (source as Record<string, unknown>)[name]
    } catch {
      altered.push({ field: isMemberName(name) ? `${field}.${name}` : field, reason: 'unreadable' })
      continue
    }
    if (name === 'toJSON' && typeof value === 'function') continue
    // Defined, not assigned: `__proto__` is a name like any other.
    Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return copy
}
