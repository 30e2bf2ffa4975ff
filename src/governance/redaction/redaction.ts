import { defineMember } from '../../events/object-members.js'
import type { Finding, Redaction, RedactionInput, RedactionResult, RedactorContext } from './contract.js'
import { activeDetectors, type Detector, isSecretName } from './detectors.js'
import { masked } from './mask.js'
import { type OwnRedactors, RedactorFailed } from './redactors.js'

/** Levels of a value that are looked at. Content has no more. */
const MAX_DEPTH = 64

/**
 * Returns what redacts content: detectors, and behind them the application's own redactors.
 *
 * @param switches - detectors that are switched on or off, by their names
 */
export function createRedaction(own: OwnRedactors, switches: Readonly<Record<string, boolean>> = {}): Redaction {
  const active = activeDetectors(switches)
  return {
    redact: (input) => redact(input, active, own),
    takeDisabled: () => own.takeDisabled(),
  }
}

function redact(input: RedactionInput, active: readonly Detector[], own: OwnRedactors): RedactionResult {
  const { value: given, ...context } = input
  const walk = new RedactingWalk(context, active, own)
  try {
    const value = walk.of(given, 0)
    const { found } = walk
    return { value: found.length === 0 ? given : value, found }
  } catch (problem) {
    const failed = problem instanceof RedactorFailed ? problem.redactor : 'detectors'
    return { value: undefined, found: [], failed }
  }
}

/** Goes through a value, and copies what it changes. */
class RedactingWalk {
  readonly #context: RedactorContext
  readonly #active: readonly Detector[]
  readonly #own: OwnRedactors
  readonly #hasSecrets: boolean
  readonly #counts = new Map<string, number>()

  constructor(context: RedactorContext, active: readonly Detector[], own: OwnRedactors) {
    this.#context = context
    this.#active = active
    this.#own = own
    this.#hasSecrets = active.some(({ name }) => name === 'secret')
  }

  get found(): readonly Finding[] {
    return [...this.#counts].map(([by, count]) => ({ by, count }))
  }

  of(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#text(value)
    if (typeof value === 'number' || typeof value === 'bigint') return this.#number(value)
    if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return value
    return Array.isArray(value) ? value.map((item) => this.of(item, depth + 1)) : this.#object(value, depth + 1)
  }

  #object(source: object, depth: number): object {
    const copy: Record<string, unknown> = {}
    for (const [name, member] of Object.entries(source)) {
      const isSecret = this.#hasSecrets && isSecretName(name)
      const value = isSecret ? this.#secret(member, depth) : this.of(member, depth)
      const kept = unused(copy, this.#text(name))
      defineMember(copy, kept, value)
    }
    return copy
  }

  /** The value of a member whose name says that it is a secret. */
  #secret(value: unknown, depth: number): unknown {
    if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value)
      const hidden = masked(text)
      if (hidden === text) return value
      this.#count('secret')
      return hidden
    }
    if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return value
    if (Array.isArray(value)) return value.map((item) => this.#secret(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.#secret(member, depth + 1)]))
  }

  #number(value: number | bigint): unknown {
    const text = String(value)
    if (text.length < 8) return value
    const kept = this.#text(text)
    return kept === text ? value : kept
  }

  #text(text: string): string {
    let current = text
    for (const { name, mayHit, mask } of this.#active) {
      if (mayHit(current)) current = mask(current, () => this.#count(name))
    }
    return this.#own.run(current, this.#context, (name) => this.#count(name))
  }

  #count(by: string): void {
    this.#counts.set(by, (this.#counts.get(by) ?? 0) + 1)
  }
}

/** Two names that are the same once they are masked stay two members. */
function unused(copy: object, name: string): string {
  let free = name
  for (let at = 2; Object.hasOwn(copy, free); at++) free = `${name} (${at})`
  return free
}
