import { randomBytes } from 'node:crypto'
import type { IndexName } from '../store/contract.js'
import { INDEX_ARITY } from '../store/postings.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'

export const INDEX_NAMES = Object.keys(INDEX_ARITY) as readonly IndexName[]

/** The part of the database `index` that files positions: postings, callers' ids, and rows of runs, by that of the first event. */
export type FiledIndex = IndexName | 'caller id' | 'run row'

export const FILED_INDEXES: readonly FiledIndex[] = [...INDEX_NAMES, 'caller id', 'run row']

/** Secrets of one verification: whoever does not know them cannot make two different indexes have the same sums. */
export type SumKey = readonly [one: number, other: number]

/** The state that a value adds to the hashes of its positions. */
export interface ValueState {
  readonly one: number
  readonly other: number
}

export function newSumKey(): SumKey {
  const random = randomBytes(8)
  return [random.readUInt32LE(0), random.readUInt32LE(4)]
}

/**
 * Sums over what is filed in one index, block by block: whatever the order in which entries file their positions and
 * postings list them, the sums are the same when the same positions stand under the same values. So indexes are compared
 * with entries in one walk over each and in memory for the sums alone.
 *
 * A position under a value adds a keyed hash of both, of 64 bits.
 */
export class PostingSums {
  /** Two words for each block. */
  readonly words: Uint32Array
  readonly #key: SumKey
  readonly #firstBlock: number
  #under: ValueState = { one: 0, other: 0 }

  /** @param blocks - how many, from the first on */
  constructor(key: SumKey, blocks: number, firstBlock = 0) {
    this.#key = key
    this.#firstBlock = firstBlock
    this.words = new Uint32Array(2 * blocks)
  }

  /** Begins the positions that are filed under this value. */
  under(valueKey: Uint8Array): void {
    this.#under = this.stateOf(valueKey)
  }

  /** Returns what {@link addOne} needs to know of a value. */
  stateOf(valueKey: Uint8Array): ValueState {
    let one = this.#key[0]
    let other = this.#key[1]
    for (let at = 0; at < valueKey.length; at++) {
      const byte = valueKey[at] as number
      one = Math.imul(one ^ byte, 0x01000193)
      one = (one << 13) | (one >>> 19)
      other = Math.imul(other ^ byte, 0x5bd1e995)
      other = (other << 15) | (other >>> 17)
    }
    return { one: scramble(one, 0x85ebca6b), other: scramble(other, 0xcc9e2d51) }
  }

  add(seqs: readonly number[]): void {
    for (let n = 0; n < seqs.length; n++) this.addOne(this.#under, seqs[n] as number)
  }

  /** Adds one position under a value. */
  addOne({ one, other }: ValueState, seq: number): void {
    const { words } = this
    const at = 2 * (Math.floor(seq / BLOCK_LENGTH) - this.#firstBlock)
    const high = Math.imul(Math.floor(seq / 0x1_0000_0000), 0x9e3779b1)
    words[at] = (words[at] as number) + scramble(one ^ seq ^ high, 0xc2b2ae35)
    words[at + 1] = (words[at + 1] as number) + scramble(other ^ seq ^ high, 0x1b873593)
  }
}

/** The finaliser of MurmurHash3, by Austin Appleby: a change of any bit changes about half of the others. */
function scramble(word: number, factor: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, factor)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0x27d4eb2f)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
