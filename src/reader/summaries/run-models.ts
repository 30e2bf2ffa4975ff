import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { Identities } from '../query/identities.js'
import { readEvents } from '../query/read-events.js'
import type { LogPart } from './run-rows.js'

const NAMING_TYPES = ['run_started', 'token_usage_updated']
/** Runs of which the model is kept in mind: more than are under way at a time, mostly. */
const REMEMBERED_RUNS = 10_000

/** Finds the first model that a run names. */
export type FindModel = (runId: string, tenantId: string) => Promise<string | undefined>

/** Tells of each event which model it belongs to, while events stream by in append order. Its memory is bounded. */
export class RunModels {
  readonly #identities: Identities
  readonly #find: FindModel
  /** `undefined` where it was looked for, and the log has none. */
  readonly #models = new Map<string, string | undefined>()

  constructor(identities: Identities, find: FindModel) {
    this.#identities = identities
    this.#find = find
  }

  /** The model that the event names or, if it names none, the first that its run does. */
  async modelOf(event: StoredEvent): Promise<string | undefined> {
    const named = NAMING_TYPES.includes(event.type) ? textIn(fieldsOf(event.data), 'model') : undefined
    if (event.runId === undefined) return named
    const { tenantId } = this.#identities.ownerOf(event)
    const run = JSON.stringify([tenantId, event.runId])
    if (!this.#models.has(run)) {
      // Mostly it is the run's first event that is met first.
      this.#remember(run, event.type === 'run_started' && named ? named : await this.#find(event.runId, tenantId))
    }
    return named ?? this.#models.get(run)
  }

  #remember(run: string, model: string | undefined): void {
    this.#models.set(run, model)
    if (this.#models.size <= REMEMBERED_RUNS) return
    const [oldest] = this.#models.keys()
    if (oldest !== undefined) this.#models.delete(oldest)
  }
}

/** Returns how the first model that a run names is found in a log. */
export function modelFinder(store: ReadableStore, { size, identities }: LogPart): FindModel {
  return async (runId, tenantId) => {
    for await (const events of readEvents(store, size, { runId, types: NAMING_TYPES })) {
      for (const event of events) {
        const model =
          identities.ownerOf(event).tenantId === tenantId ? textIn(fieldsOf(event.data), 'model') : undefined
        if (model !== undefined) return model
      }
    }
    return undefined
  }
}
