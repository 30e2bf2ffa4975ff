import { HASH_BYTES, hashRange, leafDigestIn, TILE_WIDTH, writeLeafHash } from '../tree/index.js'

/** Number of entries of one block, which fill a tile of level 1. A power of two, so that each full block is a node of the tree. */
export const BLOCK_LENGTH = 65_536

/** The hashes of one block. Plain, so that one thread can send them to another. */
export interface BlockHashes {
  readonly from: number
  readonly to: number
  /** Tree hash over its leaves; `undefined` when one is missing. */
  readonly root: Uint8Array | undefined
  /** The tree hashes over its leaves up to each size that was asked for. */
  readonly cuts: readonly { readonly size: number; readonly root: Uint8Array | undefined }[]
}

/** Hashes the entries of a block one after the other. */
export class LeafBlock {
  readonly from: number
  /** Leaf hashes one behind the other; zeroes where an entry is missing. */
  readonly hashes: Buffer
  #next: number
  #firstMissing = Infinity
  readonly #removed = new Set<number>()
  #tileRoots: Buffer | undefined

  constructor(from: number, to: number) {
    this.from = from
    this.#next = from
    this.hashes = Buffer.alloc((to - from) * HASH_BYTES)
  }

  get next(): number {
    return this.#next
  }

  add(entry: Uint8Array): void {
    writeLeafHash(entry, this.hashes, (this.#next - this.from) * HASH_BYTES)
    this.#next++
  }

  /** Adds an entry that stands in a larger memory: see `leafDigestIn`. */
  addFrom(memory: Buffer, start: number, end: number): void {
    this.hashes.write(leafDigestIn(memory, start, end), (this.#next - this.from) * HASH_BYTES, 'latin1')
    this.#next++
  }

  addMissing(to: number): void {
    this.#firstMissing = Math.min(this.#firstMissing, this.#next)
    this.#next = to
  }

  /** Adds an entry that was removed: its hash is what the tree kept of it, see {@link keepHash}. */
  addRemoved(): void {
    this.#removed.add(this.#next)
    this.#next++
  }

  /** Positions that were removed. */
  get removed(): ReadonlySet<number> {
    return this.#removed
  }

  /** Sets the hash of an entry that was removed. */
  keepHash(seq: number, hash: Uint8Array): void {
    this.hashes.set(hash, (seq - this.from) * HASH_BYTES)
  }

  /**
   * Roots of the full tiles of leaves, one behind the other; known once all entries and the hashes of removed ones were
   * added. Where an entry of a tile is missing, its root says nothing.
   */
  get tileRoots(): Buffer {
    if (this.#tileRoots) return this.#tileRoots
    const tiles = Math.floor((this.#next - this.from) / TILE_WIDTH)
    const roots = Buffer.alloc(tiles * HASH_BYTES)
    for (let at = 0; at < tiles; at++) roots.set(hashRange(this.#leaves(at * TILE_WIDTH, TILE_WIDTH)), at * HASH_BYTES)
    this.#tileRoots = roots
    return roots
  }

  /** Returns whether an entry is missing: no hash is zero all over. */
  isMissing(seq: number): boolean {
    const at = (seq - this.from) * HASH_BYTES
    return this.hashes.subarray(at, at + HASH_BYTES).every((byte) => byte === 0)
  }

  /** @param sizes - at which the root is wanted; those within the block are */
  finish(sizes: readonly number[]): BlockHashes {
    let firstMissing = this.#firstMissing
    for (const seq of this.#removed) if (seq < firstMissing && this.isMissing(seq)) firstMissing = seq
    const known = new Map<number, Uint8Array | undefined>()
    const rootUpTo = (size: number) => {
      if (!known.has(size)) known.set(size, size <= firstMissing ? this.#rootUpTo(size) : undefined)
      return known.get(size)
    }
    const wanted = sizes.filter((size) => size > this.from && size <= this.#next)
    return {
      from: this.from,
      to: this.#next,
      root: rootUpTo(this.#next),
      cuts: wanted.map((size) => ({ size, root: rootUpTo(size) })),
    }
  }

  /** Hashes what no full tile has, and puts it behind the tiles. */
  #rootUpTo(size: number): Uint8Array {
    const tiles = Math.floor((size - this.from) / TILE_WIDTH)
    const rest = size - this.from - tiles * TILE_WIDTH
    const roots = this.tileRoots.subarray(0, tiles * HASH_BYTES)
    return rest === 0
      ? hashRange(roots)
      : hashRange(Buffer.concat([roots, hashRange(this.#leaves(tiles * TILE_WIDTH, rest))]))
  }

  #leaves(at: number, count: number): Buffer {
    return this.hashes.subarray(at * HASH_BYTES, (at + count) * HASH_BYTES)
  }
}

/** Puts blocks together, in their order: the roots of the log. */
export class BlockRoots {
  /** The roots of full blocks. */
  readonly #roots: (Uint8Array | undefined)[] = []
  readonly #cuts = new Map<number, Uint8Array | undefined>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Roots of the full blocks, one behind the other; `undefined` when one is missing. */
  get fullBlocks(): Uint8Array | undefined {
    return concatenated(this.#roots)
  }

  add({ to, root, cuts }: BlockHashes): void {
    for (const cut of cuts) this.#cuts.set(cut.size, this.#joined(cut.root))
    if (to % BLOCK_LENGTH === 0) this.#roots.push(root)
    this.#size = to
  }

  rootAt(size: number): Uint8Array | undefined {
    return size === 0 ? hashRange(new Uint8Array()) : this.#cuts.get(size)
  }

  #joined(last: Uint8Array | undefined): Uint8Array | undefined {
    const hashes = concatenated([...this.#roots, last])
    return hashes && hashRange(hashes)
  }
}

function concatenated(hashes: readonly (Uint8Array | undefined)[]): Uint8Array | undefined {
  return hashes.every((hash) => hash !== undefined) ? Buffer.concat(hashes as readonly Uint8Array[]) : undefined
}
