import type { IndexName, SeqCursor, SeqRange, StoredEntry, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import type { TimeBlock } from '../../store/time-blocks.js'
import type { Tile } from '../../tree/index.js'

/** A log as of a number of entries, seen as one of several: an object of its own, with which it is noted what counts for it. */
export class LogView implements ReadableStore {
  readonly size: number
  /** Left out where the store has none. */
  readonly runRows?: NonNullable<ReadableStore['runRows']>
  readonly removedUnder?: NonNullable<ReadableStore['removedUnder']>
  readonly content?: NonNullable<ReadableStore['content']>
  readonly #store: ReadableStore

  constructor(store: ReadableStore, size: number) {
    this.#store = store
    this.size = size
    if (store.runRows) this.runRows = async (keys, upTo) => (await store.runRows?.(keys, upTo)) ?? []
    if (store.content) this.content = async (seqs) => (await store.content?.(seqs)) ?? []
    if (store.removedUnder) this.removedUnder = async (seqs) => (await store.removedUnder?.(seqs)) ?? []
  }

  get location(): string {
    return this.#store.location
  }

  get id(): string {
    return this.#store.id
  }

  get root(): Uint8Array {
    return this.#store.root
  }

  get checkpoint(): string | undefined {
    return this.#store.checkpoint
  }

  get removedEntries(): number {
    return this.#store.removedEntries ?? 0
  }

  entries(walk: Walk): AsyncIterable<readonly StoredEntry[]> {
    return this.#store.entries(walk)
  }

  read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#store.read(seqs)
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    return this.#store.postings(index, value, walk)
  }

  countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit?: number): Promise<number> {
    return this.#store.countPostings(index, value, range, limit)
  }

  firstOfEach(index: IndexName): AsyncIterable<number> {
    return this.#store.firstOfEach(index)
  }

  timeBlocks(level: number, walk: Walk): AsyncIterable<readonly TimeBlock[]> {
    return this.#store.timeBlocks(level, walk)
  }

  readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#store.readTiles(tiles)
  }
}
