import { ContentValue } from '../events/content.js'
import { defineMember } from '../events/object-members.js'

/*
 * A value that its application declares to be content is written in JSON as `{ "$spanledger.content": "payload", "value": … }`.
 * The mark goes with the value, so that no limit on attributes takes it off.
 */

const MARK = '$spanledger.content'
/** Levels of objects and lists in which marks are read. No entry has more. */
const MAX_DEPTH = 16
/** Members in which marks are read. No entry has more. */
const MAX_MEMBERS = 4096

/** Returns a declared value as JSON has it. @param value - bounded */
export function markedValue({ class: contentClass }: ContentValue, value: unknown): object {
  return { [MARK]: contentClass, value: value === undefined ? null : value }
}

/** Tells whether a JSON text may hold a declared value. */
export function mayHoldMarks(json: string): boolean {
  return json.includes(MARK)
}

/** Returns parsed JSON with its declared values as such. */
export function readMarks(value: unknown): unknown {
  return read(value, 1, { left: MAX_MEMBERS })
}

function read(value: unknown, depth: number, members: { left: number }): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH || --members.left < 0) return value
  const { [MARK]: contentClass, value: marked } = value as Record<string, unknown>
  if (contentClass === 'payload' || contentClass === 'diagnostic') return new ContentValue(marked, contentClass)
  if (Array.isArray(value)) return value.map((item) => read(item, depth + 1, members))
  const copy: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) {
    defineMember(copy, name, read(member, depth + 1, members))
  }
  return copy
}
