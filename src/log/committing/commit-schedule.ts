/** Wait after the first failed commit of an episode; it doubles with each further one. */
export const FIRST_RETRY_DELAY_MILLIS = 100
/** Longest wait between two attempts to write. */
export const LAST_RETRY_DELAY_MILLIS = 30_000

/** Calls back once after a delay, without keeping the process alive. @returns what cancels it */
export type StartTimer = (delayMillis: number, callback: () => void) => () => void

/** When the next commit begins: one at most is scheduled. */
export class CommitSchedule {
  readonly #begin: () => void
  readonly #startTimer: StartTimer
  #cancel: (() => void) | undefined = undefined

  constructor(begin: () => void, startTimer: StartTimer = startUnrefTimer) {
    this.#begin = begin
    this.#startTimer = startTimer
  }

  /** At the end of the tick, so that its events share a commit; unless one is scheduled. */
  atEndOfTick(): void {
    if (this.#cancel) return
    const immediate = setImmediate(this.#begin)
    this.#cancel = () => clearImmediate(immediate)
  }

  /** After so many attempts that failed. */
  retryAfter(failedAttempts: number): void {
    const delayMillis = Math.min(FIRST_RETRY_DELAY_MILLIS * 2 ** (failedAttempts - 1), LAST_RETRY_DELAY_MILLIS)
    this.#cancel = this.#startTimer(delayMillis, this.#begin)
  }

  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

export function startUnrefTimer(delayMillis: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMillis)
  timer.unref()
  return () => clearTimeout(timer)
}
