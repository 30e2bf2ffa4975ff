import { isDeepStrictEqual } from 'node:util'
import { contentFields } from '../../events/content-fields.js'
import { fieldsOf } from '../../events/recorded-fields.js'
import { type StatedContent, statedContentOf } from '../../events/stated-content.js'
import { textOf } from '../../events/text.js'
import type { ContentItem } from '../../events/types.js'
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
 * The policy does not count, which may be another one when an event is repeated: a value that it keeps apart is compared where both
 * entries have a digest of it by the same key and after the same redaction, and an actor where both entries name it in the same way.
 *
 * An entry that cannot be read as an event is the same as no other.
 */
export function isSameContent(one: ComparedEntry, other: ComparedEntry): boolean {
  if (sameHash(one.leafHash, other.leafHash)) return true
  const [first, second] = [contentOf(one), contentOf(other)]
  if (!first || !second) return false
  const isSameTime = first.time === second.time || (first.isTimeLeftOut && second.isTimeLeftOut)
  return isSameTime && isDeepStrictEqual(first.given, second.given) && isSameKept(first, second)
}

interface Content {
  readonly time: unknown
  readonly isTimeLeftOut: boolean
  readonly given: unknown
  readonly actor: unknown
  readonly claimed: unknown
  readonly stated: StatedContent | undefined
  /** Alterations of what is kept apart, by field. */
  readonly byPolicy: ReadonlyMap<unknown, readonly unknown[]>
}

const ACTOR = 'actor.id'
/** Alterations that a policy and its keys alone make. */
const POLICY_REASONS: ReadonlySet<unknown> = new Set(['redacted', 'redaction_failed', 'key_unavailable'])

// Attacker-controlled: a stored entry; its fields are compared, and nothing else is done with them.
function contentOf({ bytes }: ComparedEntry): Content | undefined {
  const text = textOf(bytes)
  try {
    const {
      time,
      recordedAt,
      salt: _,
      content,
      altered,
      actor,
      claimed,
      ...given
    } = JSON.parse(text) as Readonly<Record<string, unknown>>
    const stated = statedContentOf(content)
    const { ofCaller, byPolicy } = divided(altered, given.type, stated)
    return { time, isTimeLeftOut: time === recordedAt, given: [given, ofCaller], actor, claimed, stated, byPolicy }
  } catch {
    return undefined
  }
}

/** Tells alterations that sealing has made of what a caller gave from those of values that are kept apart. */
function divided(altered: unknown, type: unknown, stated: StatedContent | undefined) {
  const apart = new Set([
    ...(contentFields.get(String(type)) ?? []).map(({ field }) => field),
    ...(stated?.items ?? []).map(({ field }) => field),
  ])
  const byPolicy = new Map<unknown, unknown[]>()
  const ofCaller: unknown[] = []
  for (const each of Array.isArray(altered) ? altered : []) {
    const { field, reason } = fieldsOf(each)
    if (!POLICY_REASONS.has(reason) && !apart.has(field as string)) ofCaller.push(each)
    else byPolicy.set(field, [...(byPolicy.get(field) ?? []), each])
  }
  return { ofCaller, byPolicy }
}

function isSameKept(one: Content, other: Content): boolean {
  const isSameKey = one.stated?.key === other.stated?.key
  if (isNamedAlike(one, other) && !isDeepStrictEqual([one.actor, one.claimed], [other.actor, other.claimed])) {
    return false
  }
  if (!isSameKey) return true
  return (one.stated?.items ?? []).every((item) => {
    const same = itemOf(other, item.field)
    const isComparable = isDeepStrictEqual(one.byPolicy.get(item.field), other.byPolicy.get(item.field))
    return !same || !isComparable || same.digest === item.digest
  })
}

/** Tells whether both have the id of the actor, or both have a pseudonym of it. */
function isNamedAlike(one: Content, other: Content): boolean {
  const isPseudonym = itemOf(one, ACTOR) !== undefined
  const isLeftOut = [one, other].some(({ byPolicy }) => byPolicy.has(ACTOR))
  return !isLeftOut && isPseudonym === (itemOf(other, ACTOR) !== undefined)
}

function itemOf({ stated }: Content, field: string): ContentItem | undefined {
  return stated?.items.find((each) => each.field === field)
}
