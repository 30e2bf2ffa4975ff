import { isDeepStrictEqual } from 'node:util'
import { textOf } from '../../events/text.js'
import type { SealedEntry } from '../../store/contract.js'
import { sameHash } from '../../tree/index.js'

/** An entry as it is stored, or is to be stored. */
export type ComparedEntry = Pick<SealedEntry, 'bytes' | 'leafHash'>

/**
 * Tells whether two entries have the same content from their callers. Time of recording and salt do not count. A `time`
 * that was left out does not count either, since it is the time of recording. The order of members does not count.
 *
 * A value that was cut counts as far as it was kept, together with its original length, which `altered` has.
 *
 * An entry that cannot be read as an event is the same as no other.
 */
export function isSameContent(one: ComparedEntry, other: ComparedEntry): boolean {
  if (sameHash(one.leafHash, other.leafHash)) return true
  const [first, second] = [contentOf(one), contentOf(other)]
  if (!first || !second) return false
  const isSameTime = first.time === second.time || (first.isTimeLeftOut && second.isTimeLeftOut)
  return isSameTime && isDeepStrictEqual(first.given, second.given)
}

interface Content {
  readonly time: unknown
  readonly isTimeLeftOut: boolean
  readonly given: unknown
}

// Attacker-controlled: a stored entry; its fields are compared, and nothing else is done with them.
function contentOf({ bytes }: ComparedEntry): Content | undefined {
  const text = textOf(bytes)
  try {
    const { time, recordedAt, salt: _, ...given } = JSON.parse(text) as Readonly<Record<string, unknown>>
    return { time, isTimeLeftOut: time === recordedAt, given }
  } catch {
    return undefined
  }
}
