import { PLAIN_ID_LENGTH } from '../../events/ids.js'

/** UTF-8 bytes of the largest entry. */
export const MAX_ENTRY_BYTES = 65_535
/** Levels of objects and lists in `data`, itself the first. */
export const MAX_DEPTH = 16
/** Members of all objects and lists in an event's `data`. */
export const MAX_MEMBERS = 4096

/** A member of this name is an id: it is bounded so that ids that differ stay different. */
export function isIdKey(key: string): boolean {
  return key === 'id' || key.endsWith('Id') || key.endsWith('_id')
}

/** Thrown for a value that JSON would change, or that is out of bounds. */
export const NOT_PLAIN = Symbol('not plain JSON')

// What the copy under way may still take. A getter that records an event itself starts them afresh, which is harmless:
// they only decide between the two ways of sealing.
let membersLeft = 0
let lengthLeft = 0

/**
 * Copies plain, bounded JSON data; each member is read once. For anything else it throws {@link NOT_PLAIN}, or what a
 * getter throws: such data is brought into bounds by `bound.ts`, which says what it changed.
 */
export function copyPlain(data: object): object {
  membersLeft = MAX_MEMBERS
  lengthLeft = MAX_ENTRY_BYTES
  if (Array.isArray(data)) throw NOT_PLAIN
  return copyContainer(data, 1)
}

function copyContainer(source: object, depth: number): object {
  if (depth > MAX_DEPTH) throw NOT_PLAIN
  return Array.isArray(source) ? copyList(source, depth) : copyObject(source as Record<string, unknown>, depth)
}

function copyObject(source: Record<string, unknown>, depth: number): object {
  const prototype: unknown = Object.getPrototypeOf(source)
  if (prototype !== Object.prototype && prototype !== null) throw NOT_PLAIN
  const keys = Object.keys(source)
  takeMembers(keys.length)
  const copy: Record<string, unknown> = {}
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    if (key.length > PLAIN_ID_LENGTH || key === '__proto__') throw NOT_PLAIN
    const value = source[key]
    if (value === undefined) continue
    if (typeof value === 'string') {
      if (value.length > PLAIN_ID_LENGTH && isIdKey(key)) throw NOT_PLAIN
      copy[key] = copyText(value)
    } else copy[key] = copyMember(value, depth)
  }
  return copy
}

function copyList(source: readonly unknown[], depth: number): unknown[] {
  const length = source.length
  takeMembers(length)
  const copy: unknown[] = []
  for (let i = 0; i < length; i++) {
    const value = source[i]
    copy.push(typeof value === 'string' ? copyText(value) : copyMember(value, depth))
  }
  return copy
}

function copyMember(value: unknown, depth: number): unknown {
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'object') return copyContainer(value, depth + 1)
  throw NOT_PLAIN
}

function copyText(text: string): string {
  lengthLeft -= text.length
  if (lengthLeft < 0) throw NOT_PLAIN
  return text
}

function takeMembers(count: number): void {
  // A Proxy may name any length.
  if (!(count >= 0 && count <= membersLeft)) throw NOT_PLAIN
  membersLeft -= count
}
