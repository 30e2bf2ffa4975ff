import { ContentValue } from '../events/content.js'
import { type ContentField, contentFields } from '../events/content-fields.js'
import type { Alteration } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import { takeErrorText } from './error-text.js'
import { takeMarked } from './marked-content.js'
import { converted, readableCopy } from './readable-copy.js'
import type { Emptied, TakenValue } from './taken-value.js'

/**
 * Takes the content out of an event's `data`: the fields that the catalogue marks, and values that the application declares to be
 * content. What was given is not changed. Never throws.
 *
 * @returns `undefined` for an event without content, as most are
 */
export function takeContent({ type }: RecordInput, data: unknown): Emptied | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  if (data instanceof ContentValue) return takeMarked({ value: data })
  const fields = contentFields.get(type)
  if (!fields) return takeMarked(data)
  const source = converted(data)
  if (typeof source !== 'object' || source === null) return { data: source, values: [], altered: [] }
  const taken = fields.some(({ path: [first] }) => (first as string) in source) ? takeFields(source, fields) : undefined
  return taken || source === data ? taken : { data: source, values: [], altered: [] }
}

function takeFields(data: object, fields: readonly ContentField[]): Emptied | undefined {
  const altered: Alteration[] = []
  const values: TakenValue[] = []
  const copies = new Map<string, Record<string, unknown>>()
  const copy = readableCopy(data, 'data', altered)
  copies.set('data', copy)
  if ('error' in copy) takeErrorText(copy, values, altered)
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
      const value = holder[name]
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
      next = readableCopy(value, at, altered)
      copies.set(at, next)
      holder[name] = next
    }
    holder = next
  }
  return holder
}
