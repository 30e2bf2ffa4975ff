import { type Attributes, type Baggage, type Context, propagation } from '@opentelemetry/api'
import type { ClaimedScope } from '../events/index.js'
import { contextScope, propagatedScope } from '../record/context.js'
import { BAGGAGE_KEYS } from '../record/names.js'
import type { ScopeIds } from './conventions/contract.js'
import type { ScopeNames } from './scope-names.js'

/** The scope of work, as a context gives it. */
export interface ScopeInContext {
  /** The scope that counts: from `withScope`, and from baggage if baggage is trusted. */
  readonly scope: ScopeIds
  /** The scope that callers claim in baggage, which does not count. */
  readonly claims: ClaimedScope | undefined
  /** The baggage that the claims are from. */
  readonly baggage: Baggage | undefined
}

/** Fewer characters are no value that was cut. */
const MIN_CUT_LENGTH = 32
const NOTHING: ScopeIds = Object.freeze({})
export const NO_SCOPE_IN_CONTEXT: ScopeInContext = Object.freeze({
  scope: NOTHING,
  claims: undefined,
  baggage: undefined,
})

/**
 * Tells what the application says from what its callers say. Baggage comes with a request and holds whatever the caller
 * likes; `withScope` and attributes are the application's. An attribute that repeats the value of a baggage entry is the
 * caller's word as well: there are processors that copy baggage into attributes, under the same names or others.
 */
export class CallerClaims {
  readonly #trustBaggage: boolean
  /** The application's own names for whose an event is. */
  readonly names: ScopeNames | undefined

  /** @param trustBaggage - baggage counts as if the application had said it */
  constructor(trustBaggage: boolean, names?: ScopeNames) {
    this.#trustBaggage = trustBaggage
    this.names = names
  }

  read(context: Context): ScopeInContext {
    const scope = contextScope(context)
    const baggage = baggageOf(context)
    if (!baggage) return scope ? { scope, claims: undefined, baggage } : NO_SCOPE_IN_CONTEXT
    return this.#trustBaggage
      ? { scope: withBaggage(scope, baggage, this.names), claims: undefined, baggage: undefined }
      : { scope: scope ?? NOTHING, claims: claimsIn(baggage, propagatedScope(context), this.names), baggage }
  }
}

/**
 * Parts what a span's attributes say of its scope into the application's word and the caller's.
 *
 * @param facts - as read from `attributes`, by their own names or a convention's
 * @param baggage - of the context that the span began in
 * @param own - attributes that this package has given to the span
 * @param enclosing - attributes of the span around, where that began with the same baggage: what is not repeated there,
 * nothing copies
 */
export function partFacts(
  facts: ScopeIds,
  attributes: Attributes,
  baggage: Baggage,
  { own, enclosing }: { readonly own: Attributes | undefined; readonly enclosing: Attributes | undefined },
): { readonly own: ScopeIds; readonly claims: ClaimedScope | undefined } {
  const repeated = repeatedValues(baggage, attributes, own, enclosing)
  if (!repeated) return { own: facts, claims: undefined }
  const ours: Record<string, string> = {}
  const claims: Record<string, string> = {}
  for (const [field, value] of Object.entries(facts) as [keyof ScopeIds, string | undefined][]) {
    if (value === undefined) continue
    if (!repeated.has(value)) ours[field] = value
    else if (field !== 'runId' && field !== 'parentRunId') claims[field] = value
  }
  return { own: ours, claims: someClaims(claims) }
}

/** Returns what `over` claims, and what `under` claims besides. */
export function overlayClaims(
  under: ClaimedScope | undefined,
  over: ClaimedScope | undefined,
): ClaimedScope | undefined {
  return under && over ? { ...under, ...over } : (over ?? under)
}

function claimsIn(
  baggage: Baggage,
  propagated: ScopeIds | undefined,
  names: ScopeNames | undefined,
): ClaimedScope | undefined {
  const claims: Record<string, string> = {}
  for (const [field, key] of BAGGAGE_KEYS) {
    const value = entryFor(baggage, field, key, names)
    if (value !== undefined && value !== propagated?.[field]) claims[field] = value
  }
  return someClaims(claims)
}

function someClaims(claims: ClaimedScope): ClaimedScope | undefined {
  for (const _ in claims) return claims
  return undefined
}

function withBaggage(scope: ScopeIds | undefined, baggage: Baggage, names: ScopeNames | undefined): ScopeIds {
  const facts: Record<string, string | undefined> = {}
  for (const [field, key] of BAGGAGE_KEYS) facts[field] = scope?.[field] ?? entryFor(baggage, field, key, names)
  return facts
}

/** Under the application's own names first. */
function entryFor(
  baggage: Baggage,
  field: (typeof BAGGAGE_KEYS)[number][0],
  key: string,
  names: ScopeNames | undefined,
): string | undefined {
  return names?.entryIn(field, (name) => entryOf(baggage, name)) ?? entryOf(baggage, key)
}

/** Returns the values of attributes that repeat a baggage entry, cut to the SDK's limit or not. */
function repeatedValues(
  baggage: Baggage,
  attributes: Attributes,
  own: Attributes | undefined,
  enclosing: Attributes | undefined,
): ReadonlySet<string> | undefined {
  const entries = valuesIn(baggage)
  let repeated: Set<string> | undefined
  for (const key in attributes) {
    const attribute = attributes[key]
    const value = typeof attribute === 'number' ? String(attribute) : attribute
    if (typeof value !== 'string' || value === '' || own?.[key] === value) continue
    if (enclosing && enclosing[key] === undefined) continue
    if (!entryOf(baggage, key)?.startsWith(value) && !entries.some((entry) => isRepeatedBy(value, entry))) continue
    repeated ??= new Set()
    repeated.add(value)
  }
  return repeated
}

/** Limits of SDKs cut long values alone; a short beginning that two values share is chance. */
function isRepeatedBy(value: string, entry: string): boolean {
  return entry === value || (value.length >= MIN_CUT_LENGTH && entry.startsWith(value))
}

function valuesIn(baggage: Baggage): readonly string[] {
  try {
    // Attacker-controlled: all entries of that baggage; they are compared with attributes alone, and never recorded.
    return baggage.getAllEntries().flatMap(([, { value }]) => (typeof value === 'string' ? [value] : []))
  } catch {
    return []
  }
}

/** A baggage made by somebody else may do anything. */
function baggageOf(context: Context): Baggage | undefined {
  // Attacker-controlled: baggage that a caller sent, of any size; its values are claims, unless `trustBaggage` is
  // set, and are sealed within the limits of ids.
  const baggage = propagation.getBaggage(context)
  return typeof baggage?.getEntry === 'function' ? baggage : undefined
}

function entryOf(baggage: Baggage, key: string): string | undefined {
  try {
    // Attacker-controlled: one entry of that baggage; asked for by the names of scopes and of attributes only.
    const value: unknown = baggage.getEntry(key)?.value
    return typeof value === 'string' && value !== '' ? value : undefined
  } catch {
    return undefined
  }
}
