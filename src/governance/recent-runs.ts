/** Runs that are remembered. */
const MAX_RUNS = 10_000

/** Ids of runs; beyond {@link MAX_RUNS} the one that was added first is forgotten. */
export class RecentRuns {
  readonly #ids = new Set<string>()

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    if (this.#ids.has(id)) return
    if (this.#ids.size >= MAX_RUNS) {
      const [oldest] = this.#ids
      this.#ids.delete(oldest as string)
    }
    this.#ids.add(id)
  }

  delete(id: string): void {
    this.#ids.delete(id)
  }
}
