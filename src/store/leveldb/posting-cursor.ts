import type { IndexName, SeqCursor, Walk } from '../contract.js'
import { postingPrefix, seqOfKey, valueKeyOf } from '../keys.js'
import { postingSpan } from '../posting-value.js'
import { INDEX_ARITY } from '../postings.js'
import type { Database } from './database.js'
import { readError } from './errors.js'
import { Lane } from './lane.js'
import { LaneHeap } from './lane-heap.js'
import { PostingReader } from './posting-reader.js'
import { firstPostingsOfFew } from './scan.js'

/** How many positions a chunk holds at most. */
const CHUNK_LENGTH = 256

/** Keys of the values that begin with these parts and have positions before `to`. */
export async function valueKeys(
  db: Database,
  index: IndexName,
  value: readonly string[],
  to: number,
): Promise<readonly Buffer[]> {
  const prefix = postingPrefix(index, value)
  if (value.length >= INDEX_ARITY[index]) return [prefix]
  const keys: Buffer[] = []
  for (const [key, posting] of await firstPostingsOfFew(db, prefix)) {
    if (postingSpan(seqOfKey(key), posting).first < to) keys.push(valueKeyOf(key))
  }
  return keys
}

/** What a cursor walks: the values of an index that begin with these parts, merged into one order. */
export interface PostingWalk {
  readonly index: IndexName
  readonly value: readonly string[]
  readonly walk: Walk
}

export class PostingCursor implements SeqCursor {
  readonly #database: () => Database
  readonly #location: string
  readonly #asked: PostingWalk
  #reader: PostingReader | undefined
  #lanes: LaneHeap | undefined
  #reading: Promise<readonly number[] | undefined> | undefined
  #ended = false

  /** @param database - gives the open database, or throws that it is closed */
  constructor(database: () => Database, location: string, asked: PostingWalk) {
    this.#database = database
    this.#location = location
    this.#asked = asked
  }

  async next(target?: number): Promise<readonly number[] | undefined> {
    this.#reading = this.#next(target)
    return await this.#reading
  }

  async close(): Promise<void> {
    this.#ended = true
    await this.#reading?.catch(() => undefined)
    await this.#reader?.close()
  }

  async #next(target: number | undefined): Promise<readonly number[] | undefined> {
    try {
      const db = this.#database()
      if (this.#ended) return undefined
      this.#lanes ??= await this.#open(db)
      if (target !== undefined) this.#lanes.skip(target)
      const chunk = await nextChunk(this.#lanes)
      if (!chunk) {
        this.#ended = true
        await this.#reader?.close()
      }
      return chunk
    } catch (error) {
      throw readError(error, this.#location)
    }
  }

  async #open(db: Database): Promise<LaneHeap> {
    const { index, value, walk } = this.#asked
    const keys = walk.from < walk.to ? await valueKeys(db, index, value, walk.to) : []
    const reader = new PostingReader(db, postingPrefix(index, value), walk.reverse)
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
