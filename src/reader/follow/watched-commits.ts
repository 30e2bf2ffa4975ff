import type { SharedStore } from '../../store/shared.js'
import { delay } from '../../timers/real-timers.js'
import { Commits } from './commits.js'
import { DEFAULT_POLL_MILLIS } from './follow.js'

/** Wakes those who follow a log that others write: as soon as the store hears of a commit, and after a while anyway. */
export class WatchedCommits extends Commits {
  readonly #store: SharedStore

  constructor(store: SharedStore) {
    super()
    this.#store = store
  }

  override async past(count: number, signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController()
    this.#wakeSoon(over.signal)
    try {
      await super.past(count, signal)
    } finally {
      over.abort()
    }
  }

  async #wakeSoon(over: AbortSignal): Promise<void> {
    // A closed store hears of nothing; the next look at it says that it is closed.
    const changed = this.#store.changed(over).catch(() => delay(DEFAULT_POLL_MILLIS))
    await Promise.race([changed, delay(DEFAULT_POLL_MILLIS, over)])
    if (!over.aborted) this.changed()
  }
}
