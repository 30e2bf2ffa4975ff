/*
 * JSON text that may not be whole. SDKs cut long attributes (`OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`), and a long text is not
 * read to its end on the application's thread. What stands before the cut is read all the same, since it may tell what
 * happened; what stands behind it is unknown, which is something else than not there.
 */

/** JSON text is read up to this length: the hot path must not parse whole conversations. */
export const MAX_JSON_LENGTH = 256 * 1024

/** Levels of nesting that are read. */
const MAX_DEPTH = 512

/** The finding where JSON text is expected. */
export interface Reading {
  /** `absent`: there is no JSON text. `whole`: it was read to its end. `cut`: up to where it ends too early. */
  readonly extent: 'absent' | 'whole' | 'cut'
  /** The value of the text. Of a text that is cut, it has what stands complete before the cut, and the lists and objects around it. */
  readonly value: unknown
  /** The member of the outermost object in the middle of which the text is cut. */
  readonly openMember?: string | undefined
}

const ABSENT: Reading = Object.freeze({ extent: 'absent', value: undefined })

/** Reads JSON text as far as it goes. */
export function readJson(value: unknown): Reading {
  if (typeof value !== 'string' || value === '') return ABSENT
  if (value.length <= MAX_JSON_LENGTH) {
    const parsed = parse(value)
    if (parsed) return { extent: 'whole', value: parsed.value }
  }
  return readUpToCut(value)
}

/** Tells whether a text is JSON that ends too early, or is too long to be read to its end. */
export function isCutJson(value: unknown): boolean {
  return readJson(value).extent === 'cut'
}

/** The text up to its last complete value, and the brackets that close it there. */
function readUpToCut(text: string): Reading {
  const { end, closers, openMember } = scan(text)
  if (end === 0) return ABSENT
  const parsed = parse(text.slice(0, end) + closers.toReversed().join(''))
  return parsed ? { extent: 'cut', value: parsed.value, openMember } : ABSENT
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    // Attacker-controlled: JSON text of an attribute, which may hold a client's content; at most 256 KiB, of which a
    // cut text nests at most 512 levels.
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

interface Scan {
  /** Position behind the last value that is complete; 0 when there is none. */
  readonly end: number
  /** Brackets that are missing there, the outermost first. */
  readonly closers: readonly string[]
  readonly openMember: string | undefined
}

const NOTHING: Scan = { end: 0, closers: [], openMember: undefined }

/**
 * Walks over strings, brackets and commas. A number or a word is complete where a comma or a bracket follows it; a string at
 * its closing quote, where it is no key; a list or an object that has just begun is complete as an empty one.
 */
function scan(text: string): Scan {
  const closers: string[] = []
  const marks = /["{}[\],]/g
  const limit = Math.min(text.length, MAX_JSON_LENGTH)
  let end = 0
  let isKey = false
  let member: string | undefined
  for (let mark = marks.exec(text); mark && mark.index < limit; mark = marks.exec(text)) {
    const { 0: char, index } = mark
    if (closers.length === 0 && (end > 0 || (char !== '{' && char !== '['))) return NOTHING
    if (char === '"') {
      const close = endOfString(text, index)
      if (close < 0 || close >= limit) break
      marks.lastIndex = close + 1
      if (!isKey) end = close + 1
      else if (closers.length === 1) member = text.slice(index, close + 1)
      isKey = false
    } else if (char === ',') {
      end = index
      isKey = closers.at(-1) === '}'
    } else if (char === '{' || char === '[') {
      if (closers.length === MAX_DEPTH) break
      closers.push(char === '{' ? '}' : ']')
      end = index + 1
      isKey = char === '{'
    } else {
      if (closers.pop() !== char) return NOTHING
      end = index + 1
      isKey = false
    }
  }
  // What is closed is not cut: more stands behind it than JSON.
  if (closers.length === 0) return NOTHING
  return { end, closers, openMember: closers.length > 1 && member !== undefined ? nameIn(member) : undefined }
}

function nameIn(key: string): string | undefined {
  return parse(key)?.value as string | undefined
}

/** Returns the position of the closing quote of a string that begins at `start`; -1 when it has none. */
export function endOfString(json: string, start: number): number {
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
