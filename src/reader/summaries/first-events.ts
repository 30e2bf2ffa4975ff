import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { RunRow } from '../../store/runs/run-row.js'
import type { EventFilter } from '../query/plan.js'
import { readEvents } from '../query/read-events.js'
import type { LogPart } from './run-rows.js'

/** An event of a run. */
export type RunEvent = StoredEvent & { readonly runId: string }

/** Runs of which the first event is kept in mind: about as many as are under way at a time. */
const REMEMBERED_RUNS = 1024

/** Tells which event of a run is the first that passes a filter. Its memory is bounded. */
export class FirstEvents {
  readonly #store: ReadableStore
  readonly #filter: EventFilter
  readonly #part: LogPart
  readonly #firstSeqs = new Map<string, number>()

  /** @param filter - without positions, so that it is the same for every part of a walk */
  constructor(store: ReadableStore, filter: EventFilter, part: LogPart) {
    this.#store = store
    this.#filter = filter
    this.#part = part
  }

  /**
   * Tells whether an event that passes is the first of its run.
   *
   * @param row - of the run, where there is one, of a run that began in the filter's time window
   */
  async isFirst(event: RunEvent, row: RunRow | undefined): Promise<boolean> {
    const told = row && this.#toldBy(row, event)
    if (told !== undefined) return told === event.seq
    const { tenantId } = this.#part.identities.ownerOf(event)
    const key = JSON.stringify([tenantId, event.runId])
    let first = this.#firstSeqs.get(key)
    if (first === undefined) {
      first = await this.#read(event, tenantId)
      this.#firstSeqs.set(key, first)
      if (this.#firstSeqs.size > REMEMBERED_RUNS) this.#forgetOldest()
    }
    return first === event.seq
  }

  /** Returns the position of the first event that passes, as far as a row can tell. */
  #toldBy({ firstSeqs }: RunRow, event: RunEvent): number | undefined {
    const { types, agent, since } = this.#filter
    if (!types) return undefined
    let first = event.seq
    for (const type of types) first = Math.min(first, firstSeqs.get(type) ?? first)
    if (first === event.seq) return first
    // The row does not tell the agent of an event, and of the times that of the start alone.
    const isInWindow = since === undefined || firstSeqs.get('run_started') === first
    return agent === undefined && isInWindow ? first : undefined
  }

  async #read({ runId, seq }: RunEvent, tenantId: string): Promise<number> {
    // Hardly ever two tenants share a run id, so the index of tenants would not narrow this down.
    const { tenantId: _, ...filter } = this.#filter
    const { size, identities } = this.#part
    for await (const events of readEvents(this.#store, size, { ...filter, runId, beforeSeq: seq }, 1)) {
      const first = events.find((earlier) => identities.ownerOf(earlier).tenantId === tenantId)
      if (first) return first.seq
    }
    return seq
  }

  #forgetOldest(): void {
    const [oldest] = this.#firstSeqs.keys()
    if (oldest !== undefined) this.#firstSeqs.delete(oldest)
  }
}
