import { defineMember } from '../../events/object-members.js'

/** Levels of objects and lists. Content has no more; what has more is cyclic, or hostile. */
export const MAX_DEPTH = 128

/** A text or a number in a tree, or the name of a member. What stands in its place is set where it is found to be a secret. */
export interface Leaf {
  readonly text: string
  readonly isNumber: boolean
  replacement?: string
  /** In a JSON text. */
  readonly start: number
  readonly end: number
}

/** A member of an object. */
export interface Member {
  readonly name: Leaf
  readonly node: Node
}

/**
 * A JSON value in which texts, numbers and names can be replaced: one form for values and for JSON texts, so that the same rules hold for both.
 *
 * `rest` is what nothing is looked for in: `true`, `false`, `null`, and what is no JSON.
 */
export type Node =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'object'; readonly members: readonly Member[] }
  | { readonly kind: 'rest' }

const REST: Node = Object.freeze({ kind: 'rest' })

/** Returns the tree of a value. @throws RangeError when it has too many levels */
export function treeOfValue(value: unknown, depth = 0): Node {
  if (typeof value === 'string') return { kind: 'leaf', leaf: leafOf(value) }
  if (typeof value === 'number' || typeof value === 'bigint') return { kind: 'leaf', leaf: leafOf(String(value), true) }
  if (typeof value !== 'object' || value === null) return REST
  if (depth >= MAX_DEPTH) throw new RangeError('the value has too many levels')
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => treeOfValue(item, depth + 1)) }
  const members = Object.entries(value).map(([name, member]) => ({
    name: leafOf(name),
    node: treeOfValue(member, depth + 1),
  }))
  return { kind: 'object', members }
}

function leafOf(text: string, isNumber = false): Leaf {
  return { text, isNumber, start: 0, end: 0 }
}

/** Returns a copy of a value with what its tree has replaced. */
export function valueOfTree(value: unknown, node: Node): unknown {
  if (node.kind === 'leaf') return node.leaf.replacement ?? value
  if (node.kind === 'list')
    return node.items.map((item, index) => valueOfTree((value as readonly unknown[])[index], item))
  if (node.kind === 'rest') return value
  const copy: Record<string, unknown> = {}
  for (const { name, node: member } of node.members) {
    defineMember(
      copy,
      name.replacement ?? name.text,
      valueOfTree((value as Record<string, unknown>)[name.text], member),
    )
  }
  return copy
}
