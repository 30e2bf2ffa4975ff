import { describe, expect, it } from 'vitest'
import { hex, leafHash, numberedLeaves, numberedTree } from '../../test/support/reference-tree.js'
import { hashLeaf, hashRange, leafDigestIn, writeLeafHash } from './hash.js'

describe('hashRange', () => {
  it('is the root of any number of leaves', () => {
    for (let size = 0; size <= 300; size++) {
      expect(hex(hashRange(Buffer.concat(numberedLeaves(0, size))))).toBe(hex(numberedTree.hash(0n, BigInt(size))))
    }
  })

  it('is the root of whole subtrees of one height with a smaller one behind them', () => {
    for (const size of [33, 64, 65, 95, 127, 129]) {
      const parts: Uint8Array[] = []
      for (let from = 0; from < size; from += 32) {
        parts.push(numberedTree.hash(BigInt(from), BigInt(Math.min(size, from + 32))))
      }
      expect(hex(hashRange(Buffer.concat(parts)))).toBe(hex(numberedTree.hash(0n, BigInt(size))))
    }
  })
})

describe('hashLeaf', () => {
  it.each([0, 1, 65_534, 65_535, 65_536, 200_000])('hashes an entry of %d bytes behind a zero', (length) => {
    const entry = Buffer.alloc(length, 'x')
    expect(hex(hashLeaf(entry))).toBe(hex(leafHash(entry)))
    const target = Buffer.alloc(40)
    writeLeafHash(entry, target, 4)
    expect(hex(target.subarray(4, 36))).toBe(hex(leafHash(entry)))
  })

  it.each([0, 1, 500, 200_000])('hashes an entry of %d bytes where it stands, and leaves all as it was', (length) => {
    const memory = Buffer.from(`before${'x'.repeat(length)}behind`)
    const digest = leafDigestIn(memory, 6, 6 + length)
    expect(hex(Buffer.from(digest, 'latin1'))).toBe(hex(leafHash(Buffer.alloc(length, 'x'))))
    expect(memory.toString()).toBe(`before${'x'.repeat(length)}behind`)
  })
})
