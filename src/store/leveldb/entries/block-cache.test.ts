import { expect, test } from 'vitest'
import { Block, encodeBlock, entrySlot } from './block.js'
import { BlockCache } from './block-cache.js'

const LARGE = 2 ** 20

function block(firstSeq: number, length = 1): Block {
  return new Block(firstSeq, Buffer.from(encodeBlock([entrySlot(Buffer.alloc(length, 1), false)])))
}

test('keeps a block that is read for the second time, and none that is read once', () => {
  const cache = new BlockCache()
  const twice = block(7)
  cache.addBlock(twice)
  expect(cache.block(7)).toBeUndefined()
  cache.addBlock(twice)
  // A walk over the log reads each block once.
  for (let seq = 100; seq < 100_000; seq++) cache.addBlock(block(seq))
  expect(cache.block(7)).toBe(twice)
  expect(cache.block(99_999)).toBeUndefined()
})

test('keeps the blocks that were read last, within its bound', () => {
  const cache = new BlockCache()
  for (let seq = 0; seq < 6; seq++) {
    const one = block(seq, LARGE)
    cache.addBlock(one)
    cache.addBlock(one)
  }
  const kept = [0, 1, 2, 3, 4, 5].filter((seq) => cache.block(seq))
  expect(kept).toEqual([3, 4, 5])
})
