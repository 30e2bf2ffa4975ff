import type { Iterator } from 'level'
import { prefixEnd } from '../../keys.js'
import { seqOfKey } from '../../seq-bytes.js'
import type { Database } from '../database.js'
import { type Item, READ_BYTES } from '../scan.js'
import { isPostingOf, postingKey } from './keys.js'

/** Postings of one value, in walking order. */
export interface PostingsRead {
  readonly items: Item[]
  /** Whether the value is known to have no more of them. */
  readonly ended: boolean
}

type PostingIterator = Iterator<Database, Buffer, Uint8Array>

/**
 * Reads postings below an index prefix, value by value. However many values there are, one iterator serves them all
 * (two, walking in reverse): it seeks when the next read is of another place than where the last one ended.
 */
export class PostingReader {
  readonly #db: Database
  readonly #prefix: Buffer
  readonly #reverse: boolean
  #walking: PostingIterator | undefined
  #covering: PostingIterator | undefined
  /** Where the walking iterator stands: before the posting of this value that a read from `seq` on would return. */
  #valueKey: Buffer | undefined
  #seq = -1

  constructor(db: Database, prefix: Buffer, reverse: boolean) {
    this.#db = db
    this.#prefix = prefix
    this.#reverse = reverse
  }

  /**
   * The next postings of a value in walking order, none at the end: those whose last position is `seq` or after it;
   * in reverse, `seq` or before it.
   */
  async read(valueKey: Buffer, seq: number, length: number): Promise<PostingsRead> {
    this.#walking ??= this.#iterator(this.#reverse)
    if (valueKey !== this.#valueKey || seq !== this.#seq) this.#walking.seek(postingKey(valueKey, seq))
    this.#valueKey = undefined
    const items: Item[] = await this.#walking.nextv(length)
    const last = items.at(-1)
    if (last && isPostingOf(last[0], valueKey)) {
      this.#valueKey = valueKey
      this.#seq = seqOfKey(last[0]) + (this.#reverse ? -1 : 1)
      return { items, ended: items.length < length && bytesOf(items) < READ_BYTES }
    }
    return { items: items.filter(([key]) => isPostingOf(key, valueKey)), ended: true }
  }

  /**
   * The posting of a value with the smallest last position that is not below `seq`: the one that has `seq` inside, when
   * there is one. A walk in reverse begins there.
   */
  async covering(valueKey: Buffer, seq: number): Promise<Item | undefined> {
    this.#covering ??= this.#iterator(false)
    this.#covering.seek(postingKey(valueKey, seq))
    const [item]: Item[] = await this.#covering.nextv(1)
    return item && isPostingOf(item[0], valueKey) ? item : undefined
  }

  async close(): Promise<void> {
    await Promise.all([this.#walking?.close(), this.#covering?.close()])
  }

  #iterator(reverse: boolean): PostingIterator {
    const range = { gte: this.#prefix, lt: prefixEnd(this.#prefix) }
    return this.#db.iterator({ ...range, reverse, highWaterMarkBytes: READ_BYTES })
  }
}

/** A read that returns less than it was asked for has come to the end, or to the most bytes of one read. */
function bytesOf(items: readonly Item[]): number {
  return items.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
}
