import { prefixEnd } from '../../keys.js'
import { encodeSeq, readSeq, SEQ_BYTES, seqOfKey } from '../../seq-bytes.js'
import type { Database } from '../load-level.js'
import { STRETCH_PREFIX, stretchKey } from './keys.js'

/*
 * LevelDB goes on behind a record of its log that it cannot read, so that a batch in the middle can be lost. Therefore each
 * batch notes the stretch of entries that it takes in, and the stretches must follow each other without a gap:
 *
 *   │ 0 ……… 901,120 │ 902,144 │ 903,168 │ covered │
 *       joined         batch     batch     batch
 *
 * A batch that is in a table cannot be lost like that. The stretches of such batches are joined, so that opening a long log
 * does not read all that there ever were.
 */

/** Bytes of the index's write buffer. */
export const WRITE_BUFFER_BYTES: number = 4 * 2 ** 20
/** Bytes behind a batch, once it is in a table: LevelDB's logs hold two write buffers at most. */
const BEHIND_TABLE_BYTES = 3 * WRITE_BUFFER_BYTES
/** Number of stretches from which on they are joined. */
const JOINED = 64

/** The stretch of entries that a batch takes in. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** A batch that may still stand in LevelDB's log. */
interface RecentBatch {
  readonly from: number
  /** Bytes written in all, this batch included. */
  readonly written: number
}

/** The stretches of an index: one who opens it reads them, each batch adds one. */
export class Stretches {
  /** Starts of the stretches of which the batches are in tables, ascending. */
  #settled: number[]
  readonly #recent: RecentBatch[] = []
  #written = 0

  /**
   * Reads the stretches of an index that was opened, so that all of it is in tables.
   *
   * @returns `undefined` where one is missing or they do not end at `covered`
   */
  static async read(db: Database, covered: number): Promise<Stretches | undefined> {
    // Attacker-controlled: keys and values of the index; each must go on where the one before ended.
    const starts: number[] = []
    let end = 0
    for await (const [key, value] of db.iterator({ gte: stretchKey(0), lt: prefixEnd(STRETCH_PREFIX) })) {
      if (seqOfKey(key) !== end || value.length !== SEQ_BYTES) return undefined
      starts.push(end)
      end = readSeq(value, 0)
    }
    return end === covered ? new Stretches(starts) : undefined
  }

  /** @param starts - of all stretches, ascending */
  constructor(starts: readonly number[] = []) {
    this.#settled = [...starts]
  }

  /** Adds a stretch to the batch that takes it in, and joins others. */
  add(batch: ReturnType<Database['batch']>, { from, to }: Stretch): void {
    batch.put(stretchKey(from), encodeSeq(to))
    const [first, ...others] = this.#joined()
    if (first === undefined) return
    for (const start of others) batch.del(stretchKey(start))
    batch.put(stretchKey(first), encodeSeq(this.#recent[0]?.from ?? from))
  }

  /** The batch with this stretch was written. @param bytes - that it has at least */
  written({ from }: Stretch, bytes: number): void {
    const [first] = this.#joined()
    if (first !== undefined) this.#settled = [first]
    this.#written += bytes
    this.#recent.push({ from, written: this.#written })
    while (this.#recent[0] && this.#recent[0].written + BEHIND_TABLE_BYTES <= this.#written) {
      this.#settled.push(this.#recent[0].from)
      this.#recent.shift()
    }
  }

  /** Returns the starts of the stretches that the next batch joins; none where they are few. */
  #joined(): readonly number[] {
    return this.#settled.length >= JOINED ? this.#settled : []
  }
}
