import { beforeAll, describe, expect, it } from 'vitest'
import { hex, numberedLeaf, numberedLeaves, numberedTree, TileStore } from '../../test/support/reference-tree.js'
import { TreeFrontier } from './frontier.js'
import { proveConsistency, proveInclusion } from './prove.js'
import { tileWidth } from './tiles.js'
import { verifyConsistency, verifyInclusion } from './verify.js'

const store = new TileStore()
const rootOf = (size: number) => numberedTree.hash(0n, BigInt(size))

/** All positions of a small range; of a larger one those around its ends, its middle and every power of two. */
function positions(from: number, to: number): number[] {
  if (to < 40) return Array.from({ length: to - from + 1 }, (_, at) => from + at)
  const around = [from, to, Math.floor((from + to) / 2), 32, 64, 128, 256].flatMap((at) => [at - 1, at, at + 1])
  return [...new Set(around)].filter((at) => at >= from && at <= to)
}

beforeAll(() => {
  store.keep(TreeFrontier.empty.append(numberedLeaves(0, 70_000)))
})

describe('proveInclusion', () => {
  it('proves leaves of every tree of up to 300 leaves, as RFC 6962 defines it', async () => {
    for (let size = 1; size <= 300; size++) {
      for (const index of positions(0, size - 1)) {
        const proof = await proveInclusion(index, size, store)
        expect(proof.map(hex), `leaf ${index} of ${size}`).toEqual(
          numberedTree.inclusion(BigInt(index), BigInt(size)).map(hex),
        )
        verifyInclusion({ leafHash: numberedLeaf(index), index, size, root: rootOf(size), proof })
      }
    }
  })

  it('proves leaves of a larger tree from the tiles of that size, read at once', async () => {
    for (const [index, size] of [
      [0, 70_000],
      [65_535, 65_536],
      [65_536, 65_537],
      [69_999, 70_000],
      [12_345, 67_890],
    ] as const) {
      store.reads.length = 0
      const proof = await proveInclusion(index, size, store)
      verifyInclusion({ leafHash: numberedLeaf(index), index, size, root: rootOf(size), proof })
      expect(store.reads).toHaveLength(1)
      for (const tile of store.reads[0] ?? []) expect(tile.width).toBe(tileWidth(tile.level, tile.index, size))
    }
  })

  it('needs a leaf that is in the tree', async () => {
    await expect(proveInclusion(5, 5, store)).rejects.toThrow(TypeError)
    await expect(proveInclusion(0, 0, store)).rejects.toThrow(TypeError)
    await expect(proveInclusion(-1, 5, store)).rejects.toThrow(TypeError)
    await expect(proveInclusion(0.5, 5, store)).rejects.toThrow(TypeError)
  })

  it('does not prove from tiles that are not there', async () => {
    await expect(proveInclusion(0, 80_000, store)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
  })
})

describe('proveConsistency', () => {
  it('proves trees of up to 300 leaves the beginning of each larger one, as RFC 6962 defines it', async () => {
    for (let size2 = 1; size2 <= 300; size2++) {
      for (const size1 of positions(1, size2)) {
        const proof = await proveConsistency(size1, size2, store)
        expect(proof.map(hex), `${size1} in ${size2}`).toEqual(
          numberedTree.consistency(BigInt(size1), BigInt(size2)).map(hex),
        )
        verifyConsistency({ size1, root1: rootOf(size1), size2, root2: rootOf(size2), proof })
      }
    }
  })

  it('proves a larger tree', async () => {
    for (const [size1, size2] of [
      [1, 70_000],
      [65_536, 70_000],
      [65_535, 65_537],
      [69_999, 70_000],
      [40_001, 70_000],
    ] as const) {
      const proof = await proveConsistency(size1, size2, store)
      verifyConsistency({ size1, root1: rootOf(size1), size2, root2: rootOf(size2), proof })
    }
  })

  it('has nothing to prove of the empty tree, nor of a tree that is larger', async () => {
    await expect(proveConsistency(0, 5, store)).rejects.toThrow(TypeError)
    await expect(proveConsistency(0, 0, store)).rejects.toThrow(TypeError)
    await expect(proveConsistency(6, 5, store)).rejects.toThrow(TypeError)
  })
})
