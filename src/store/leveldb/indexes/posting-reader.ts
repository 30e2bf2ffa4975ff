import type { Iterator } from 'level'
import type { SeqRange, Walk } from '../../contract.js'
import { prefixEnd } from '../../keys.js'
import type { Database } from '../load-level.js'
import { type Item, isLastRead, READ_BYTES } from '../scan.js'
import { isPostingOf, postingKey } from './keys.js'
import type { PostingCache } from './posting-cache.js'
import { lowerPosting, type PostingRun, type StoredPosting, storedPosting } from './posting-run.js'

/** The postings of a database, which are those of the first entries. */
export interface StoredPostings {
  readonly db: Database
  readonly cache: PostingCache
  /** The number of entries whose postings are read: those do not change any more. */
  readonly covered: number
}

/** Values of an index: one, or all that begin with the same parts. */
export interface Values {
  /** The key of the value, or what the keys of all of them begin with. */
  readonly key: Buffer
  readonly isOne: boolean
}

/** Postings of one value, in walking order. */
export interface PostingsRead {
  readonly postings: readonly StoredPosting[]
  /** True when the value is known to have no more of them in the walk. */
  readonly ended: boolean
}

type PostingIterator = Iterator<Database, Buffer, Uint8Array>

/**
 * Reads postings of values below an index prefix, value by value: what was read before out of the cache, and the rest from
 * the database. However many values there are, one iterator serves them all (two, walking in reverse): it seeks when the next
 * read is of another place than where the last one ended.
 */
export class PostingReader {
  readonly #stored: StoredPostings
  readonly #values: Values
  readonly #walk: Walk
  #walking: PostingIterator | undefined
  #covering: PostingIterator | undefined
  /** The position of the walking iterator: before the posting of this value that a read from `seq` on would return. */
  #valueKey: Buffer | undefined
  #seq = -1

  /** @param walk - over positions that are covered */
  constructor(stored: StoredPostings, values: Values, walk: Walk) {
    this.#stored = stored
    this.#values = values
    this.#walk = walk
  }

  /**
   * The next postings of a value in walking order, none at the end: those whose last position is `seq` or after it;
   * in reverse, `seq` or before it.
   *
   * @param length - how many to read from the database at most, where they are not in the cache
   */
  async read(valueKey: Buffer, seq: number, length: number): Promise<PostingsRead> {
    const { reverse } = this.#walk
    const run = this.#runAt(valueKey, seq)
    if (!run) return await this.#readOn(valueKey, seq, length)
    const postings = reverse
      ? run.postings.slice(0, lowerPosting(run.postings, seq + 1)).reverse()
      : run.postings.slice(lowerPosting(run.postings, seq))
    const ended = this.#isWhole(run)
    if (postings.length > 0 || ended) return { postings, ended }
    return await this.#readOn(valueKey, reverse ? run.from - 1 : run.to, length)
  }

  /**
   * The posting of a value with the smallest last position that is not below `seq`: the one that has `seq` inside, when
   * there is one. A walk in reverse begins there.
   */
  async covering(valueKey: Buffer, seq: number): Promise<StoredPosting | undefined> {
    const { cache, covered } = this.#stored
    // No posting reaches over the end of what is covered.
    if (seq >= covered - 1) return undefined
    const run = this.#runAt(valueKey, seq)
    const known = run?.postings[lowerPosting(run.postings, seq)]
    if (known || (run && run.to >= covered)) return known
    this.#covering ??= this.#iteratorOf(false)
    this.#covering.seek(postingKey(valueKey, seq))
    const [item]: Item[] = await this.#covering.nextv(1)
    const found = item && isPostingOf(item[0], valueKey) ? storedPosting(item) : undefined
    const to = found && found.last < covered ? found.last + 1 : covered
    cache.addRun(valueKey, true, { from: seq, to, postings: found && found.last < covered ? [found] : [] })
    return found
  }

  async close(): Promise<void> {
    await this.#walking?.close()
    await this.#covering?.close()
  }

  /** Returns the run of a value that has a position, if one is in memory. */
  #runAt(valueKey: Buffer, seq: number): PostingRun | undefined {
    const run = this.#stored.cache.run(valueKey, this.#walk.reverse)
    return run && run.from <= seq && seq < run.to ? run : undefined
  }

  /** Returns whether nothing of the walk is left to be read behind a run. */
  #isWhole(run: PostingRun): boolean {
    return this.#walk.reverse ? run.from <= this.#walk.from : run.to >= this.#walk.to
  }

  async #readOn(valueKey: Buffer, seq: number, length: number): Promise<PostingsRead> {
    const { reverse } = this.#walk
    const isThere = valueKey === this.#valueKey && seq === this.#seq
    if (!this.#walking && this.#values.isOne) this.#walking = this.#iteratorFrom(postingKey(valueKey, seq))
    else if (!isThere) {
      this.#walking ??= this.#iteratorOf(reverse)
      this.#walking.seek(postingKey(valueKey, seq))
    }
    this.#valueKey = undefined
    const walking = this.#walking as PostingIterator
    const items: Item[] = await walking.nextv(length)
    const end = items.findLastIndex(([key]) => isPostingOf(key, valueKey)) + 1
    const postings = items.slice(0, end).map(storedPosting)
    const last = postings.at(-1)
    const ended = end < items.length || isLastRead(items, length)
    if (last && end === items.length) {
      this.#valueKey = valueKey
      this.#seq = reverse ? last.last - 1 : last.last + 1
    }
    this.#keep(valueKey, seq, postings, ended || !last)
    return { postings, ended: ended || !last }
  }

  #keep(valueKey: Buffer, seq: number, postings: readonly StoredPosting[], ended: boolean): void {
    const { cache } = this.#stored
    const { reverse } = this.#walk
    const { from, to } = this.#readRange(seq, postings.at(-1), ended)
    const kept = postings.filter(({ last }) => last < to)
    cache.addRun(valueKey, reverse, { from, to, postings: reverse ? kept.reverse() : kept })
  }

  #iteratorOf(reverse: boolean): PostingIterator {
    const { key } = this.#values
    return this.#stored.db.iterator({ gte: key, lt: prefixEnd(key), reverse, highWaterMarkBytes: READ_BYTES })
  }

  /** The walking iterator of one value, from a posting on. LevelDB's thread goes there, where seeking would take this one. */
  #iteratorFrom(start: Buffer): PostingIterator {
    const { key } = this.#values
    const { reverse } = this.#walk
    const range = reverse ? { gte: key, lte: start } : { gte: start, lt: prefixEnd(key) }
    return this.#stored.db.iterator({ ...range, reverse, highWaterMarkBytes: READ_BYTES })
  }

  /** Returns the last positions whose postings are known after a read that began at `seq` and found `last` as its last one. */
  #readRange(seq: number, last: StoredPosting | undefined, ended: boolean): SeqRange {
    const { covered } = this.#stored
    if (this.#walk.reverse) return { from: ended || !last ? 0 : last.last, to: Math.min(seq + 1, covered) }
    return { from: seq, to: ended || !last ? covered : Math.min(last.last + 1, covered) }
  }
}
