import type { Attributes } from '@opentelemetry/api'
import type { Convention } from '../conventions/contract.js'
import { type InstrumentationScope, type SpanLike, scopeOf } from '../span.js'

interface PrefixEntry {
  readonly prefix: string
  /** One bit per convention. */
  readonly bit: number
}

const MAX_CONVENTIONS = 31

/**
 * Finds the conventions that may speak for a span, without asking each. The scope decides once per tracer; attribute
 * keys are looked up by their first letter, so a span of no agent kind costs one table access a key, however many
 * conventions there are.
 */
export class Recogniser {
  readonly #conventions: readonly Convention[]
  readonly #keyPrefixes = new PrefixTable()
  readonly #namePrefixes = new PrefixTable()
  readonly #byScope = new WeakMap<InstrumentationScope, number>()

  /** @throws TypeError when there are more than 31 conventions, or one is malformed. */
  constructor(conventions: readonly Convention[]) {
    if (conventions.length > MAX_CONVENTIONS)
      throw new TypeError(`conventions: at most ${MAX_CONVENTIONS} are supported`)
    for (const [index, convention] of conventions.entries()) {
      if (typeof convention?.recognise !== 'function' || !convention.name) {
        throw new TypeError(`conventions[${index}]: a convention needs a name and a recognise() function`)
      }
      for (const prefix of convention.attributePrefixes ?? []) this.#keyPrefixes.add(prefix, 1 << index)
      for (const prefix of convention.namePrefixes ?? []) this.#namePrefixes.add(prefix, 1 << index)
    }
    this.#conventions = conventions
  }

  get conventions(): readonly Convention[] {
    return this.#conventions
  }

  /** Bit set of the conventions to ask about a span as it stands now; 0 for spans of no agent kind. */
  candidates(span: SpanLike): number {
    return this.#scopeBits(scopeOf(span)) | this.#attributeBits(span.attributes) | this.#nameBits(span.name)
  }

  /** The conventions of a bit set. */
  named(bits: number): readonly Convention[] {
    return this.#conventions.filter((_, index) => (bits & (1 << index)) !== 0)
  }

  /** SDKs take any value for a name. */
  #nameBits(name: unknown): number {
    return typeof name === 'string' ? this.#namePrefixes.bitsOf(name) : 0
  }

  #attributeBits(attributes: Attributes): number {
    let bits = 0
    for (const key in attributes) bits |= this.#keyPrefixes.bitsOf(key)
    return bits
  }

  #scopeBits(scope: InstrumentationScope): number {
    const known = this.#byScope.get(scope)
    if (known !== undefined) return known
    let bits = 0
    for (const [index, convention] of this.#conventions.entries()) {
      if (convention.scopes?.some((pattern) => matchesScope(pattern, scope.name))) bits |= 1 << index
    }
    this.#byScope.set(scope, bits)
    return bits
  }
}

/** Prefixes by their first character (7-bit): a text that starts otherwise costs one table access. */
class PrefixTable {
  readonly #byFirstCharacter: (readonly PrefixEntry[] | undefined)[] = new Array(128)

  add(prefix: string, bit: number): void {
    const first = prefix.charCodeAt(0)
    if (!(first < 128))
      throw new TypeError(`conventions: the prefix '${prefix}' does not start with an ASCII character`)
    this.#byFirstCharacter[first] = [...(this.#byFirstCharacter[first] ?? []), { prefix, bit }]
  }

  bitsOf(text: string): number {
    const entries = this.#byFirstCharacter[text.charCodeAt(0)]
    if (entries === undefined) return 0
    let bits = 0
    for (let i = 0; i < entries.length; i++) {
      const { prefix, bit } = entries[i] as PrefixEntry
      if (text.startsWith(prefix)) bits |= bit
    }
    return bits
  }
}

function matchesScope(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
