import type { SeqCursor, Walk } from '../../contract.js'
import { Lane } from './lane.js'
import { LaneHeap } from './lane-heap.js'
import { PostingReader, type StoredPostings, type Values } from './posting-reader.js'
import { valueKeys } from './value-keys.js'

/** Most positions of the first chunk, and of any. Whoever goes on, mostly goes through many. */
const FIRST_CHUNK_LENGTH = 256
const LONGEST_CHUNK_LENGTH = 4096
const CHUNK_GROWTH = 4

/** Walks the positions filed under some values, merged into one order. */
export class PostingCursor implements SeqCursor {
  readonly #stored: StoredPostings
  readonly #values: Values
  readonly #walk: Walk
  #reader: PostingReader | undefined
  #lanes: LaneHeap | undefined
  #length = FIRST_CHUNK_LENGTH

  constructor(stored: StoredPostings, values: Values, walk: Walk) {
    this.#stored = stored
    this.#values = values
    this.#walk = walk
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    this.#lanes ??= await this.#open()
    if (target !== undefined) this.#lanes.skip(target)
    const length = this.#length
    this.#length = Math.min(length * CHUNK_GROWTH, LONGEST_CHUNK_LENGTH)
    return await nextChunk(this.#lanes, length)
  }

  async close(): Promise<void> {
    await this.#reader?.close()
  }

  async #open(): Promise<LaneHeap> {
    const walk = this.#walk
    const keys = walk.from < walk.to ? await valueKeys(this.#stored, this.#values, walk.to) : []
    const reader = new PostingReader(this.#stored, this.#values, walk)
    this.#reader = reader
    return new LaneHeap(keys.map((key) => new Lane(key, reader, walk)))
  }
}

/** The next positions of all lanes; as many as are at hand, so that a first one is not kept waiting for a full chunk. */
async function nextChunk(lanes: LaneHeap, length: number): Promise<readonly number[] | undefined> {
  const chunk: number[] = []
  for (let lane = lanes.first; lane; lane = lanes.first) {
    // Postings of small groups hold few positions each: all that were read together make a chunk.
    if (lane.ready || lane.decode()) {
      lane.take(lanes.turn, length, chunk)
      if (chunk.length === length) return chunk
    } else if (chunk.length > 0) return chunk
    else if (!(await lane.fill())) {
      lanes.removeFirst()
      continue
    }
    lanes.settle()
  }
  return chunk.length > 0 ? chunk : undefined
}
