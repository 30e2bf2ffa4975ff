import type { SeqCursor, Walk } from '../../contract.js'
import { postingSpan } from '../../posting-value.js'
import { seqOfKey } from '../../seq-bytes.js'
import type { Database } from '../database.js'
import { firstPostingsOfFew } from './first-postings.js'
import { valueKeyOf } from './keys.js'
import { Lane } from './lane.js'
import { LaneHeap } from './lane-heap.js'
import { PostingReader } from './posting-reader.js'

/** Most positions of a chunk. */
const CHUNK_LENGTH = 256

/** Values of an index: one, or all that begin with the same parts. */
export interface Values {
  /** The key of the value, or what the keys of all of them begin with. */
  readonly key: Buffer
  readonly isOne: boolean
}

/** Returns the keys of those of the values that have positions before `to`. */
export async function valueKeys(db: Database, { key, isOne }: Values, to: number): Promise<readonly Buffer[]> {
  if (isOne) return [key]
  const keys: Buffer[] = []
  for (const [posting, value] of await firstPostingsOfFew(db, key)) {
    if (postingSpan(seqOfKey(posting), value).first < to) keys.push(valueKeyOf(posting))
  }
  return keys
}

/** Walks the positions filed under some values, merged into one order. */
export class PostingCursor implements SeqCursor {
  readonly #db: Database
  readonly #values: Values
  readonly #walk: Walk
  #reader: PostingReader | undefined
  #lanes: LaneHeap | undefined

  constructor(db: Database, values: Values, walk: Walk) {
    this.#db = db
    this.#values = values
    this.#walk = walk
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    this.#lanes ??= await this.#open()
    if (target !== undefined) this.#lanes.skip(target)
    return await nextChunk(this.#lanes)
  }

  async close(): Promise<void> {
    await this.#reader?.close()
  }

  async #open(): Promise<LaneHeap> {
    const walk = this.#walk
    const keys = walk.from < walk.to ? await valueKeys(this.#db, this.#values, walk.to) : []
    const reader = new PostingReader(this.#db, this.#values.key, walk.reverse)
    this.#reader = reader
    return new LaneHeap(keys.map((key) => new Lane(key, reader, walk)))
  }
}

/** The next positions of all lanes; as many as are at hand, so that a first one is not kept waiting for a full chunk. */
async function nextChunk(lanes: LaneHeap): Promise<readonly number[] | undefined> {
  const chunk: number[] = []
  for (let lane = lanes.first; lane; lane = lanes.first) {
    // Postings of small groups hold few positions each: all that were read together make a chunk.
    if (lane.ready || lane.decode()) {
      lane.take(lanes.turn, CHUNK_LENGTH, chunk)
      if (chunk.length === CHUNK_LENGTH) return chunk
    } else if (chunk.length > 0) return chunk
    else if (!(await lane.fill())) {
      lanes.removeFirst()
      continue
    }
    lanes.settle()
  }
  return chunk.length > 0 ? chunk : undefined
}
