import { type Leaf, MAX_DEPTH, type Member, type Node } from './value-tree.js'

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?\d[\d.eE+-]*/y

/** Returns the tree of a text that is a JSON object or list; `undefined` for any other text. */
export function treeOfJson(text: string): Node | undefined {
  if (!/^[ \t\n\r]*[[{]/.test(text)) return undefined
  try {
    // Attacker-controlled: a text of content, which is bounded. It is read once more by its tokens, to know where each of them stands.
    JSON.parse(text)
    return new JsonReader(text).node(0)
  } catch {
    return undefined
  }
}

/** Returns a JSON text with what its tree has replaced. All else is as it was: the order of members, spaces, and how numbers are written. */
export function jsonOfTree(text: string, node: Node): string {
  let result = ''
  let done = 0
  for (const { start, end, replacement } of leavesOf(node)) {
    if (replacement === undefined) continue
    result += text.slice(done, start) + JSON.stringify(replacement)
    done = end
  }
  return result + text.slice(done)
}

function* leavesOf(node: Node): Generator<Leaf> {
  if (node.kind === 'leaf') yield node.leaf
  if (node.kind === 'list') for (const item of node.items) yield* leavesOf(item)
  if (node.kind === 'object') {
    for (const { name, node: member } of node.members) {
      yield name
      yield* leavesOf(member)
    }
  }
}

/** Reads the tokens of a text that is known to be JSON. */
class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** @throws RangeError when there are too many levels */
  node(depth: number): Node {
    this.#skip(SPACE)
    const first = this.#text[this.#at]
    if (first === '"') return { kind: 'leaf', leaf: this.#string() }
    if (first === '{' || first === '[') {
      if (depth >= MAX_DEPTH) throw new RangeError('the text has too many levels')
      this.#at++
      return first === '{'
        ? { kind: 'object', members: this.#members(depth) }
        : { kind: 'list', items: this.#items(depth) }
    }
    if (first === 't' || first === 'n' || first === 'f') {
      this.#at += first === 'f' ? 5 : 4
      return { kind: 'rest' }
    }
    const start = this.#at
    this.#skip(NUMBER)
    const end = this.#at
    return { kind: 'leaf', leaf: { text: this.#text.slice(start, end), isNumber: true, start, end } }
  }

  #members(depth: number): Member[] {
    const members: Member[] = []
    while (this.#hasNext('}')) {
      const name = this.#string()
      this.#skip(SPACE)
      this.#at++
      members.push({ name, node: this.node(depth + 1) })
    }
    return members
  }

  #items(depth: number): Node[] {
    const items: Node[] = []
    while (this.#hasNext(']')) items.push(this.node(depth + 1))
    return items
  }

  /** Goes to the next member or item, or behind the bracket that closes the list of them. */
  #hasNext(closing: string): boolean {
    this.#skip(SPACE)
    const mark = this.#text[this.#at]
    if (mark === ',' || mark === closing) this.#at++
    this.#skip(SPACE)
    return mark !== closing
  }

  #string(): Leaf {
    const start = this.#at
    let end = start
    do end = this.#text.indexOf('"', end + 1)
    while (this.#isEscaped(end))
    this.#at = end + 1
    const token = this.#text.slice(start, this.#at)
    const text = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1)
    return { text, isNumber: false, start, end: this.#at }
  }

  #isEscaped(at: number): boolean {
    let before = at
    while (this.#text[before - 1] === '\\') before--
    return (at - before) % 2 === 1
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex
  }
}
