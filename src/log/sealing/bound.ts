import { ContentValue } from '../../events/content.js'
import { storedId } from '../../events/ids.js'
import { defineMember, isOpaque, memberNames } from '../../events/object-members.js'
import { beginning } from '../../events/text.js'
import type { Alteration } from '../../events/types.js'
import type { Alterations } from './alterations.js'
import { isIdKey, MAX_DEPTH, MAX_ENTRY_BYTES, MAX_MEMBERS } from './plain.js'

/** Stands for a value that has no stored form, and has been noted: left out of an object, `null` in a list. */
const ABSENT = Symbol('absent')

/** Past this much text, further strings are cut at once: an event of gigabytes must not take the application's time. */
const AMPLE_TEXT_LENGTH = 64 * MAX_ENTRY_BYTES
/** No cut made to fit an event with ample text would leave its strings longer than this. */
const SCARCE_STRING_LENGTH = 1024

/** A larger integer is not written out: that takes time that grows with the square of its digits. */
const LARGEST_BIGINT = 2n ** 1024n

/**
 * Copies anything into bounded JSON, noting each change. It never throws: what throws when it is read is left out.
 */
export class BoundedCopy {
  readonly #altered: Alterations
  readonly #allIds: boolean
  readonly #ancestors: object[] = []
  #membersLeft = MAX_MEMBERS
  #ampleLeft = AMPLE_TEXT_LENGTH

  /** @param strings - what strings are: `ids`, as in the envelope, or `content`, where those named so are ids */
  constructor(altered: Alterations, strings: 'ids' | 'content') {
    this.#altered = altered
    this.#allIds = strings === 'ids'
  }

  /** The bounded form of `source[key]`, or `undefined` where there is none. */
  member(source: object, key: string): unknown {
    const value = this.#read(source, key, key, 0)
    return value === ABSENT ? undefined : value
  }

  #read(source: object, key: PropertyKey, field: string, depth: number): unknown {
    try {
      return this.#copy((source as Record<PropertyKey, unknown>)[key], key, field, depth)
    } catch {
      return this.#absent(field, 'unreadable')
    }
  }

  #copy(value: unknown, key: PropertyKey, field: string, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return this.#allIds || (typeof key === 'string' && isIdKey(key))
          ? this.#id(value, field)
          : this.#text(value, field)
      case 'number':
        if (Number.isFinite(value)) return value
        this.#altered.add(field, 'not_json')
        return null
      case 'bigint':
        this.#altered.add(field, 'not_json')
        return -LARGEST_BIGINT < value && value < LARGEST_BIGINT ? value.toString() : ABSENT
      case 'object':
        return value === null ? null : this.#copyContainer(value, key, field, depth + 1)
      case 'boolean':
        return value
      case 'undefined':
        return undefined
      default:
        return this.#absent(field, 'not_json')
    }
  }

  #copyContainer(source: object, key: PropertyKey, field: string, depth: number): unknown {
    if (this.#ancestors.includes(source)) return this.#absent(field, 'cyclic')
    if (depth > MAX_DEPTH) return this.#absent(field, 'too_deep')
    // No entry holds what its application declares to be content: where it was not taken out, it is lost.
    if (source instanceof ContentValue) return this.#absent(field, 'removed')
    // Before its `toJSON`: that of a Buffer makes a list as long as the Buffer.
    if (ArrayBuffer.isView(source)) return this.#absent(field, 'not_json')
    this.#ancestors.push(source)
    try {
      if (Array.isArray(source)) return this.#copyList(source, field, depth)
      const { toJSON } = source as { toJSON?: unknown }
      if (typeof toJSON === 'function') return this.#copyConverted(toJSON.call(source, key), key, field, depth)
      if (source instanceof Error) return this.#copyError(source, field, depth)
      if (isOpaque(source)) return this.#absent(field, 'not_json')
      return this.#copyObject(source, Object.keys(source), field, depth)
    } finally {
      this.#ancestors.pop()
    }
  }

  /** The value that `toJSON` returned: JSON calls it once, whatever it returns. */
  #copyConverted(value: unknown, key: PropertyKey, field: string, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return this.#copy(value, key, field, depth)
    if (Array.isArray(value)) return this.#copyList(value, field, depth)
    if (value instanceof ContentValue) return this.#absent(field, 'removed')
    return this.#copyObject(value, Object.keys(value), field, depth)
  }

  #copyError(source: Error, field: string, depth: number): unknown {
    this.#altered.add(field, 'not_json')
    return this.#copyObject(source, memberNames(source), field, depth)
  }

  #copyObject(source: object, keys: readonly string[], field: string, depth: number): Record<string, unknown> {
    const taken = this.#takeMembers(keys.length, field)
    const copy: Record<string, unknown> = {}
    for (let i = 0; i < taken; i++) {
      const key = keys[i] as string
      const storedKey = storedId(key)
      const path = `${field}.${storedKey}`
      if (storedKey !== key) this.#addShortenedId(key, path)
      const value = this.#read(source, key, path, depth)
      if (value === ABSENT || value === undefined) continue
      defineMember(copy, storedKey, value)
    }
    return copy
  }

  #copyList(source: readonly unknown[], field: string, depth: number): unknown[] {
    const taken = this.#takeMembers(source.length, field)
    const copy: unknown[] = []
    for (let i = 0; i < taken; i++) {
      const path = `${field}.${i}`
      const value = this.#read(source, i, path, depth)
      if (value === undefined) this.#altered.add(path, 'not_json')
      copy.push(value === ABSENT || value === undefined ? null : value)
    }
    return copy
  }

  #takeMembers(count: number, field: string): number {
    // A Proxy may name any length.
    const whole = Number.isSafeInteger(count) && count > 0 ? count : 0
    const taken = Math.min(whole, this.#membersLeft)
    this.#membersLeft -= taken
    if (taken < whole) this.#altered.add(field, 'truncated', whole)
    return taken
  }

  #id(id: string, field: string): string {
    const stored = storedId(id)
    if (stored !== id) this.#addShortenedId(id, field)
    return stored
  }

  #addShortenedId(id: string, field: string): void {
    this.#altered.add(field, id.isWellFormed() ? 'truncated' : 'malformed_unicode', id.length)
  }

  #text(text: string, field: string): string {
    const room = Math.min(MAX_ENTRY_BYTES, Math.max(this.#ampleLeft, SCARCE_STRING_LENGTH))
    const kept = beginning(text, room)
    this.#ampleLeft -= kept.length
    if (kept.length < text.length) this.#altered.add(field, 'truncated', text.length)
    if (kept.isWellFormed()) return kept
    this.#altered.add(field, 'malformed_unicode')
    return kept.toWellFormed()
  }

  #absent(field: string, reason: Alteration['reason']): typeof ABSENT {
    this.#altered.add(field, reason)
    return ABSENT
  }
}
