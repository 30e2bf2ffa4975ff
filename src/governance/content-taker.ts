import { ContentValue } from '../events/content.js'
import { type ContentField, contentFields } from '../events/content-fields.js'
import type { Alteration } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import { takeDeclared } from './declared-content.js'
import type { Emptied, TakenValue } from './taken-value.js'

/**
 * Takes the content out of an event's `data`: the fields that the catalogue marks, and values that the application declares to be
 * content. What was given is not changed. Never throws.
 *
 * @returns `undefined` for an event without content, as most are
 */
export function takeContent({ type }: RecordInput, data: unknown): Emptied | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const fields = contentFields.get(type)
  if (!fields) return takeDeclared(data)
  const source = converted(data)
  if (typeof source !== 'object' || source === null) return { data: source, values: [], altered: [] }
  const taken = fields.some(({ path: [first] }) => (first as string) in source) ? takeFields(source, fields) : undefined
  return taken || source === data ? taken : { data: source, values: [], altered: [] }
}

/** What JSON would make of an object that has a word in it: sealing would find content there that nobody took out. */
function converted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ContentValue) return value
  const { toJSON } = value as { readonly toJSON?: unknown }
  return typeof toJSON === 'function' ? (toJSON.call(value, '') as unknown) : value
}

function takeFields(data: object, fields: readonly ContentField[]): Emptied | undefined {
  const altered: Alteration[] = []
  const values: TakenValue[] = []
  const copies = new Map<string, Record<string, unknown>>()
  const copy = readableCopy(data, 'data', altered)
  copies.set('data', copy)
  for (const { field, path, class: fieldClass } of fields) {
    const holder = holderOf(copies, path, altered)
    const name = path.at(-1) as string
    const value = holder?.[name]
    if (!holder || value === undefined) continue
    delete holder[name]
    const declared = value instanceof ContentValue
    values.push({ field, class: fieldClass, value: declared ? value.value : value })
  }
  return values.length > 0 || altered.length > 0 ? { data: copy, values, altered } : undefined
}

/** The copy of the object that has a field; the objects on the way to it are copied with the first of their fields. */
function holderOf(
  copies: Map<string, Record<string, unknown>>,
  path: readonly string[],
  altered: Alteration[],
): Record<string, unknown> | undefined {
  let at = 'data'
  let holder = copies.get(at) as Record<string, unknown>
  for (const name of path.slice(0, -1)) {
    at = `${at}.${name}`
    let next = copies.get(at)
    if (!next) {
      const value = converted(holder[name])
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
      next = readableCopy(value, at, altered)
      copies.set(at, next)
      holder[name] = next
    }
    holder = next
  }
  return holder
}

/** Copies the members of an object, each read once. An error's message and name are members of it here. */
function readableCopy(source: object, field: string, altered: Alteration[]): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const names = source instanceof Error ? new Set(['name', 'message', ...Object.keys(source)]) : Object.keys(source)
  for (const name of names) {
    let value: unknown
    try {
      value = (source as Record<string, unknown>)[name]
    } catch {
      altered.push({ field: `${field}.${name}`, reason: 'unreadable' })
      continue
    }
    if (name === 'toJSON' && typeof value === 'function') continue
    // Defined, not assigned: `__proto__` is a name like any other.
    Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return copy
}
