/**
 * Remembers the newest entries, between `capacity` and twice as many. Two maps take turns, since a map whose oldest
 * entries are deleted one by one gets slower with every one that is gone:
 *
 *     set → current ──(full)──▶ previous ──(next time)──▶ forgotten
 */
export class RecentMap<K, V> {
  readonly #capacity: number
  #current = new Map<K, V>()
  #previous = new Map<K, V>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: K): V | undefined {
    return this.#current.get(key) ?? this.#previous.get(key)
  }

  set(key: K, value: V): void {
    this.#current.set(key, value)
    if (this.#current.size < this.#capacity) return
    this.#previous = this.#current
    this.#current = new Map()
  }
}
