import type { ConventionState } from '../conventions/contract.js'

const MAX_KEYS = 64

/** Most runs keep nothing: it takes room when something is set. */
export class RunState implements ConventionState {
  #entries: Map<string, unknown> | undefined = undefined

  get(key: string): unknown {
    return this.#entries?.get(key)
  }

  has(key: string): boolean {
    return this.#entries?.has(key) ?? false
  }

  set(key: string, value: unknown): void {
    this.#entries ??= new Map()
    this.#entries.set(key, value)
    if (this.#entries.size <= MAX_KEYS) return
    // A convention that forgets to bound its keys must not grow the heap: the oldest goes.
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      break
    }
  }

  delete(key: string): boolean {
    return this.#entries?.delete(key) ?? false
  }
}
