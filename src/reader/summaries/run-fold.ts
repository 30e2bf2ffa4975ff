import type { StoredEvent } from '../../events/types.js'
import { filedEvent } from '../../store/filed-event.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import { RunLists } from './run-lists.js'
import type { RunSummary } from './run-summary.js'

/**
 * Sums up a run while its events stream by in append order: its row, and lists of what happened. What it keeps does not
 * grow with the number of events. Their `data` is not trusted: an event can be recorded without validation, or by a
 * version to come.
 */
export class RunFold {
  readonly #row: RunRowFold
  readonly #lists = new RunLists()

  /** @param first - the run's first event; it is to be added like the others */
  constructor(runId: string, first: StoredEvent) {
    this.#row = RunRowFold.of({ runId }, first.seq, first)
  }

  get tenantId(): string {
    return this.#row.state.tenantId
  }

  get hasBegunOrEnded(): boolean {
    return this.#row.state.status !== undefined
  }

  add(event: StoredEvent): void {
    this.#row.add(event.seq, filedEvent(event))
    this.#lists.add(event)
  }

  summary(): RunSummary {
    return this.#lists.summary(this.#row.overview())
  }
}
