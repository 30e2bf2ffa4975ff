import type { StoredEvent } from '../events/types.js'
import type { ReadableStore } from '../store/readable.js'
import { type EventFilter, Plan } from './plan.js'
import { readEvents } from './read-events.js'

/** An event of a run. */
export type RunEvent = StoredEvent & { readonly runId: string }

/** Of as many runs it is remembered which event is their first: about as many as are under way at a time. */
const REMEMBERED_RUNS = 1024

/** Tells, for each event that passes a filter, whether it is the first of its run that does. Its memory is bounded. */
export class FirstEvents {
  readonly #store: ReadableStore
  readonly #filter: EventFilter
  readonly #firstSeqs = new Map<string, number>()

  constructor(store: ReadableStore, filter: EventFilter) {
    this.#store = store
    this.#filter = filter
  }

  async has(event: RunEvent): Promise<boolean> {
    const key = JSON.stringify([event.tenantId, event.runId])
    const firstSeq = this.#firstSeqs.get(key) ?? (await this.#find(event))
    this.#firstSeqs.set(key, firstSeq)
    if (this.#firstSeqs.size > REMEMBERED_RUNS) {
      const [oldest] = this.#firstSeqs.keys()
      if (oldest !== undefined) this.#firstSeqs.delete(oldest)
    }
    return firstSeq === event.seq
  }

  async #find({ seq, tenantId, runId }: RunEvent): Promise<number> {
    const plan = new Plan(this.#filter, seq)
    // Mostly the very first event of a run passes, so no other index needs to be asked.
    for await (const earlier of readEvents(this.#store, seq, { runId })) {
      const first = earlier.find((event) => event.tenantId === tenantId && plan.admits(event))
      if (first) return first.seq
    }
    return seq
  }
}
