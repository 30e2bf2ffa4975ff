import type { Ancestors } from '../contract.js'

/** State kept for the life of a run; `undefined` outside of runs. */
export type RunState = Ancestors['runState']

/** Key of what a paused run waits for: `approval`, `input`. */
export const WAITING_FOR = 'langchain.waitingFor'
const SEEN = 'langchain.seen'

/** Tells whether something that shows at several levels of a run shows for the first time. */
export function isNews(state: RunState, what: string): boolean {
  const known = state?.get(SEEN)
  const seen: Set<unknown> = known instanceof Set ? known : new Set()
  if (seen.has(what)) return false
  state?.set(SEEN, seen.add(what))
  return true
}
