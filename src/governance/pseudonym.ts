import type { ClaimedScope } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'

/** Returns what callers claim, with the pseudonym of the actor where they name the actor as well; without it where there is none. */
export function pseudonymous({ actor, claimed }: RecordInput, pseudonym: string | undefined): ClaimedScope | undefined {
  if (claimed?.userId === undefined || claimed.userId !== actor?.id) return claimed
  return { ...claimed, userId: pseudonym }
}
