import type { Walk } from '../../contract.js'
import { decodePosting } from '../../posting-value.js'
import { lowerBound } from '../../walk.js'
import { ReadLength } from '../scan.js'
import type { PostingReader, PostingsRead } from './posting-reader.js'
import type { StoredPosting } from './posting-run.js'

/** Postings that take about as long to be read as another place to be sought. */
const NEAR_POSTINGS = 64

/** The positions filed under one value, in walking order. A `PostingCursor` merges several. */
export class ValueCursor {
  readonly #valueKey: Buffer
  readonly #reader: PostingReader
  readonly #reverse: boolean
  readonly #length = new ReadLength()
  /** The positions that may still come lie in `[#from, #to)`. */
  #from: number
  #to: number
  /** Positions at hand, ascending: those in `[#low, #high)` are left. */
  #seqs: readonly number[] = []
  #low = 0
  #high = 0
  /** Postings read, not yet decoded. */
  #postings: readonly StoredPosting[] = []
  #postingAt = 0
  /** The position at which the next read goes on, see {@link PostingReader.read}. */
  #readFrom: number
  /** Positions from one posting to the next, on average of those that were read last. */
  #step = 0
  /** In reverse, the posting that has `#readFrom` inside is still to be read. */
  #jumped = true

  constructor(valueKey: Buffer, reader: PostingReader, { from, to, reverse }: Walk) {
    this.#valueKey = valueKey
    this.#reader = reader
    this.#reverse = reverse
    this.#from = from
    this.#to = to
    this.#readFrom = reverse ? to - 1 : from
  }

  /** The next position is decoded; otherwise {@link decode} may find it at hand, and {@link fill} reads it. */
  get ready(): boolean {
    return this.#low < this.#high
  }

  /** The nearest that the next position can be, smallest first in either direction; exact when ready. */
  get rank(): number {
    if (this.#reverse) return -(this.ready ? (this.#seqs[this.#high - 1] as number) : this.#to - 1)
    return this.ready ? (this.#seqs[this.#low] as number) : this.#from
  }

  /** Makes the cursor ready. @returns false at its end */
  async fill(): Promise<boolean> {
    while (!this.decode()) {
      if (this.#reverse ? this.#readFrom < this.#from : this.#readFrom >= this.#to) return false
      await this.#read()
    }
    return true
  }

  /** Leaves out everything before `target` in walking order. */
  skip(target: number): void {
    if (this.#reverse) {
      this.#to = Math.min(this.#to, target + 1)
      this.#high = Math.max(this.#low, Math.min(this.#high, lowerBound(this.#seqs, this.#to)))
    } else {
      this.#from = Math.max(this.#from, target)
      this.#low = Math.min(this.#high, Math.max(this.#low, lowerBound(this.#seqs, this.#from)))
    }
    if (this.ready) return
    while (this.#postingAt < this.#postings.length && this.#isOutside(this.#postings[this.#postingAt] as StoredPosting))
      this.#postingAt++
    if (this.#postingAt < this.#postings.length) return
    const distance = this.#reverse ? this.#readFrom - target : target - this.#readFrom
    // What is passed over on the way there is known then.
    if (distance <= NEAR_POSTINGS * this.#step) return
    this.#readFrom = target
    this.#jumped = true
    this.#length.restart()
  }

  /** Moves positions to `out`, up to a rank, until it holds `length`. */
  take(rank: number, length: number, out: number[]): void {
    const seqs = this.#seqs
    if (this.#reverse) {
      while (this.ready && out.length < length && -(seqs[this.#high - 1] as number) <= rank) {
        this.#to = seqs[--this.#high] as number
        out.push(this.#to)
      }
      return
    }
    while (this.ready && out.length < length && (seqs[this.#low] as number) <= rank) {
      const seq = seqs[this.#low++] as number
      this.#from = seq + 1
      out.push(seq)
    }
  }

  /** Makes the cursor ready by what has been read already. @returns whether there was anything */
  decode(): boolean {
    while (!this.ready) {
      const posting = this.#postings[this.#postingAt]
      if (!posting) return false
      this.#postingAt++
      if (this.#isOutside(posting)) continue
      this.#seqs = decodePosting(posting.last, posting.value)
      this.#low = lowerBound(this.#seqs, this.#from)
      this.#high = lowerBound(this.#seqs, this.#to)
    }
    return true
  }

  #isOutside({ first, last }: StoredPosting): boolean {
    return last < this.#from || first >= this.#to
  }

  async #read(): Promise<void> {
    this.#postingAt = 0
    const { postings, ended } = await this.#readPostings()
    this.#postings = postings
    this.#jumped = false
    const posting = postings.at(-1)
    if (!posting || ended) {
      this.#readFrom = this.#reverse ? -1 : this.#to
      return
    }
    const { first, last } = posting
    this.#step = Math.abs(last - (postings[0] as StoredPosting).last) / postings.length
    if (this.#reverse) this.#readFrom = first <= this.#from ? -1 : last - 1
    else this.#readFrom = last + 1
  }

  async #readPostings(): Promise<PostingsRead> {
    if (this.#reverse && this.#jumped) {
      const posting = await this.#reader.covering(this.#valueKey, this.#readFrom)
      if (posting) return { postings: [posting], ended: false }
    }
    return await this.#reader.read(this.#valueKey, this.#readFrom, this.#length.next())
  }
}
