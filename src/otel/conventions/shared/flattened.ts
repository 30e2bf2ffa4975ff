import type { Attributes } from '@opentelemetry/api'
import { defineMember } from '../../../events/object-members.js'

/** Attributes of one value that are read: a span has 128 unless its limit was raised. */
const MAX_ATTRIBUTES = 4096
/** Names between the dots of an attribute; what is deeper stays one name. */
const MAX_LEVELS = 12
/** A number that is larger is no place in a list. */
const MAX_INDEX = 4096

/** Members that the first message of a list has, whatever it says. */
const FIRST = ['.0.message.role', '.0.role', '.0.message.content', '.0.content', '.0.user', '.0.prompt.text']

/** The names of attributes that hold a list which was taken apart. */
export interface Flattened {
  readonly beginning: string
  /** Names of which each such list has one. */
  readonly first: readonly string[]
}

/** Returns the names of lists by the beginning that each has. Made once: every call of a model is asked for them. */
export function flattenedLists(...beginnings: readonly string[]): readonly Flattened[] {
  return beginnings.map((beginning) => ({ beginning, first: FIRST.map((rest) => beginning + rest) }))
}

/**
 * Puts a list together that was taken apart into attributes: the first of these that there is.
 *
 * @example
 * `llm.input_messages.0.message.role`, `llm.input_messages.0.message.content` → `[{ message: { role, content } }]`
 */
export function unflattened(attributes: Attributes, lists: readonly Flattened[]): unknown {
  for (const { beginning, first } of lists) {
    for (const name of first) if (attributes[name] !== undefined) return putTogether(attributes, beginning)
  }
  return undefined
}

function putTogether(attributes: Attributes, beginning: string): unknown {
  // Attacker-controlled: keys and values of attributes; at most MAX_ATTRIBUTES of MAX_LEVELS levels, lists up to MAX_INDEX.
  const root: Record<string, unknown> = {}
  let left = MAX_ATTRIBUTES
  for (const key in attributes) {
    if (!key.startsWith(beginning) || key[beginning.length] !== '.') continue
    if (--left < 0) break
    const names = key.slice(beginning.length + 1).split('.')
    put(
      root,
      [...names.slice(0, MAX_LEVELS), ...(names.length > MAX_LEVELS ? [names.slice(MAX_LEVELS).join('.')] : [])],
      attributes[key],
    )
  }
  return asLists(root)
}

function put(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let holder = root
  for (const [at, name] of path.entries()) {
    if (at === path.length - 1) {
      if (!Object.hasOwn(holder, name)) defineMember(holder, name, value)
      return
    }
    if (!Object.hasOwn(holder, name)) defineMember(holder, name, {})
    const next: unknown = holder[name]
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return
    holder = next as Record<string, unknown>
  }
}

/** Objects whose members are all numbers are lists. */
function asLists(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).map(([name, member]) => [name, asLists(member)] as const)
  const isList = members.length > 0 && members.every(([name]) => /^\d{1,4}$/.test(name) && Number(name) <= MAX_INDEX)
  if (isList) return members.sort(([one], [other]) => Number(one) - Number(other)).map(([, member]) => member)
  const copy = {}
  for (const [name, member] of members) defineMember(copy, name, member)
  return copy
}
