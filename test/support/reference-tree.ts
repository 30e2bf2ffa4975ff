import { createHash } from 'node:crypto'
import type { Tile, TileReader, TreeGrowth } from '../../src/tree/index.js'
import { HASH_BYTES, tilePath, tileWidth } from '../../src/tree/index.js'

/*
 * The definitions of RFC 6962 section 2.1, written down as they stand there: slow, and independent of src/tree.
 * Sizes are BigInts, so that a tree may be as large as the formats allow.
 */

const sha256 = (...parts: readonly (string | Uint8Array)[]) =>
  new Uint8Array(
    createHash('sha256')
      .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
      .digest(),
  )

export const leafHash = (entry: string | Uint8Array) => sha256(Uint8Array.of(0), entry)
export const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right)
export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** A tree of which the leaves are given by position. What is the same for all leaves of a range may be told at once. */
export class ReferenceTree {
  readonly #leaf: (index: bigint) => Uint8Array
  readonly #same: (from: bigint, to: bigint) => boolean
  readonly #hashes = new Map<string, Uint8Array>()

  constructor(leaf: (index: bigint) => Uint8Array, same: (from: bigint, to: bigint) => boolean = () => false) {
    this.#leaf = leaf
    this.#same = same
  }

  /** MTH(D[from:to]) */
  hash(from: bigint, to: bigint): Uint8Array {
    if (from === to) return sha256()
    // Trees of leaves that are all the same differ by their size only.
    const key = this.#same(from, to) ? `same ${to - from}` : `${from} ${to}`
    const known = this.#hashes.get(key)
    if (known !== undefined) return known
    const k = largestPowerOfTwoBelow(to - from)
    const hash = to - from === 1n ? this.#leaf(from) : nodeHash(this.hash(from, from + k), this.hash(from + k, to))
    this.#hashes.set(key, hash)
    return hash
  }

  /** PATH(index, D[from:to]) */
  inclusion(index: bigint, to: bigint, from = 0n): Uint8Array[] {
    if (to - from === 1n) return []
    const middle = from + largestPowerOfTwoBelow(to - from)
    if (index < middle) return [...this.inclusion(index, middle, from), this.hash(middle, to)]
    return [...this.inclusion(index, to, middle), this.hash(from, middle)]
  }

  /** PROOF(size1, D[0:size2]) = SUBPROOF(size1, D[0:size2], true) */
  consistency(size1: bigint, to: bigint, from = 0n, known = true): Uint8Array[] {
    if (size1 === to) return known ? [] : [this.hash(from, to)]
    const middle = from + largestPowerOfTwoBelow(to - from)
    if (size1 <= middle) return [...this.consistency(size1, middle, from, known), this.hash(middle, to)]
    return [...this.consistency(size1, to, middle, false), this.hash(from, middle)]
  }
}

function largestPowerOfTwoBelow(size: bigint): bigint {
  let k = 1n
  while (k * 2n < size) k *= 2n
  return k
}

/** A tree of different leaves: `entry 0`, `entry 1` … */
export const numberedTree = new ReferenceTree((index) => leafHash(`entry ${index}`))
export const numberedLeaf = (index: number) => numberedTree.hash(BigInt(index), BigInt(index + 1))

/** The leaves from one to before another of {@link numberedTree}. */
export const numberedLeaves = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => numberedLeaf(from + at))

/** Tiles in memory, by the path of the full tile. */
export class TileStore implements TileReader {
  readonly tiles = new Map<string, Uint8Array>()
  /** What was asked for, a list for each call. */
  readonly reads: (readonly Tile[])[] = []

  keep(growth: TreeGrowth): TreeGrowth['frontier'] {
    for (const { level, index, hashes } of growth.tiles) this.tiles.set(tilePath(level, index), hashes)
    return growth.frontier
  }

  async readTiles(tiles: readonly Tile[]) {
    this.reads.push(tiles)
    return tiles.map(({ level, index }) => this.tiles.get(tilePath(level, index)))
  }
}

/** All tiles of a tree with these leaves, by C2SP tlog-tiles' definition: MTH(D[(n·256+i)·256^l : (n·256+i+1)·256^l]). */
export function tilesByDefinition(tree: ReferenceTree, size: number): Map<string, string> {
  const tiles = new Map<string, string>()
  for (let level = 0; 256 ** level <= size; level++) {
    for (let index = 0; tileWidth(level, index, size) > 0; index++) {
      const width = tileWidth(level, index, size)
      const hashes = Array.from({ length: width }, (_, at) => {
        const span = 256n ** BigInt(level)
        const from = (BigInt(index) * 256n + BigInt(at)) * span
        return tree.hash(from, from + span)
      })
      tiles.set(tilePath(level, index), hex(Buffer.concat(hashes, width * HASH_BYTES)))
    }
  }
  return tiles
}
