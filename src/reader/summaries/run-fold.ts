import { runChangeOf } from '../../store/open-runs.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import { type Identities, NO_IDENTITIES } from '../query/identities.js'
import { RunLists } from './run-lists.js'
import { identifiedSession, ownedEvent } from './run-rows.js'
import type { RunSummary } from './run-summary.js'
import type { RunEvent } from './skimmed-event.js'

/**
 * Sums up a run while its events stream by in append order: its row, and lists of what happened. What it keeps does not
 * grow with the number of events. Their `data` is not trusted: an event can be recorded without validation, or by a
 * version to come.
 */
export class RunFold {
  readonly #row: RunRowFold
  readonly #lists = new RunLists()

  readonly #identities: Identities

  /**
   * @param first - the run's first event; it is to be added like the others
   * @param identities - whose the runs of the log are
   */
  constructor(runId: string, first: RunEvent, identities: Identities = NO_IDENTITIES) {
    this.#row = RunRowFold.of({ runId }, first.seq, { ...identities.ownerOf(first), time: first.time })
    this.#identities = identities
  }

  get tenantId(): string {
    return this.#row.state.tenantId
  }

  get hasBegunOrEnded(): boolean {
    return this.#row.state.status !== undefined
  }

  add(event: RunEvent): void {
    this.#row.add(event.seq, ownedEvent(event, this.#identities))
    this.#lists.add(event)
    if (runChangeOf(event.type) === 'ends' && this.#row.isEnd(event.seq)) this.#lists.end(event)
  }

  summary(): RunSummary {
    const overview = this.#row.overview()
    return this.#lists.summary({ ...overview, ...identifiedSession(this.#identities, overview) })
  }
}
