/** Wakes the followers of a log after each commit, in the process that writes it. */
export class Commits {
  readonly #waiting = new Set<() => void>()
  #count = 0

  /** Number of changes of the log: a wait {@link past} it misses none. */
  get count(): number {
    return this.#count
  }

  /** The log has changed: a group was committed, or it was closed. */
  changed(): void {
    this.#count++
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Resolves when the log has changed since it had changed `count` times, or when the signal is aborted. */
  past(count: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#count > count || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }
}
