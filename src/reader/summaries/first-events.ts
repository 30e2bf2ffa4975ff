import type { StoredEvent } from '../../events/types.js'
import type { Plan } from '../query/plan.js'

/** An event of a run. */
export type RunEvent = StoredEvent & { readonly runId: string }

/** Of as many runs it is remembered which event is their first: about as many as are under way at a time. */
const REMEMBERED_RUNS = 1024

/** Remembers which event of a run is the first that passes a filter. Its memory is bounded. */
export class FirstEvents {
  readonly #plan: Plan
  readonly #firstSeqs = new Map<string, number>()

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** Whether no other event is known to be the first of its run that passes. */
  mayBe(event: RunEvent): boolean {
    return (this.#firstSeqs.get(keyOf(event)) ?? event.seq) === event.seq
  }

  /** Takes note of an event; those of a run come in append order. */
  note(event: RunEvent): void {
    const key = keyOf(event)
    if (this.#firstSeqs.has(key) || !this.#plan.admits(event)) return
    this.#firstSeqs.set(key, event.seq)
    if (this.#firstSeqs.size <= REMEMBERED_RUNS) return
    const [oldest] = this.#firstSeqs.keys()
    if (oldest !== undefined) this.#firstSeqs.delete(oldest)
  }
}

function keyOf({ tenantId, runId }: RunEvent): string {
  return JSON.stringify([tenantId, runId])
}
