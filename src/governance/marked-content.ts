import { ContentValue, hasMark } from '../events/content.js'
import { defineMember } from '../events/object-members.js'
import type { Emptied, TakenValue } from './taken-value.js'

/** Levels of objects and lists in which declared values are looked for. No entry has more. */
const MAX_DEPTH = 16

/**
 * Takes the values out of `data` that its application declares to be content. What it cannot read holds none: sealing leaves out
 * what is found there later.
 *
 * @returns `undefined` where there is none
 */
export function takeMarked(data: object): Emptied | undefined {
  if (!hasMark(data)) return undefined
  const values: TakenValue[] = []
  return { data: copied(data, 'data', values), values, altered: [] }
}

/** Copies what holds declared values, without them. In a list `null` stands for one, so that the others keep their places. */
function copied(source: object, field: string, values: TakenValue[], depth = 1): unknown {
  if (Array.isArray(source)) {
    return source.map((value, at) => kept(value, `${field}.${at}`, values, depth) ?? null)
  }
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(source)) {
    const value = kept((source as Record<string, unknown>)[name], `${field}.${escaped(name)}`, values, depth)
    if (value !== undefined) defineMember(copy, name, value)
  }
  return copy
}

function kept(value: unknown, field: string, values: TakenValue[], depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof ContentValue) {
    values.push({ field, class: value.class, value: value.value })
    return undefined
  }
  return depth < MAX_DEPTH && hasMark(value) ? copied(value, field, values, depth + 1) : value
}

/** A dot stands between names. */
function escaped(name: string): string {
  return /[.\\]/.test(name) ? name.replace(/[.\\]/g, '\\$&') : name
}
