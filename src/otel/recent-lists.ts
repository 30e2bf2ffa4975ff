/**
 * Remembers the newest values by key: of all keys together between `capacity` and twice as many, of one key at most
 * `perKey`. Two maps take turns, as in `RecentMap`.
 */
export class RecentLists<V> {
  readonly #capacity: number
  readonly #perKey: number
  #size = 0
  #current = new Map<string, V[]>()
  #previous = new Map<string, V[]>()

  constructor(capacity: number, perKey: number) {
    this.#capacity = capacity
    this.#perKey = perKey
  }

  /** Returns the values of a key, oldest first. */
  of(key: string): readonly V[] {
    const current = this.#current.get(key)
    const previous = this.#previous.get(key)
    if (!previous) return current ?? []
    return current ? [...previous, ...current].slice(-this.#perKey) : previous
  }

  add(key: string, value: V): void {
    const values = this.#current.get(key)
    if (!values) this.#current.set(key, [value])
    else if (values.push(value) > this.#perKey) {
      values.shift()
      return
    }
    if (++this.#size < this.#capacity) return
    this.#previous = this.#current
    this.#current = new Map()
    this.#size = 0
  }
}
