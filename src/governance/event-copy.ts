import { defineMember } from '../events/object-members.js'
import type { RecordInput } from '../log/contract.js'

/** Levels of objects and lists that are copied. Those of the catalogue have no more. */
const MAX_COPIED_DEPTH = 4
/** Bytes of memory of a member, about, beside those of a text. */
const MEMBER_BYTES = 64
/** Bytes of memory that an object counts for which is not copied. */
const OPAQUE_BYTES = 4096

/**
 * Returns a copy of an event that is kept for later, when its caller may have changed the object, and the bytes of memory that it takes, about.
 *
 * @throws what a getter throws
 */
export function copyOf(event: RecordInput): { readonly event: RecordInput; readonly bytes: number } {
  const size = { bytes: 0 }
  return { event: plainCopy(event, 1, size) as RecordInput, bytes: size.bytes }
}

function plainCopy(value: unknown, depth: number, size: { bytes: number }): unknown {
  size.bytes += MEMBER_BYTES
  if (typeof value === 'string') size.bytes += 2 * value.length
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  const isList = Array.isArray(value)
  const isPlain = isList || prototype === Object.prototype || prototype === null
  if (depth > MAX_COPIED_DEPTH || (depth > 1 && !isPlain)) {
    size.bytes += OPAQUE_BYTES
    return value
  }
  if (isList) return value.map((each: unknown) => plainCopy(each, depth + 1, size))
  const copy: Record<string, unknown> = {}
  for (const name in value) {
    size.bytes += 2 * name.length
    defineMember(copy, name, plainCopy((value as Record<string, unknown>)[name], depth + 1, size))
  }
  return copy
}
