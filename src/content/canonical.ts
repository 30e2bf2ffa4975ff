import { isOpaque, memberNames } from '../events/object-members.js'
import { beginning } from '../events/text.js'
import type { Alteration } from '../events/types.js'
import type { ContentValueBytes } from './contract.js'
import { areExactNumbers } from './exact-numbers.js'

/** UTF-8 bytes of the largest value: what is longer is cut. */
export const MAX_VALUE_BYTES: number = 256 * 1024
/** Levels of objects and lists, the outermost the first. */
const MAX_DEPTH = 64
/** Members of all objects and lists. */
const MAX_MEMBERS = 65_536
/** UTF-16 code units that are looked at: no more of them can be left. */
const MAX_LENGTH = MAX_VALUE_BYTES
/** UTF-16 code units behind that: no secret is longer that is recognised by its beginning and its end. */
const OVERLAP = 1024
/** A larger integer is not written out: that takes time that grows with the square of its digits. */
const LARGEST_BIGINT = 2n ** 1024n

/** A value of content as canonical text, and how that differs from what was handed in. */
export interface CanonicalText {
  readonly text: string
  readonly kind: ContentValueBytes['kind']
  readonly reasons: ReadonlySet<Alteration['reason']>
  /** UTF-16 code units of the whole of it. */
  readonly length: number
}

/**
 * Returns the canonical form of a value, so that equal values have equal texts: JSON as RFC 8785 (JSON Canonicalization Scheme)
 * writes it, any other text as it is. A text that is a JSON object or list counts as that, unless it says more than its
 * value does: a member twice, or a number that a double cannot hold, such as `1e-400` or `9007199254740993`. Never throws.
 *
 * A value that is too long for an item is returned as a text, a little longer than an item can be, so that a secret at its end is
 * recognised before it is cut.
 */
export function canonicalText(value: unknown): CanonicalText {
  if (typeof value === 'string') return ofText(value)
  const writer = new CanonicalWriter()
  return bounded(writer.write(value) ?? 'null', 'json', writer.reasons)
}

/** Returns JSON as RFC 8785 writes it; for values that are plain JSON. */
export function canonicalJson(value: unknown): string {
  return new CanonicalWriter().write(value) ?? 'null'
}

/** Returns a canonical text as the bytes that are digested and kept, cut where it is too long. */
export function valueBytes(text: string, kind: ContentValueBytes['kind']): ContentValueBytes {
  const bytes = Buffer.from(text, 'utf8')
  return bytes.length <= MAX_VALUE_BYTES ? { bytes, kind } : { bytes: wholeCharacters(bytes), kind: 'text' }
}

function ofText(text: string): CanonicalText {
  const writer = new CanonicalWriter()
  const json = text.length <= MAX_LENGTH && isContainerText(text) ? jsonOf(text, writer) : undefined
  return json === undefined ? bounded(text, 'text', new Set()) : bounded(json, 'json', writer.reasons)
}

function bounded(text: string, kind: ContentValueBytes['kind'], reasons: Set<Alteration['reason']>): CanonicalText {
  const { length } = text
  const kept = length <= MAX_LENGTH + OVERLAP ? text : beginning(text, MAX_LENGTH + OVERLAP)
  const wellFormed = kept.isWellFormed() ? kept : kept.toWellFormed()
  if (wellFormed !== kept) reasons.add('malformed_unicode')
  return { text: wellFormed, kind: kept === text ? kind : 'text', reasons, length }
}

function isContainerText(text: string): boolean {
  const start = text.charCodeAt(0) <= 0x20 ? text.trimStart() : text
  return start.startsWith('{') || start.startsWith('[')
}

/** The canonical form of a JSON text; `undefined` where it is none, or would lose something. */
function jsonOf(text: string, writer: CanonicalWriter): string | undefined {
  // Attacker-controlled: a text from outside of at most MAX_LENGTH; the writer bounds depth and members.
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  const json = writer.write(parsed)
  if (writer.reasons.size > 0) return undefined
  const outside = text.replace(/"(?:[^"\\]|\\.)*"/g, '')
  return colonsIn(outside) === writer.named && areExactNumbers(outside) ? json : undefined
}

function colonsIn(text: string): number {
  let count = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) count++
  return count
}

/** The beginning of a text in UTF-8 that does not end within a character. */
function wholeCharacters(bytes: Buffer): Uint8Array {
  let end = Math.min(bytes.length, MAX_VALUE_BYTES)
  if (end < bytes.length) while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

/** Writes any value as canonical JSON, and collects the reasons why that is not all of it. */
class CanonicalWriter {
  readonly reasons = new Set<Alteration['reason']>()
  /** Number of the members of objects that were written. */
  named = 0
  #membersLeft = MAX_MEMBERS
  #lengthLeft = 2 * MAX_LENGTH
  readonly #ancestors: object[] = []

  /** `undefined` for what JSON leaves out. */
  write(value: unknown): string | undefined {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        if (Number.isFinite(value)) return JSON.stringify(value)
        this.reasons.add('not_json')
        return 'null'
      case 'boolean':
        return value ? 'true' : 'false'
      case 'bigint':
        this.reasons.add('not_json')
        return -LARGEST_BIGINT < value && value < LARGEST_BIGINT ? `"${value}"` : undefined
      case 'object':
        return value === null ? 'null' : this.#container(value)
      case 'undefined':
        return undefined
      default:
        this.reasons.add('not_json')
        return undefined
    }
  }

  #text(text: string): string {
    const kept = text.length <= this.#lengthLeft ? text : beginning(text, this.#lengthLeft)
    this.#lengthLeft -= kept.length
    if (kept !== text) this.reasons.add('truncated')
    if (kept.isWellFormed()) return JSON.stringify(kept)
    this.reasons.add('malformed_unicode')
    return JSON.stringify(kept.toWellFormed())
  }

  #container(source: object): string | undefined {
    try {
      if (this.#ancestors.includes(source)) return this.#leaveOut('cyclic')
      if (this.#ancestors.length >= MAX_DEPTH) return this.#leaveOut('too_deep')
      // Before its `toJSON`: that of a Buffer makes a list as long as the Buffer.
      if (ArrayBuffer.isView(source)) return this.#leaveOut('not_json')
      this.#ancestors.push(source)
      try {
        if (Array.isArray(source)) return this.#list(source)
        const { toJSON } = source as { readonly toJSON?: unknown }
        if (typeof toJSON === 'function') return this.#converted(toJSON.call(source, ''))
        return isOpaque(source) ? this.#leaveOut('not_json') : this.#object(source)
      } finally {
        this.#ancestors.pop()
      }
    } catch {
      return this.#leaveOut('unreadable')
    }
  }

  /** JSON calls `toJSON` once, whatever it returns. */
  #converted(value: unknown): string | undefined {
    if (typeof value !== 'object' || value === null) return this.write(value)
    return Array.isArray(value) ? this.#list(value) : this.#object(value)
  }

  #list(source: readonly unknown[]): string {
    const taken = this.#take(source.length)
    const items: string[] = []
    for (let at = 0; at < taken; at++) items.push(this.#member(source, at) ?? 'null')
    return `[${items.join(',')}]`
  }

  #object(source: object): string {
    if (source instanceof Error) this.reasons.add('not_json')
    const names = memberNames(source)
    // The order of UTF-16 code units, as RFC 8785 section 3.2.3 asks for.
    const sorted = names.length > 1 ? names.sort() : names
    const taken = this.#take(sorted.length)
    const members: string[] = []
    for (let at = 0; at < taken; at++) {
      const name = sorted[at] as string
      const value = this.#member(source, name)
      if (value === undefined) continue
      this.named++
      members.push(`${this.#text(name)}:${value}`)
    }
    return `{${members.join(',')}}`
  }

  #member(source: object, key: PropertyKey): string | undefined {
    let value: unknown
    try {
      value = (source as Record<PropertyKey, unknown>)[key]
    } catch {
      return this.#leaveOut('unreadable')
    }
    return this.write(value)
  }

  #take(count: number): number {
    // A Proxy may name any length.
    const whole = Number.isSafeInteger(count) && count > 0 ? count : 0
    const taken = this.#lengthLeft > 0 ? Math.min(whole, this.#membersLeft) : 0
    this.#membersLeft -= taken
    if (taken < whole) this.reasons.add('truncated')
    return taken
  }

  #leaveOut(reason: Alteration['reason']): undefined {
    this.reasons.add(reason)
  }
}
