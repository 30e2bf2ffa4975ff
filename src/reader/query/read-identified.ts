import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from './identities.js'
import type { Plan } from './plan.js'
import { namedPlan, readEvents } from './read-events.js'

/** The part of a log that has come since one who follows it looked last. */
export interface NewPart {
  /** Position of the last entry that was looked at; -1 for none. */
  readonly after: number
  readonly size: number
  /** The log as it was then, where statements of other logs count for it too. @defaultValue the log itself */
  readonly seen?: ReadableStore | undefined
}

/**
 * Reads the earlier events that pass since a statement of the new part says whose their run is: who follows a tenant or a session
 * has not seen them as its own. They come in append order.
 */
export async function* readIdentified(
  store: ReadableStore,
  asked: Plan,
  { after, size, seen: then = store }: NewPart,
): AsyncGenerator<readonly StoredEvent[]> {
  if (!asked.asksForOwner || after < 0) return
  const plan = await namedPlan(store, asked, size)
  const [before, now] = await Promise.all([identitiesOf(then, after + 1), identitiesOf(store, size)])
  const [seen, passing] = [plan.under(before), plan.under(now)]
  const found: StoredEvent[] = []
  for (const runId of now.since(before)) {
    for await (const events of readEvents(store, after + 1, { runId })) {
      for (const event of events) if (passing.admits(event) && !seen.admits(event)) found.push(event)
    }
  }
  if (found.length > 0) yield found.sort((one, other) => one.seq - other.seq)
}
