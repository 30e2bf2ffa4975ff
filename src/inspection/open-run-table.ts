import { sha256 } from '../tree/index.js'
import { HashParts } from './hash-parts.js'
import type { SumKey } from './posting-sums.js'

/**
 * The state in which entries leave runs: two words of each run's hash, and the position that began the run last, or
 * {@link ENDED}. Plain data, so that it can pass between threads.
 */
export interface RunChanges {
  readonly hashes: Uint32Array
  readonly seqs: Float64Array
}

/** In place of a position: the run has ended. */
export const ENDED = -1

/** A run's hash, by which it is kept: nobody who does not know the key can make two runs have the same one. */
export function runHash(openRunKey: Uint8Array, [one, other]: SumKey): readonly [number, number] {
  const secret = new Uint8Array(Uint32Array.of(one, other).buffer)
  const digest = Buffer.from(sha256(Buffer.concat([secret, openRunKey])).slice(0, 8), 'latin1')
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}

/** Slots that are filled at most. */
const LOAD = 0.75
const FIRST_SLOTS = 1_024
/** 32 MiB. */
export const DEFAULT_MAX_SLOTS: number = 2 ** 21
const FREE = -1

/**
 * The runs that are open behind the entries it was given, in memory that does not grow with their number: where there are too
 * many, part by part, see `HashParts`.
 */
export class OpenRunTable {
  readonly #maxSlots: number
  readonly #parts = new HashParts()
  /** Open addressing: a hash stands in the first free slot from its own on. */
  #hashes = new Uint32Array(2 * FIRST_SLOTS)
  #seqs = new Float64Array(FIRST_SLOTS).fill(FREE)
  #count = 0

  /** @param maxSlots - a power of two; memory is 16 bytes each */
  constructor(maxSlots: number) {
    this.#maxSlots = maxSlots
  }

  /** Takes what the next entries do to runs. */
  change({ hashes, seqs }: RunChanges): void {
    for (let n = 0; n < seqs.length; n++) {
      const [one, other, seq] = [hashes[2 * n] as number, hashes[2 * n + 1] as number, seqs[n] as number]
      if (!this.holds(one)) continue
      if (seq === ENDED) this.take(one, other)
      else this.#set(one, other, seq)
    }
  }

  /** Returns whether the current part holds runs whose hash has this first word. */
  holds(one: number): boolean {
    return this.#parts.holds(one)
  }

  /** Removes a run. @returns the position that began it last; `undefined` when it is not open */
  take(one: number, other: number): number | undefined {
    const slot = this.#find(one, other)
    const seq = this.#seqs[slot] as number
    if (seq === FREE) return undefined
    this.#free(slot)
    this.#count--
    return seq
  }

  /** The positions that began the runs which are left. */
  *left(): Generator<number> {
    for (const seq of this.#seqs) if (seq !== FREE) yield seq
  }

  /** Turns to a part that was left out, with no run in it. @returns `false` when there is none */
  next(): boolean {
    if (!this.#parts.next()) return false
    this.#clear(FIRST_SLOTS)
    return true
  }

  #set(one: number, other: number, seq: number): void {
    const slot = this.#find(one, other)
    if (this.#seqs[slot] === FREE) {
      if (this.#count >= LOAD * this.#seqs.length) {
        this.#grow()
        if (this.holds(one)) this.#set(one, other, seq)
        return
      }
      this.#hashes[2 * slot] = one
      this.#hashes[2 * slot + 1] = other
      this.#count++
    }
    this.#seqs[slot] = seq
  }

  #grow(): void {
    const slots = this.#seqs.length
    if (slots >= this.#maxSlots) this.#parts.halve()
    const [hashes, seqs] = [this.#hashes, this.#seqs]
    this.#clear(Math.min(2 * slots, this.#maxSlots))
    for (let slot = 0; slot < slots; slot++) {
      const one = hashes[2 * slot] as number
      if (seqs[slot] !== FREE && this.holds(one)) this.#set(one, hashes[2 * slot + 1] as number, seqs[slot] as number)
    }
  }

  #clear(slots: number): void {
    this.#hashes = new Uint32Array(2 * slots)
    this.#seqs = new Float64Array(slots).fill(FREE)
    this.#count = 0
  }

  /** The slot of a hash, or the free one where it would stand. */
  #find(one: number, other: number): number {
    const mask = this.#seqs.length - 1
    for (let slot = other & mask; ; slot = (slot + 1) & mask) {
      if (this.#seqs[slot] === FREE) return slot
      if (this.#hashes[2 * slot] === one && this.#hashes[2 * slot + 1] === other) return slot
    }
  }

  /** Frees a slot, and moves up those behind it that would not be found any more. */
  #free(slot: number): void {
    const mask = this.#seqs.length - 1
    let hole = slot
    for (let at = (slot + 1) & mask; this.#seqs[at] !== FREE; at = (at + 1) & mask) {
      const own = (this.#hashes[2 * at + 1] as number) & mask
      if (((at - own) & mask) < ((at - hole) & mask)) continue
      this.#hashes.copyWithin(2 * hole, 2 * at, 2 * at + 2)
      this.#seqs[hole] = this.#seqs[at] as number
      hole = at
    }
    this.#seqs[hole] = FREE
  }
}
