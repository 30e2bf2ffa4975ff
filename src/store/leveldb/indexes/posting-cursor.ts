import type { SeqCursor, Walk } from '../../contract.js'
import { CursorHeap } from './cursor-heap.js'
import { PostingReader, type StoredPostings, type Values } from './posting-reader.js'
import { ValueCursor } from './value-cursor.js'
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
  #cursors: CursorHeap | undefined
  #length = FIRST_CHUNK_LENGTH

  constructor(stored: StoredPostings, values: Values, walk: Walk) {
    this.#stored = stored
    this.#values = values
    this.#walk = walk
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    this.#cursors ??= await this.#open()
    if (target !== undefined) this.#cursors.skip(target)
    const length = this.#length
    this.#length = Math.min(length * CHUNK_GROWTH, LONGEST_CHUNK_LENGTH)
    return await nextChunk(this.#cursors, length)
  }

  async close(): Promise<void> {
    await this.#reader?.close()
  }

  async #open(): Promise<CursorHeap> {
    const walk = this.#walk
    const keys = walk.from < walk.to ? await valueKeys(this.#stored, this.#values, walk.to) : []
    const reader = new PostingReader(this.#stored, this.#values, walk)
    this.#reader = reader
    return new CursorHeap(keys.map((key) => new ValueCursor(key, reader, walk)))
  }
}

/** The next positions of all cursors; as many as are at hand, so that a first one is not kept waiting for a full chunk. */
async function nextChunk(cursors: CursorHeap, length: number): Promise<readonly number[] | undefined> {
  const chunk: number[] = []
  for (let cursor = cursors.first; cursor; cursor = cursors.first) {
    // Postings of small groups hold few positions each: all that were read together make a chunk.
    if (cursor.ready || cursor.decode()) {
      cursor.take(cursors.turn, length, chunk)
      if (chunk.length === length) return chunk
    } else if (chunk.length > 0) return chunk
    else if (!(await cursor.fill())) {
      cursors.removeFirst()
      continue
    }
    cursors.settle()
  }
  return chunk.length > 0 ? chunk : undefined
}
