import type { Attributes } from '@opentelemetry/api'
import { endOfString, MAX_JSON_LENGTH, readJson } from './cut-json.js'

/* Reading attributes, and parsed JSON, that anybody may have set to anything. */

type Named = Readonly<Record<string, unknown>>

export function text(attributes: Named, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

/** An id: a text, or a number, which applications use for tenants, users and sessions. */
export function idIn(attributes: Named, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  }
  return undefined
}

/** A count of something: a non-negative number, also as numeric text, whole. */
export function count(attributes: Named, ...keys: readonly string[]): number | undefined {
  const value = amount(attributes, ...keys)
  return value === undefined ? undefined : Math.round(value)
}

/** A non-negative finite number, also as numeric text. */
export function amount(attributes: Named, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = attributes[key]
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && isAmount(number)) return number
  }
  return undefined
}

/** No count of tokens, no duration and no cost is as large. Numbers of cards are, and what they are added to would hold them. */
const MAX_AMOUNT = 1e12

/** Tells whether a number can be an amount of something. */
export function isAmount(value: number): boolean {
  return value >= 0 && value < MAX_AMOUNT
}

/** The first text of a list, which some instrumentations set as JSON text. */
export function firstOf(attributes: Attributes, key: string): string | undefined {
  const value = attributes[key]
  const list = typeof value === 'string' && value.startsWith('[') ? json(attributes, key) : value
  const first: unknown = Array.isArray(list) ? list[0] : list
  return typeof first === 'string' && first !== '' ? first : undefined
}

/** An attribute that holds JSON text, whole; `undefined` when it is none, or cut. */
export function json(attributes: Attributes, key: string): unknown {
  return jsonIn(attributes[key])
}

/**
 * Returns what JSON text says that was read to its end; `undefined` when it is none, or cut. For what is counted, or said to come
 * last: use {@link readJson} where the beginning may tell.
 */
export function jsonIn(value: unknown): unknown {
  if (typeof value !== 'string' || value.length > MAX_JSON_LENGTH) return undefined
  try {
    // Attacker-controlled: JSON text of an attribute, which may hold a client's content; at most 256 KiB are parsed,
    // and conventions look into the result by `record`.
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

/** The object that an attribute holds as JSON text, as far as it can be read: members behind a cut are not there. */
export function readRecord(attributes: Attributes, key: string): Readonly<Record<string, unknown>> {
  return record(readJson(attributes[key]).value)
}

/** Of text too long to be parsed, so much is looked at behind the name of a member. */
const MAX_MEMBER_LENGTH = 1024
/** Text longer than this is not looked through either. */
const MAX_SCANNED_LENGTH = 4 * 1024 * 1024

/**
 * One member of an object in JSON text, complete. Of text too long to be parsed, one that is flat, wherever it stands; of
 * text that is cut, one that stands before the cut.
 */
export function jsonMember(value: unknown, name: string): unknown {
  const read = readJson(value)
  const members = record(read.value)
  if (read.extent === 'whole' || (Object.hasOwn(members, name) && read.openMember !== name)) return members[name]
  if (typeof value !== 'string' || value.length <= MAX_JSON_LENGTH) return undefined
  const at = value.length > MAX_SCANNED_LENGTH ? undefined : memberAt(value, `"${name}":`)
  if (at === undefined) return undefined
  return jsonIn(/^(?:"[^"\\]*"|\{[^{}]*\})/.exec(value.slice(at, at + MAX_MEMBER_LENGTH))?.[0])
}

/**
 * Returns the position of the value of a member of the outermost object. Counts levels, since content that somebody
 * else wrote may hold members of the same name.
 */
function memberAt(json: string, key: string): number | undefined {
  // Attacker-controlled: JSON text of an attribute; looked through in one pass, up to 4 MiB.
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

/** A record for looking into parsed JSON without trusting it. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
