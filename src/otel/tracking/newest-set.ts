/** A set of limited size: the oldest value makes room for the newest. */
export class NewestSet<T> implements Iterable<T> {
  readonly #capacity: number
  readonly #values = new Set<T>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(value: T): void {
    this.#values.add(value)
    if (this.#values.size <= this.#capacity) return
    for (const oldest of this.#values) {
      this.#values.delete(oldest)
      break
    }
  }

  delete(value: T): void {
    this.#values.delete(value)
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#values[Symbol.iterator]()
  }
}
