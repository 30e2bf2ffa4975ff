import type { Alterations } from './alterations.js'
import { isIdKey } from './plain.js'

/** No string is cut to fewer UTF-8 bytes than this, in JSON and with its quotes, before members are removed. */
const SHORTEST_CUT_BYTES = 64

type Container = Record<string, unknown>

interface Member {
  readonly holder: Container
  readonly key: string
  readonly field: string
  readonly bytes: number
}

/**
 * Makes bounded JSON data smaller by at least `excess` bytes of its JSON where that is possible, noting each change:
 * the longest strings are cut to one length, and if that is not enough, the largest members are removed. Ids go last.
 */
export function shrink(data: object, excess: number, altered: Alterations): void {
  if (!cutStrings(data as Container, excess, altered)) removeMembers(data as Container, 'data', excess, altered)
}

/** @returns whether there was something to cut */
function cutStrings(data: Container, excess: number, altered: Alterations): boolean {
  const strings = [...stringsOf(data, 'data')].sort((a, b) => b.bytes - a.bytes)
  if (strings.length === 0) return false
  const bytes = commonCut(strings, excess)
  for (const { holder, key, field, bytes: before } of strings) {
    if (before <= bytes) break
    const text = holder[key] as string
    altered.add(field, 'truncated', text.length)
    holder[key] = text.slice(0, lengthWithin(text, bytes))
  }
  return true
}

/** The size to which all longer strings are cut, so that together they lose `excess` bytes. */
function commonCut(longestFirst: readonly Member[], excess: number): number {
  let saved = 0
  for (let count = 1; count <= longestFirst.length; count++) {
    const size = (longestFirst[count - 1] as Member).bytes
    const next = longestFirst[count]?.bytes ?? SHORTEST_CUT_BYTES
    saved += (size - next) * count
    if (saved >= excess) return next + Math.floor((saved - excess) / count)
  }
  return SHORTEST_CUT_BYTES
}

/** The strings that may be cut. */
function* stringsOf(holder: Container, path: string): Generator<Member> {
  for (const key of Object.keys(holder)) {
    const value = holder[key]
    const field = `${path}.${key}`
    if (isContainer(value)) yield* stringsOf(value, field)
    else if (typeof value === 'string' && !isIdKey(key)) {
      const bytes = jsonBytes(value)
      if (bytes > SHORTEST_CUT_BYTES) yield { holder, key, field, bytes }
    }
  }
}

/** Returns the number of code units of a well-formed text that fit into `maxBytes` of JSON, quotes included. */
function lengthWithin(text: string, maxBytes: number): number {
  let bytes = 2
  let length = 0
  for (const character of text) {
    bytes += jsonBytesOfCodePoint(character.codePointAt(0) as number)
    if (bytes > maxBytes) break
    length += character.length
  }
  return length
}

function jsonBytesOfCodePoint(code: number): number {
  if (code < 0x20) return code >= 8 && code <= 13 && code !== 11 ? 2 : 6 // \b \t \n \f \r, else \u00xx
  if (code < 0x80) return code === 0x22 || code === 0x5c ? 2 : 1
  if (code < 0x800) return 2
  return code < 0x10000 ? 3 : 4
}

function removeMembers(holder: Container, path: string, excess: number, altered: Alterations): void {
  const members = Object.keys(holder)
    .map((key): Member => ({ holder, key, field: `${path}.${key}`, bytes: memberBytes(holder, key) }))
    .sort((a, b) => Number(isIdKey(a.key)) - Number(isIdKey(b.key)) || b.bytes - a.bytes)
  const largest = members[0]
  if (!largest) return
  const value = holder[largest.key]
  // One that holds more than is to go is thinned out rather than removed.
  if (isContainer(value) && Object.keys(value).length > 0 && largest.bytes > excess)
    removeMembers(value, largest.field, excess, altered)
  else if (Array.isArray(holder)) cutList(holder, path, excess, altered)
  else {
    let left = excess
    for (const { key, field, bytes } of members) {
      if (left <= 0) break
      delete holder[key]
      altered.add(field, 'removed')
      left -= bytes
    }
  }
}

function cutList(list: unknown[], field: string, excess: number, altered: Alterations): void {
  altered.add(field, 'truncated', list.length)
  for (let left = excess; left > 0 && list.length > 0; ) left -= jsonBytes(list.pop()) + 1
}

/** With its name and the signs around it. */
function memberBytes(holder: Container, key: string): number {
  return jsonBytes(holder[key]) + (Array.isArray(holder) ? 1 : jsonBytes(key) + 2)
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}
