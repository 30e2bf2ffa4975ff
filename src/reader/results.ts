import type { Results } from './contract.js'

/** Results over a source of batches; each iteration opens the source anew. */
export class BatchedResults<T> implements Results<T> {
  readonly #open: () => AsyncIterable<readonly T[]>

  constructor(open: () => AsyncIterable<readonly T[]>) {
    this.#open = open
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const batch of this.#open()) yield* batch
  }

  async toArray(): Promise<T[]> {
    const all: T[] = []
    for await (const batch of this.#open()) for (const item of batch) all.push(item)
    return all
  }
}
