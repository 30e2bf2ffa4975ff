import { expect, it } from 'vitest'
import { hex, leafHash, numberedLeaves } from '../../test/support/reference-tree.js'
import { hashRange } from '../tree/index.js'
import { BLOCK_LENGTH, LeafBlock } from './leaf-block.js'

const entries = Array.from({ length: 1000 }, (_, n) => Buffer.from(`entry ${n}`))

it.each([1, 255, 256, 257, 512, 1000])('has the roots of %i leaves and of every size asked for', (length) => {
  const block = new LeafBlock(BLOCK_LENGTH, 2 * BLOCK_LENGTH)
  const leaves = entries.slice(0, length).map((entry) => leafHash(entry))
  for (const entry of entries.slice(0, length)) block.add(entry)
  const sizes = [1, 2, 255, 256, 257, 511, 512, 513, 999, 1000, 1001].map((size) => BLOCK_LENGTH + size)
  const { root, cuts, to } = block.finish([5, ...sizes])
  const rootOf = (count: number) => hex(hashRange(Buffer.concat(leaves.slice(0, count))))
  expect(to).toBe(BLOCK_LENGTH + length)
  expect(root && hex(root)).toBe(rootOf(length))
  expect(cuts.map(({ size }) => size)).toEqual(sizes.filter((size) => size <= to))
  for (const cut of cuts) expect(cut.root && hex(cut.root)).toBe(rootOf(cut.size - BLOCK_LENGTH))
})

it('has no root past an entry that is missing, and takes the hash of one that was removed', () => {
  const block = new LeafBlock(0, BLOCK_LENGTH)
  const leaves = numberedLeaves(0, 600)
  for (const entry of entries.slice(0, 300)) block.add(entry)
  block.addRemoved()
  block.keepHash(300, leaves[300] as Uint8Array)
  block.addMissing(400)
  for (const entry of entries.slice(400, 600)) block.add(entry)
  const { root, cuts } = block.finish([301, 302, 600])
  expect(root).toBeUndefined()
  const kept = [...entries.slice(0, 300).map((entry) => leafHash(entry)), leaves[300] as Uint8Array]
  expect(cuts.map((cut) => cut.root && hex(cut.root))).toEqual([
    hex(hashRange(Buffer.concat(kept))),
    undefined,
    undefined,
  ])
})
