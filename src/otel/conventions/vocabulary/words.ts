import type { Attributes } from '@opentelemetry/api'
import { type SpanLike, scopeOf } from '../../span.js'
import { listOf } from './reading.js'
import type { SpanMeaning, Vocabulary } from './vocabulary.js'

/** A span's meaning, and what its name names. */
export interface Word {
  readonly meaning: SpanMeaning
  /** The part of a span name that follows the prefix. */
  readonly named?: string | undefined
  /** The span's name is a word of the dialect, and so no name of an agent. */
  readonly isByName?: boolean | undefined
  /** Rests on what the span does not say, which may come right after its start. */
  readonly provisional?: boolean | undefined
}

/** Looks up what the spans of a dialect mean. */
export class Words {
  readonly #instrumentationScopes: readonly string[] | undefined
  readonly #kindAttributes: readonly string[]
  readonly #kinds: ReadonlyMap<string, SpanMeaning>
  readonly #names: ReadonlyMap<string, SpanMeaning>
  /** The longest first. */
  readonly #namePrefixes: readonly (readonly [string, SpanMeaning])[]
  readonly #nameUntil: string | undefined
  readonly #namesWith: readonly string[]
  readonly #markers: readonly (readonly [string, SpanMeaning])[]
  readonly #otherwise: SpanMeaning | undefined

  constructor(vocabulary: Vocabulary) {
    const { instrumentationScopes, kindAttributes, kinds, spanNames, spanNamesWith, nameUntil, markers, otherwise } =
      vocabulary
    this.#instrumentationScopes = instrumentationScopes
    this.#kindAttributes = listOf(kindAttributes)
    this.#kinds = new Map(Object.entries(kinds ?? {}).map(([value, meaning]) => [value.toLowerCase(), meaning]))
    const names = Object.entries(spanNames ?? {})
    this.#names = new Map(names.filter(([name]) => !name.endsWith('*')))
    this.#namePrefixes = names
      .filter(([name]) => name.endsWith('*'))
      .map(([name, meaning]) => [name.slice(0, -1), meaning] as const)
      .sort(([one], [other]) => other.length - one.length)
    this.#nameUntil = nameUntil
    this.#namesWith = listOf(spanNamesWith)
    this.#markers = Object.entries(markers ?? {})
    this.#otherwise = otherwise
  }

  /** The first characters of the names of its spans. */
  get namePrefixes(): readonly string[] {
    return [...this.#names.keys(), ...this.#namePrefixes.map(([prefix]) => prefix)]
  }

  /** The keys of attributes that its spans are told by. */
  get attributeKeys(): readonly string[] {
    return [...this.#kindAttributes, ...this.#markers.map(([key]) => key)]
  }

  /** The meaning of a span, if it is of the dialect. */
  of(span: SpanLike): Word | undefined {
    if (this.#instrumentationScopes && !this.#isInScope(scopeOf(span).name)) return undefined
    const { attributes } = span
    return (
      this.#byName(String(span.name), attributes) ??
      this.#byKind(attributes) ??
      this.#byMarker(attributes) ??
      this.#rest()
    )
  }

  /** A name up to the content that follows it. */
  withoutContent(name: string): string {
    const end = this.#nameUntil === undefined ? -1 : name.indexOf(this.#nameUntil)
    return end < 0 ? name : name.slice(0, end)
  }

  #isInScope(name: string): boolean {
    return (this.#instrumentationScopes ?? []).some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    )
  }

  #byName(name: string, attributes: Attributes): Word | undefined {
    if (this.#namesWith.length > 0 && !this.#namesWith.some((key) => attributes[key] !== undefined)) return undefined
    const meaning = this.#names.get(name)
    if (meaning) return { meaning, isByName: true }
    for (const [prefix, meaning] of this.#namePrefixes) {
      if (name.startsWith(prefix)) {
        return { meaning, isByName: true, named: this.withoutContent(name.slice(prefix.length)) || undefined }
      }
    }
    return undefined
  }

  #byKind(attributes: Attributes): Word | undefined {
    for (const key of this.#kindAttributes) {
      const value = attributes[key]
      if (typeof value === 'string' && value !== '')
        return provisionally(this.#kinds.get(unquoted(value).toLowerCase()) ?? 'step')
    }
    return undefined
  }

  #byMarker(attributes: Attributes): Word | undefined {
    for (const [key, meaning] of this.#markers) if (attributes[key] !== undefined) return provisionally(meaning)
    return undefined
  }

  #rest(): Word | undefined {
    return this.#otherwise && { meaning: this.#otherwise, provisional: true }
  }
}

/** A span that is a run for want of another may be told more right after its start. */
function provisionally(meaning: SpanMeaning): Word {
  return meaning === 'outermost' ? { meaning, provisional: true } : { meaning }
}

/** A text without the quotation marks of JSON. */
function unquoted(value: string): string {
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
