import { fieldsOf, textIn } from '../events/recorded-fields.js'
import type { Alteration, ClaimedScope } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'

/** Fields of an event that a pseudonym of a person takes the place of. */
export const ACTOR_ID_FIELDS: readonly string[] = ['actor.id', 'claimed.userId']

/** The people whom the envelope of an event names. */
export interface ActorIds {
  /** `undefined` where the event names an actor whose id is no text. */
  readonly actorId: string | undefined
  readonly claimed: ClaimedScope | undefined
  readonly claimedId: string | undefined
  /** The event has an actor, whatever it is. */
  readonly hasActor: boolean
}

/** The part of an envelope that names people, with pseudonyms. */
export interface PseudonymousScope {
  readonly actor: { readonly id: string } | undefined
  readonly claimed: ClaimedScope | undefined
}

/** Returns the people whom an event names; `undefined` where it names nobody. @throws what a getter throws */
export function actorIdsIn({ actor, claimed }: RecordInput): ActorIds | undefined {
  const hasActor = actor !== undefined
  const claimedUser = fieldsOf(claimed).userId
  if (!hasActor && claimedUser === undefined) return undefined
  return { actorId: textIn(fieldsOf(actor), 'id'), claimed, claimedId: textIn(fieldsOf(claimed), 'userId'), hasActor }
}

/**
 * Puts pseudonyms in place of the actor, and of the user whom callers claim. An id that has none is left out, and so is one that is no text.
 *
 * @param pseudonymOf - returns the pseudonym of the id in a field; `undefined` where there is none
 */
export function pseudonymous(
  { actorId, claimed, claimedId, hasActor }: ActorIds,
  pseudonymOf: (field: string, id: string) => string | undefined,
  altered: Alteration[],
): PseudonymousScope {
  if (hasActor && actorId === undefined) altered.push({ field: 'actor', reason: 'invalid' })
  const id = actorId === undefined ? undefined : pseudonymOf('actor.id', actorId)
  const actor = id === undefined ? undefined : { id }
  if (!claimed || fieldsOf(claimed).userId === undefined) return { actor, claimed }
  const { userId: _, ...others } = claimed
  const userId = claimedPseudonym()
  if (userId === undefined) return { actor, claimed: Object.keys(others).length === 0 ? undefined : others }
  return { actor, claimed: { ...others, userId } }

  function claimedPseudonym(): string | undefined {
    if (claimedId === undefined) return undefined
    return claimedId === actorId ? id : pseudonymOf('claimed.userId', claimedId)
  }
}
