import fc from 'fast-check'
import { expect, it } from 'vitest'
import { blockKey, checkpointKey, headKey, metaKey, pageKey, readKey, tileKey } from './keys.js'

const seq = fc.oneof(fc.nat(), fc.maxSafeNat())
const tile = fc.record({ level: fc.nat(3), index: fc.nat(2 ** 18), first: fc.nat(255) })

it('a key says what it is of', () => {
  fc.assert(
    fc.property(seq, fc.nat(2 ** 40), tile, (n, page, { level, index, first }) => {
      expect(readKey(headKey(n))).toEqual({ kind: 'head', seq: n })
      expect(readKey(checkpointKey(n))).toEqual({ kind: 'checkpoint', seq: n })
      expect(readKey(blockKey(n))).toEqual({ kind: 'block', seq: n })
      expect(readKey(pageKey(page))).toEqual({ kind: 'page', page })
      expect(readKey(tileKey(level, index, first))).toEqual({ kind: 'tile', level, node: index * 256 + first })
    }),
  )
})

it.each<[string, Buffer]>([
  ['a name', metaKey('format')],
  ['nothing', Buffer.alloc(0)],
  ['a block and more', Buffer.concat([blockKey(7), Buffer.of(0)])],
  ['a part of a block', blockKey(7).subarray(0, 9)],
  ['another kind', Buffer.concat([blockKey(7).subarray(0, 9), Buffer.of(9)])],
  ['a page that ends where none does', Buffer.concat([blockKey(254).subarray(0, 9), Buffer.of(3)])],
  ['a tile whose level has no hash there', Buffer.concat([blockKey(254).subarray(0, 9), Buffer.of(4, 1)])],
  ['a tile of a level that no log has', Buffer.concat([blockKey(255).subarray(0, 9), Buffer.of(4, 200)])],
  ['a position beyond all', Buffer.concat([Buffer.of(1), Buffer.alloc(8, 0xff), Buffer.of(2)])],
])('a key of %s is none of a log', (_, key) => {
  expect(readKey(key)).toBeUndefined()
})

it('what a commit of full blocks writes comes behind all that was written before', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 30), fc.integer({ min: 1, max: 70_000 }), (before, count) => {
      const size = before + count
      const ofBlocks = [blockKey(before), blockKey(size - 1)]
      const firstPage = Math.floor(before / 256)
      const endPage = Math.floor(size / 256)
      const ofPages = firstPage < endPage ? [pageKey(firstPage), pageKey(endPage - 1)] : []
      const ofTiles = [0, 1, 2].flatMap((level) => {
        const [from, to] = [before, size].map((leaves) => Math.floor(leaves / 256 ** level)) as [number, number]
        return from < to ? [tileKey(level, Math.floor(from / 256), from % 256)] : []
      })
      for (const key of [...ofBlocks, ...ofPages, ...ofTiles]) {
        expect(key.compare(headKey(before))).toBe(1)
        expect(key.compare(checkpointKey(before))).toBe(1)
        expect(key.compare(headKey(size))).toBe(-1)
      }
    }),
  )
})
