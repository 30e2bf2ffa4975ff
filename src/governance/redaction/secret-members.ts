import { takeCommandSecrets } from './command-secrets.js'
import { isNameLike } from './named-secrets.js'
import { holdsName, holdsValue, type SecretKind, secretKind } from './secret-names.js'
import { isCount } from './secret-values.js'
import { type Span, TextView } from './text-view.js'
import type { Leaf, Member, Node } from './value-tree.js'

const SCHEMA_TYPES = /^(?:string|number|integer|boolean|object|array|null)$/
const SCHEMA_MEMBERS =
  /^(?:\$ref|anyOf|oneOf|allOf|enum|const|properties|items|additionalProperties|format|minLength|maxLength)$/

/** Returns for each member of an object the kind of secret that its value is by the names in the object. */
export function secretMembers(
  members: readonly Member[],
  inherited: SecretKind | undefined,
): (SecretKind | undefined)[] {
  const names = members.map(({ name }) => plainText(name.text))
  const named = namedKind(members, names)
  const hasLogProbabilities = names.includes('logprob')
  const isCookie = inherited === 'cookie' && names.some(holdsValue)
  return members.map(({ node }, index) => {
    const name = names[index] as string
    if (isCookie) return holdsValue(name) ? inherited : undefined
    if (inherited) return inherited
    if (named && holdsValue(name)) return named
    const kind = memberKind(name)
    if (kind === undefined || isSchema(node) || (hasLogProbabilities && name === 'token')) return undefined
    return node.kind === 'leaf' && node.leaf.isNumber && isCount(name, node.leaf.text) ? undefined : kind
  })
}

/** `{ name: 'password', value: 'x' }` */
function namedKind(members: readonly Member[], names: readonly string[]): SecretKind | undefined {
  for (const [index, { node }] of members.entries()) {
    if (node.kind !== 'leaf' || node.leaf.isNumber || !holdsName(names[index] as string)) continue
    const kind = memberKind(plainText(node.leaf.text))
    if (kind !== undefined) return kind
  }
  return undefined
}

/** A member of that name in a schema describes a secret, and holds none. */
function isSchema(node: Node): boolean {
  return (
    node.kind === 'object' &&
    node.members.some(
      ({ name, node: member }) =>
        SCHEMA_MEMBERS.test(name.text) ||
        (name.text === 'type' && member.kind === 'leaf' && SCHEMA_TYPES.test(member.leaf.text)),
    )
  )
}

/** Returns for each item of a list the kind of secret that it is by the item before it. */
export function secretItems(items: readonly Node[], isOfPairs: boolean): (SecretKind | undefined)[] {
  const kinds = items.map((): SecretKind | undefined => undefined)
  for (let index = 1; index < items.length; index++) {
    const before = textOf(items[index - 1])
    if (before === undefined) continue
    const text = plainText(before)
    const kind = memberKind(text.replace(/^--?/, ''))
    if (kind === undefined) continue
    const item = items[index]
    const value = item?.kind === 'leaf' ? item.leaf.text : ''
    const isHeader = (kind === 'header' || kind === 'cookie') && !isNameLike(value)
    const isArgument = text.startsWith('-') && !value.startsWith('-')
    const isPair = items.length === 2 && (isOfPairs || !isNameLike(value))
    if (isHeader || isArgument || isPair) kinds[index] = kind
  }
  return kinds
}

/** Tells whether the items of a list are names with their values. */
export function isListOfPairs(items: readonly Node[]): boolean {
  return items.every((item) => item.kind === 'list' && item.items.length === 2 && textOf(item.items[0]) !== undefined)
}

/** Returns the secrets in the arguments of a command, by the argument: `['mysql', '-px']`. */
export function secretArguments(items: readonly Node[]): ReadonlyMap<Leaf, readonly Span[]> {
  const found = new Map<Leaf, Span[]>()
  if (!/^[\w./-]{2,40}$/.test(textOf(items[0]) ?? '')) return found
  const leaves: Leaf[] = []
  for (const item of items.slice(0, MAX_ARGUMENTS)) {
    if (item.kind !== 'leaf') return found
    leaves.push(item.leaf)
  }
  const line = leaves.map(({ text }) => (text.length > 256 ? '' : text)).join(' ')
  takeCommandSecrets(line, (start, end) => {
    let at = 0
    for (const leaf of leaves) {
      const length = leaf.text.length > 256 ? 0 : leaf.text.length
      if (start >= at && end <= at + length) found.set(leaf, [...(found.get(leaf) ?? []), [start - at, end - at]])
      at += length + 1
    }
  })
  return found
}

const MAX_ARGUMENTS = 32

function memberKind(name: string): SecretKind | undefined {
  const kind = secretKind(name)
  return kind === 'query' ? undefined : kind
}

function textOf(node: Node | undefined): string | undefined {
  return node?.kind === 'leaf' && !node.leaf.isNumber ? node.leaf.text : undefined
}

function plainText(text: string): string {
  return text.length > 200 ? text : new TextView(text).text
}
