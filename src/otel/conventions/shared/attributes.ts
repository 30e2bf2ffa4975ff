import type { Attributes } from '@opentelemetry/api'

/* Reading attributes, and parsed JSON, that anybody may have set to anything. */

type Named = Readonly<Record<string, unknown>>

export function text(attributes: Named, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

/** A count of something: a non-negative number, also as numeric text, whole. */
export function count(attributes: Named, ...keys: readonly string[]): number | undefined {
  const value = amount(attributes, ...keys)
  return value === undefined || value > Number.MAX_SAFE_INTEGER ? undefined : Math.round(value)
}

/** A non-negative finite number, also as numeric text. */
export function amount(attributes: Named, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = attributes[key]
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && number >= 0 && Number.isFinite(number)) return number
  }
  return undefined
}

/** The first text of a list, which some instrumentations set as JSON text. */
export function firstOf(attributes: Attributes, key: string): string | undefined {
  const value = attributes[key]
  const list = typeof value === 'string' && value.startsWith('[') ? json(attributes, key) : value
  const first: unknown = Array.isArray(list) ? list[0] : list
  return typeof first === 'string' && first !== '' ? first : undefined
}

/** JSON text longer than this is not read: the hot path must not parse whole conversations. */
const MAX_JSON_LENGTH = 256 * 1024

/** An attribute that holds JSON text; `undefined` when it is none. */
export function json(attributes: Attributes, key: string): unknown {
  return jsonIn(attributes[key])
}

/** What JSON text says; `undefined` when it is none, or too long. */
export function jsonIn(value: unknown): unknown {
  if (typeof value !== 'string' || value.length > MAX_JSON_LENGTH) return undefined
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

/** Of text too long to be parsed, so much is looked at behind the name of a member. */
const MAX_MEMBER_LENGTH = 1024
/** Text longer than this is not looked through either. */
const MAX_SCANNED_LENGTH = 4 * 1024 * 1024

/** One member of an object in JSON text; of text too long to be parsed, only one that is flat. */
export function jsonMember(value: unknown, name: string): unknown {
  if (typeof value !== 'string' || value.length <= MAX_JSON_LENGTH) return record(jsonIn(value))[name]
  const at = value.length > MAX_SCANNED_LENGTH ? undefined : memberAt(value, `"${name}":`)
  if (at === undefined) return undefined
  return jsonIn(/^(?:"[^"\\]*"|\{[^{}]*\})/.exec(value.slice(at, at + MAX_MEMBER_LENGTH))?.[0])
}

/**
 * Returns the position of the value of a member of the outermost object. Counts levels, since content that somebody
 * else wrote may hold members of the same name.
 */
function memberAt(json: string, key: string): number | undefined {
  const marks = /["{}[\]]/g
  let found: number | undefined
  let level = 0
  for (let mark = marks.exec(json); mark; mark = marks.exec(json)) {
    const { 0: char, index } = mark
    if (char === '"') {
      if (level === 1 && json.startsWith(key, index)) found = index + key.length
      const end = endOfString(json, index)
      if (end < 0) return undefined
      marks.lastIndex = end + 1
    } else level += char === '{' || char === '[' ? 1 : -1
  }
  return found
}

/** Returns the position of the closing quote of a string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let end = start
  do end = json.indexOf('"', end + 1)
  while (end > 0 && backslashesBefore(json, end) % 2 === 1)
  return end
}

function backslashesBefore(json: string, end: number): number {
  let count = 0
  while (json[end - 1 - count] === '\\') count++
  return count
}

/** A record for looking into parsed JSON without trusting it. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
