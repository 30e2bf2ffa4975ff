import type { Attributes } from '@opentelemetry/api'
import type { Convention } from '../conventions/contract.js'
import { type InstrumentationScope, type SpanLike, scopeOf } from '../span.js'

interface PrefixEntry {
  readonly prefix: string
  /** The bit of its convention. */
  readonly bit: number
}

/** Conventions at the front, and as many at the end, that have a bit of their own. */
const OWN_BITS_AT_EACH_END = 15
/** Shared by all between, which are the more special ones: the general ones are asked last, and most often. */
const SHARED_BIT = 1 << (2 * OWN_BITS_AT_EACH_END)
const MAX_CONVENTIONS = 256
/** Bit sets of which the conventions are remembered. */
const MAX_BIT_SETS = 1024

/** The bits by which so many conventions differ. */
function bitsOf(conventions: number): readonly number[] {
  return Array.from({ length: conventions }, (_, index) => {
    if (index < OWN_BITS_AT_EACH_END) return 1 << index
    const fromEnd = conventions - 1 - index
    return fromEnd < OWN_BITS_AT_EACH_END ? 1 << (OWN_BITS_AT_EACH_END + fromEnd) : SHARED_BIT
  })
}

/**
 * Finds the conventions that may speak for a span, without asking each. The scope decides once per tracer; attribute
 * keys are looked up by their first letter, so a span of no agent kind costs one table access a key, however many
 * conventions there are.
 */
export class ConventionIndex {
  readonly #conventions: readonly Convention[]
  /** The bit of each. */
  readonly #bits: readonly number[]
  /** The conventions of each bit set that has come. */
  readonly #byBits = new Map<number, readonly Convention[]>()
  /** Those that share a bit. */
  readonly #sharing: ReadonlySet<Convention>
  readonly #keyPrefixes = new PrefixTable()
  readonly #namePrefixes = new PrefixTable()
  readonly #byScope = new WeakMap<InstrumentationScope, number>()
  /** Spans of one scope come one after the other. */
  #lastScope: InstrumentationScope | undefined = undefined
  #lastScopeBits = 0

  /** @throws TypeError when there are more than 256 conventions, or one is malformed. */
  constructor(conventions: readonly Convention[]) {
    if (conventions.length > MAX_CONVENTIONS)
      throw new TypeError(`conventions: at most ${MAX_CONVENTIONS} are supported`)
    this.#bits = bitsOf(conventions.length)
    for (const [index, convention] of conventions.entries()) {
      if (typeof convention?.recognise !== 'function' || !convention.name) {
        throw new TypeError(`conventions[${index}]: a convention needs a name and a recognise() function`)
      }
      const bit = this.#bitOf(index)
      for (const prefix of convention.attributePrefixes ?? []) this.#keyPrefixes.add(prefix, bit)
      for (const prefix of convention.namePrefixes ?? []) this.#namePrefixes.add(prefix, bit)
    }
    this.#conventions = conventions
    this.#sharing = new Set(conventions.filter((_, index) => this.#bitOf(index) === SHARED_BIT))
  }

  /** Bit set of the conventions to ask about a span as it stands now; 0 for spans of no agent kind. */
  candidates(span: SpanLike): number {
    return this.#scopeBits(scopeOf(span)) | this.#attributeBits(span.attributes) | this.#nameBits(span.name)
  }

  /** Returns the conventions to ask about a span that has this bit set, in their order. */
  named(bits: number, span: SpanLike): readonly Convention[] {
    const candidates = this.#byBits.get(bits) ?? this.#newCandidates(bits)
    if ((bits & SHARED_BIT) === 0) return candidates
    return candidates.filter((convention) => !this.#sharing.has(convention) || speaksFor(convention, span))
  }

  #newCandidates(bits: number): readonly Convention[] {
    const candidates = this.#conventions.filter((_, index) => (bits & this.#bitOf(index)) !== 0)
    if (this.#byBits.size < MAX_BIT_SETS) this.#byBits.set(bits, candidates)
    return candidates
  }

  #bitOf(index: number): number {
    return this.#bits[index] as number
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
    if (scope !== this.#lastScope) {
      this.#lastScopeBits = this.#byScope.get(scope) ?? this.#newScopeBits(scope)
      this.#lastScope = scope
    }
    return this.#lastScopeBits
  }

  #newScopeBits(scope: InstrumentationScope): number {
    let bits = 0
    for (const [index, convention] of this.#conventions.entries()) {
      if (convention.instrumentationScopes?.some((pattern) => matchesScope(pattern, scope.name)))
        bits |= this.#bitOf(index)
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

/** Tells whether one convention may know the span: those that share a bit are asked one by one. */
function speaksFor({ instrumentationScopes, attributePrefixes, namePrefixes }: Convention, span: SpanLike): boolean {
  const { name, attributes } = span
  if (instrumentationScopes?.some((pattern) => matchesScope(pattern, scopeOf(span).name))) return true
  if (typeof name === 'string' && namePrefixes?.some((prefix) => name.startsWith(prefix))) return true
  for (const key in attributes) if (attributePrefixes?.some((prefix) => key.startsWith(prefix))) return true
  return false
}

function matchesScope(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
