import { atEndOfTurn, type StartTimer, startUnrefTimer } from '../../timers/real-timers.js'
import { retryDelayMillis } from '../retry-delay.js'

/** Schedules the next commit: one at most. */
export class CommitSchedule {
  readonly #begin: () => void
  readonly #startTimer: StartTimer
  #cancel: (() => void) | undefined = undefined

  constructor(begin: () => void, startTimer: StartTimer = startUnrefTimer) {
    this.#begin = begin
    this.#startTimer = startTimer
  }

  /** Schedules a commit at the end of the tick, so that its events share it; unless one is scheduled. */
  atEndOfTick(): void {
    if (this.#cancel) return
    this.#cancel = atEndOfTurn(this.#begin)
  }

  /** Schedules another attempt, after so many that failed. */
  retryAfter(failedAttempts: number): void {
    this.#cancel = this.#startTimer(retryDelayMillis(failedAttempts), this.#begin)
  }

  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
