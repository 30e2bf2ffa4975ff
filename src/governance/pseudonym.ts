import type { ClaimedScope } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'

/** Returns what callers claim, with the pseudonym of the actor where they name the actor as well. */
export function pseudonymous({ actor, claimed }: RecordInput, pseudonym: string): ClaimedScope | undefined {
  if (claimed?.userId === undefined || claimed.userId !== actor?.id) return claimed
  return { ...claimed, userId: pseudonym }
}
