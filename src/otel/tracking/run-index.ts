import { RecentMap } from '../recent-map.js'
import type { Run } from './run.js'
import type { Senders } from './senders.js'

/** Runs that are remembered as over. */
const MAX_ENDED_RUNS = 4096

/** Finds runs by their ids: those that are open, and the last one of each id that has come to an end. */
export class RunIndex {
  readonly #senders: Senders
  readonly #open = new Map<string, Run>()
  /** The last run of each id that has ended, for what is reported late. */
  readonly #ended = new RecentMap<string, Run>(MAX_ENDED_RUNS)

  constructor(senders: Senders) {
    this.#senders = senders
  }

  /** The open runs, in the order of their start. */
  get open(): Iterable<Run> {
    return this.#open.values()
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Returns the sender's run of this id that is open, else the last one that has come to an end. */
  find(runId: string): Run | undefined {
    const key = this.#keyOf(runId)
    return this.#open.get(key) ?? this.#ended.get(key)
  }

  findEnded(runId: string): Run | undefined {
    return this.#ended.get(this.#keyOf(runId))
  }

  isOpen(runId: string): boolean {
    return this.#open.has(this.#keyOf(runId))
  }

  /** Returns the id under which a run is recorded that a sender calls so. */
  idOf(runId: string): string {
    return this.#senders.runIdOf(runId, (id) => this.#open.has(id) || this.#ended.get(id) !== undefined)
  }

  add(run: Run): void {
    this.#open.set(run.key, run)
  }

  /** The run has come to an end. */
  close(run: Run): void {
    this.#ended.set(run.key, run)
    // Another run may have come under the same id meanwhile.
    if (this.#open.get(run.key) === run) this.#open.delete(run.key)
  }

  #keyOf(runId: string): string {
    return this.#senders.keyOf(this.idOf(runId))
  }
}
