import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, numberedLeaves, numberedTree, TileStore, tilesByDefinition } from '../../test/support/reference-tree.js'
import { TreeFrontier } from './frontier.js'
import { emptyRoot, hashLeaf } from './hash.js'
import { tilePath } from './tiles.js'

describe('TreeFrontier', () => {
  it('has the roots that everyone has for the usual eight leaves', () => {
    const entries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
    const roots = [
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ]
    let frontier = TreeFrontier.empty
    const grown = [hex(frontier.root)]
    for (const entry of entries) {
      frontier = frontier.append([hashLeaf(Buffer.from(entry, 'hex'))]).frontier
      grown.push(hex(frontier.root))
    }
    expect(grown).toEqual(roots)
    expect(hex(emptyRoot())).toBe(roots[0])
  })

  it('has the same root and tiles whatever batches the leaves come in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 8 }), (batches) => {
        const store = new TileStore()
        let frontier = TreeFrontier.empty
        for (const batch of batches) {
          frontier = store.keep(frontier.append(numberedLeaves(frontier.size, frontier.size + batch)))
        }
        expect(frontier.size).toBe(batches.reduce((sum, batch) => sum + batch, 0))
        expect(hex(frontier.root)).toBe(hex(numberedTree.hash(0n, BigInt(frontier.size))))
        const tiles = new Map([...store.tiles].map(([path, hashes]) => [path, hex(hashes)]))
        expect(tiles).toEqual(tilesByDefinition(numberedTree, frontier.size))
      }),
      { numRuns: 60 },
    )
  })

  it('tells the tiles that changed, how wide they are and how wide they were', () => {
    const grown = (from: number, to: number) => {
      const { frontier } = TreeFrontier.empty.append(numberedLeaves(0, from))
      return frontier
        .append(numberedLeaves(from, to))
        .tiles.map((tile) => `${tilePath(tile.level, tile.index, tile.width)} was ${tile.previousWidth}`)
    }
    expect(grown(0, 0)).toEqual([])
    expect(grown(0, 1)).toEqual(['tile/0/000.p/1 was 0'])
    expect(grown(100, 101)).toEqual(['tile/0/000.p/101 was 100'])
    expect(grown(255, 256)).toEqual(['tile/0/000 was 255', 'tile/1/000.p/1 was 0'])
    expect(grown(256, 257)).toEqual(['tile/0/001.p/1 was 0'])
    expect(grown(250, 770)).toEqual([
      'tile/0/000 was 250',
      'tile/0/001 was 0',
      'tile/0/002 was 0',
      'tile/0/003.p/2 was 0',
      'tile/1/000.p/3 was 0',
    ])
  })

  it('makes of 70,000 leaves the tiles that the specification names', () => {
    const { tiles } = TreeFrontier.empty.append(numberedLeaves(0, 70_000))
    const ofLevel = (level: number) => tiles.filter((tile) => tile.level === level).map((tile) => tile.width)
    expect(ofLevel(0)).toEqual([...Array(273).fill(256), 112])
    expect(ofLevel(1)).toEqual([256, 17])
    expect(ofLevel(2)).toEqual([1])
    expect(ofLevel(3)).toEqual([])
  })

  it('leaves the tree it grew from, and the tiles it gave out, as they were', () => {
    const { frontier, tiles } = TreeFrontier.empty.append(numberedLeaves(0, 700))
    const root = hex(frontier.root)
    const bytes = tiles.map((tile) => hex(tile.hashes))

    frontier.append(numberedLeaves(5000, 6000))
    expect(hex(frontier.root)).toBe(root)
    expect(tiles.map((tile) => hex(tile.hashes))).toEqual(bytes)
    const retried = frontier.append(numberedLeaves(700, 900)).frontier
    expect(hex(retried.root)).toBe(hex(numberedTree.hash(0n, 900n)))
  })

  it('is restored from its tiles at any size, and grows on', async () => {
    const store = new TileStore()
    const whole = store.keep(TreeFrontier.empty.append(numberedLeaves(0, 66_000)))
    const sizes = [...Array(520).keys(), 65_535, 65_536, 65_537, 66_000]
    for (const size of sizes) {
      const restored = await TreeFrontier.restore(size, store)
      expect(hex(restored.root)).toBe(hex(numberedTree.hash(0n, BigInt(size))))
    }
    const restored = await TreeFrontier.restore(60_123, store)
    expect(hex(restored.append(numberedLeaves(60_123, 66_000)).frontier.root)).toBe(hex(whole.root))
  })

  it('is not restored from tiles that are missing or too short', async () => {
    const store = new TileStore()
    store.keep(TreeFrontier.empty.append(numberedLeaves(0, 300)))
    await expect(TreeFrontier.restore(301, store)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: 'tile/0/001.p/45 is too short',
    })
    store.tiles.delete('tile/1/000')
    await expect(TreeFrontier.restore(300, store)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: 'tile/1/000.p/1 is missing',
    })
  })
})
