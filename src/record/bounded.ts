import { ContentValue } from '../events/content.js'
import { beginning } from '../events/text.js'
import type { Alteration } from '../events/types.js'

/** Levels of objects and lists, `data` itself the first. */
const MAX_DEPTH = 16
/** Members of all objects and lists together. */
const MAX_MEMBERS = 4096
/** A larger integer is not written out: that takes time that grows with the square of its digits. */
const LARGEST_BIGINT = 2n ** 1024n
/** Changes that are listed one by one; an event that needs more is beyond reading anyway. */
const MAX_ALTERATIONS = 16
/** UTF-16 code units of a member's path. */
const MAX_PATH_LENGTH = 256
/** Of an error; they are not enumerable. */
const ERROR_KEYS = ['name', 'code', 'message'] as const

const UNREADABLE = Symbol('unreadable')

/**
 * Copies a value into plain, bounded JSON, whatever it is: cycles, proxies, throwing getters, BigInt. It never throws;
 * `altered` says what differs from the original.
 */
export class BoundedCopy {
  readonly altered: Alteration[] = []
  readonly #path = ['data']
  readonly #ancestors: object[] = []
  #membersLeft = MAX_MEMBERS
  #lengthLeft: number
  readonly #mark: (declared: ContentValue, value: unknown) => unknown

  /**
   * @param maxLength - UTF-16 code units of all names and texts together
   * @param mark - makes what stands for a value that is declared to be content. @defaultValue the value itself
   */
  constructor(maxLength: number, mark: (declared: ContentValue, value: unknown) => unknown = (_, value) => value) {
    this.#lengthLeft = maxLength
    this.#mark = mark
  }

  /** The copy; `undefined` where nothing is left that JSON could hold. */
  of(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return Number.isFinite(value) ? value : this.#leaveOut('not_json')
      case 'boolean':
      case 'undefined':
        return value
      case 'bigint':
        this.#addAltered('not_json')
        return -LARGEST_BIGINT < value && value < LARGEST_BIGINT ? this.#text(String(value)) : undefined
      case 'object':
        return value === null ? null : this.#container(value)
      default:
        return this.#leaveOut('not_json')
    }
  }

  #container(value: object): unknown {
    if (this.#ancestors.includes(value)) return this.#leaveOut('cyclic')
    if (this.#ancestors.length === MAX_DEPTH) return this.#leaveOut('too_deep')
    this.#ancestors.push(value)
    try {
      if (value instanceof ContentValue) return this.#mark(value, this.of(value.value))
      if (isOpaque(value)) return this.#leaveOut('not_json')
      const { toJSON } = value as { toJSON?: unknown }
      if (typeof toJSON === 'function') return this.of(toJSON.call(value))
      if (Array.isArray(value)) return this.#list(value)
      return this.#object(value, value instanceof Error ? ERROR_KEYS : Object.keys(value))
    } catch {
      return this.#leaveOut('unreadable')
    } finally {
      this.#ancestors.pop()
    }
  }

  #object(source: object, keys: readonly string[]): object {
    const copy: Record<string, unknown> = {}
    for (const key of keys) {
      if (!this.#takeMember(key.length)) break
      const member = this.#member(source, key)
      if (member === undefined) continue
      // Assigned, it would become the prototype.
      if (key === '__proto__') Object.defineProperty(copy, key, { value: member, enumerable: true })
      else copy[key] = member
    }
    return copy
  }

  #list(source: readonly unknown[]): unknown[] {
    const copy: unknown[] = []
    for (let i = 0; i < source.length; i++) {
      if (!this.#takeMember(0)) break
      copy.push(this.#member(source, i) ?? null)
    }
    return copy
  }

  #member(holder: object, key: string | number): unknown {
    let value: unknown = UNREADABLE
    try {
      value = (holder as Record<string | number, unknown>)[key]
    } catch {
      // Reported below, with its path.
    }
    if (typeof value === 'string' && value.length <= this.#lengthLeft) {
      this.#lengthLeft -= value.length
      return value
    }
    this.#path.push(String(key))
    const copy = value === UNREADABLE ? this.#leaveOut('unreadable') : this.of(value)
    this.#path.pop()
    return copy
  }

  /** Tells whether there is room for one more member; if not, the container is cut there. */
  #takeMember(nameLength: number): boolean {
    if (this.#membersLeft > 0 && nameLength <= this.#lengthLeft) {
      this.#membersLeft--
      this.#lengthLeft -= nameLength
      return true
    }
    this.#addAltered('truncated')
    return false
  }

  #text(text: string): string {
    if (text.length > this.#lengthLeft) this.#addAltered('truncated', text.length)
    const kept = beginning(text, this.#lengthLeft)
    this.#lengthLeft -= kept.length
    return kept
  }

  #leaveOut(reason: Alteration['reason']): undefined {
    this.#addAltered(reason)
  }

  #addAltered(reason: Alteration['reason'], originalLength?: number): void {
    if (this.altered.length === MAX_ALTERATIONS) return
    const field = beginning(this.#path.join('.'), MAX_PATH_LENGTH)
    this.altered.push({ field, reason, ...(originalLength === undefined ? {} : { originalLength }) })
  }
}

/** Tells whether a value keeps its content where JSON does not look, or makes a list of every byte, as a Buffer does. */
function isOpaque(value: object): boolean {
  return value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)
}
