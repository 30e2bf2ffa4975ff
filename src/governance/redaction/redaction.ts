import type { Finding, Redaction, RedactionInput, RedactionResult, RedactorContext } from './contract.js'
import { activeDetectors, type Detector } from './detectors.js'
import { jsonOfTree, treeOfJson } from './json-text.js'
import { type OwnRedactors, RedactorFailed } from './redactors.js'
import { isListOfPairs, secretArguments, secretItems, secretMembers } from './secret-members.js'
import type { SecretKind } from './secret-names.js'
import { takeValue } from './secret-values.js'
import { type Span, TextView } from './text-view.js'
import { type Leaf, type Member, type Node, treeOfValue, valueOfTree } from './value-tree.js'

/** JSON texts within JSON texts. Each level doubles the backslashes, so that no content has as many. */
const MAX_NESTED_TEXTS = 20
/** Times that a text is looked at, until nothing is found in it. */
const MAX_PASSES = 4
/** Names of members in which nothing was found: the same ones come in each event. */
const MAX_CLEAN_NAMES = 2000
const MAX_CLEAN_LENGTH = 40
/** No number with fewer characters is looked at. */
const MIN_NUMBER_LENGTH = 8

/**
 * Returns what redacts content: detectors, and behind them the application's own redactors.
 *
 * @param switches - detectors that are switched on or off, by their names
 */
export function createRedaction(own: OwnRedactors, switches: Readonly<Record<string, boolean>> = {}): Redaction {
  const parts = { active: activeDetectors(switches), own, cleanNames: new Set<string>() }
  return {
    redact: (input) => redact(input, parts),
    takeDisabled: () => own.takeDisabled(),
  }
}

interface Parts {
  readonly active: readonly Detector[]
  readonly own: OwnRedactors
  readonly cleanNames: Set<string>
}

function redact(input: RedactionInput, parts: Parts): RedactionResult {
  const { value: given, ...context } = input
  const walk = new RedactingWalk(context, parts)
  try {
    const value = walk.redacted(given)
    const { found } = walk
    return { value: found.length === 0 ? given : value, found }
  } catch (problem) {
    const failed = problem instanceof RedactorFailed ? problem.redactor : 'detectors'
    return { value: undefined, found: [], failed }
  }
}

/** Functions that redact a text, and the name of a member. */
interface TextRedactors {
  readonly text: (text: string) => string
  readonly name: (name: string) => string
}

const UNCHANGED: TextRedactors = { text: (text) => text, name: (name) => name }

/** Goes through a value, and replaces what it finds. */
class RedactingWalk {
  readonly #context: RedactorContext
  readonly #active: readonly Detector[]
  readonly #own: OwnRedactors
  readonly #cleanNames: Set<string>
  readonly #hasSecrets: boolean
  readonly #counts = new Map<string, number>()
  #nested = 0

  constructor(context: RedactorContext, { active, own, cleanNames }: Parts) {
    this.#context = context
    this.#active = active
    this.#own = own
    this.#cleanNames = cleanNames
    this.#hasSecrets = active.some(({ name }) => name === 'secret')
  }

  /** In the order of the detectors, and behind them the redactors. */
  get found(): readonly Finding[] {
    const detected = this.#active.filter(({ name }) => this.#counts.has(name)).map(({ name }) => name as string)
    const others = [...this.#counts.keys()].filter((name) => !detected.includes(name))
    return [...detected, ...others].map((by) => ({ by, count: this.#counts.get(by) ?? 0 }))
  }

  redacted(value: unknown): unknown {
    const redactors: TextRedactors = {
      text: (text) => this.#byOwn(this.#detected(text)),
      name: (name) => this.#byOwn(this.#detectedName(name)),
    }
    if (typeof value === 'string') return redactors.text(value)
    const tree = treeOfValue(value)
    this.#visit(tree, redactors)
    return valueOfTree(value, tree)
  }

  #byOwn(text: string): string {
    return this.#own.run(text, this.#context, (name) => this.#count(name))
  }

  #detectedName(name: string): string {
    if (this.#cleanNames.has(name)) return name
    const kept = this.#detected(name)
    if (kept === name && name.length <= MAX_CLEAN_LENGTH) {
      if (this.#cleanNames.size >= MAX_CLEAN_NAMES) this.#cleanNames.clear()
      this.#cleanNames.add(name)
    }
    return kept
  }

  /** @param secret - the kind of secret that all of it is, by the name of a member around it */
  #visit(node: Node, redactors: TextRedactors, secret?: SecretKind): void {
    if (node.kind === 'leaf') this.#visitLeaf(node.leaf, redactors, secret)
    // The other kinds are those of a text or a number.
    const inner = secret === 'secret' || secret === 'header' || secret === 'cookie' ? secret : undefined
    if (node.kind === 'object') this.#visitMembers(node.members, redactors, inner)
    if (node.kind === 'list') this.#visitItems(node.items, redactors, inner)
  }

  #visitMembers(members: readonly Member[], redactors: TextRedactors, secret?: SecretKind): void {
    const kinds = this.#hasSecrets ? secretMembers(members, secret) : []
    for (const [index, { node }] of members.entries()) this.#visit(node, redactors, kinds[index])
    const names = new Names(members)
    for (const { name } of members) {
      const kept = redactors.name(name.text)
      if (kept !== name.text) name.replacement = names.unused(kept)
    }
  }

  #visitItems(items: readonly Node[], redactors: TextRedactors, secret?: SecretKind): void {
    const kinds = this.#hasSecrets ? secretItems(items, false) : []
    const isOfPairs = this.#hasSecrets && isListOfPairs(items)
    const hidden = this.#hasSecrets ? secretArguments(items) : undefined
    for (const [index, item] of items.entries()) {
      if (isOfPairs && item.kind === 'list') this.#visitPair(item.items, redactors, secret)
      else this.#visit(item, redactors, secret ?? kinds[index])
      const spans = item.kind === 'leaf' ? hidden?.get(item.leaf) : undefined
      if (spans && item.kind === 'leaf') this.#hide(item.leaf, item.leaf.replacement ?? item.leaf.text, spans)
    }
  }

  #visitPair(items: readonly Node[], redactors: TextRedactors, secret?: SecretKind): void {
    const kinds = secretItems(items, true)
    for (const [index, item] of items.entries()) this.#visit(item, redactors, secret ?? kinds[index])
  }

  #visitLeaf(leaf: Leaf, redactors: TextRedactors, secret?: SecretKind): void {
    if (secret !== undefined && this.#hideSecret(leaf, secret)) return
    if (leaf.isNumber && leaf.text.length < MIN_NUMBER_LENGTH) return
    const kept = redactors.text(leaf.text)
    if (kept !== leaf.text) leaf.replacement = kept
  }

  /** @returns false when it is no secret */
  #hideSecret(leaf: Leaf, kind: SecretKind): boolean {
    const tree = leaf.isNumber ? undefined : treeOfJson(leaf.text)
    if (tree && this.#nested < MAX_NESTED_TEXTS) {
      this.#nested++
      this.#visit(tree, UNCHANGED, kind)
      this.#nested--
      leaf.replacement = jsonOfTree(leaf.text, tree)
      return true
    }
    const view = new TextView(leaf.text)
    const spans: Span[] = []
    takeValue(view.text, [0, view.text.length], kind, (start, end) => spans.push([start, end]))
    if (spans.length > 0) this.#hide(leaf, leaf.text, spans)
    return spans.length > 0
  }

  #hide(leaf: Leaf, text: string, spans: readonly Span[]): void {
    const { text: kept, count } = new TextView(text).masked(spans)
    if (count === 0) return
    leaf.replacement = kept
    this.#count('secret')
  }

  /** Returns a text without what the detectors find in it. A JSON text stays one. */
  #detected(text: string): string {
    const view = new TextView(text)
    const active = this.#active.filter(({ mayBeIn }) => mayBeIn(view.text))
    if (active.length === 0) return text
    const tree = this.#nested < MAX_NESTED_TEXTS ? treeOfJson(text) : undefined
    if (!tree) return this.#masked(text)
    this.#nested++
    this.#visit(tree, { text: (inner) => this.#detected(inner), name: (name) => this.#detectedName(name) })
    this.#nested--
    return jsonOfTree(text, tree)
  }

  #masked(text: string): string {
    let before: string
    let current = text
    let passes = 0
    do {
      before = current
      for (const detector of this.#active) current = this.#maskedBy(detector, current)
    } while (current !== before && ++passes < MAX_PASSES)
    return current
  }

  #maskedBy({ name, mayBeIn, takeFrom }: Detector, text: string): string {
    const view = new TextView(text)
    if (!mayBeIn(view.text)) return text
    const spans: Span[] = []
    takeFrom(view.text, (start, end) => spans.push([start, end]))
    if (spans.length === 0) return text
    const { text: masked, count } = view.masked(spans)
    if (count > 0) this.#count(name, count)
    return masked
  }

  #count(by: string, times = 1): void {
    this.#counts.set(by, (this.#counts.get(by) ?? 0) + times)
  }
}

/** The names of an object's members. Two that are the same once they are masked stay two members. */
class Names {
  readonly #taken: Set<string>
  /** The last number behind a name: many members may have the same one. */
  readonly #numbers = new Map<string, number>()

  constructor(members: readonly Member[]) {
    this.#taken = new Set(members.map(({ name }) => name.text))
  }

  unused(name: string): string {
    let free = name
    let number = this.#numbers.get(name) ?? 1
    while (this.#taken.has(free)) free = `${name} (${++number})`
    this.#numbers.set(name, number)
    this.#taken.add(free)
    return free
  }
}
