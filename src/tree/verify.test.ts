import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leafHash, numberedLeaf, numberedTree, ReferenceTree } from '../../test/support/reference-tree.js'
import { emptyRoot } from './hash.js'
import { type ConsistencyClaim, type InclusionClaim, verifyConsistency, verifyInclusion } from './verify.js'

const invalid = expect.objectContaining({ code: 'AUDIT_PROOF_INVALID' })
const MAX_SIZE = 2n ** 64n - 1n
const bigSize = fc.bigInt(1n, MAX_SIZE)

/** A tree of any size: a few leaves are their own, all others are alike. */
function sparseTree(own: readonly bigint[]): ReferenceTree {
  const leaves = new Map(own.map((index) => [index, leafHash(`own ${index}`)]))
  const alike = leafHash('alike')
  return new ReferenceTree(
    (index) => leaves.get(index) ?? alike,
    (from, to) => own.every((index) => index < from || index >= to),
  )
}

/** Every way to spoil a list of hashes: flip a byte, leave one out, double one, swap two, add one at either end. */
function* spoiled(proof: readonly Uint8Array[], roots: readonly Uint8Array[]): Generator<Uint8Array[]> {
  for (const [at, hash] of proof.entries()) {
    for (let byte = 0; byte < hash.length; byte++) yield proof.with(at, flipped(hash, byte))
    yield proof.toSpliced(at, 1)
    yield proof.toSpliced(at, 0, hash)
    yield proof.with(at, hash.subarray(0, 31))
    yield proof.with(at, Buffer.concat([hash, hash]))
    yield proof.with(at, new Uint8Array())
    for (let other = at + 1; other < proof.length; other++) {
      yield proof.with(at, proof[other] as Uint8Array).with(other, hash)
    }
  }
  for (const hash of [...roots, new Uint8Array(32), new Uint8Array()]) {
    yield [hash, ...proof]
    yield [...proof, hash]
  }
  if (proof.length > 0) yield []
}

function flipped(hash: Uint8Array, byte: number): Uint8Array {
  return hash.with(byte, (hash[byte] as number) ^ 0x10)
}

describe('verifyInclusion', () => {
  const claim = (index: bigint, size: bigint, tree = numberedTree): InclusionClaim => ({
    leafHash: tree.hash(index, index + 1n),
    index,
    size,
    root: tree.hash(0n, size),
    proof: tree.inclusion(index, size),
  })

  it('holds for leaves of trees of any size of 64 bits', () => {
    fc.assert(
      fc.property(
        bigSize,
        fc.bigInt(0n, MAX_SIZE),
        fc.array(fc.bigInt(0n, MAX_SIZE), { maxLength: 4 }),
        (size, any, own) => {
          const index = any % size
          const tree = sparseTree([index, ...own])
          verifyInclusion(claim(index, size, tree))
          const wrong = { ...claim(index, size, tree), leafHash: leafHash('alike') }
          expect(() => verifyInclusion(wrong)).toThrow(invalid)
        },
      ),
    )
    verifyInclusion(claim(MAX_SIZE - 1n, MAX_SIZE, sparseTree([MAX_SIZE - 1n])))
  })

  it('holds for every leaf of every tree of up to 300 leaves, and for no other leaf', () => {
    for (let size = 1n; size <= 300n; size++) {
      for (let index = 0n; index < size; index++) {
        verifyInclusion(claim(index, size))
      }
      const wrong = { ...claim(size - 1n, size), leafHash: numberedTree.hash(size, size + 1n) }
      expect(() => verifyInclusion(wrong)).toThrow(invalid)
    }
  })

  it('takes numbers for what fits them', () => {
    verifyInclusion({ ...claim(3n, 7n), index: 3, size: 7 })
  })

  it('refuses every spoiled proof, leaf and root', () => {
    for (const size of [1n, 2n, 5n, 8n, 13n]) {
      for (let index = 0n; index < size; index++) {
        const good = claim(index, size)
        for (const proof of spoiled(good.proof, [good.root, good.leafHash, emptyRoot()])) {
          expect(() => verifyInclusion({ ...good, proof })).toThrow(invalid)
        }
        for (let byte = 0; byte < 32; byte++) {
          expect(() => verifyInclusion({ ...good, leafHash: flipped(good.leafHash, byte) })).toThrow(invalid)
          expect(() => verifyInclusion({ ...good, root: flipped(good.root, byte) })).toThrow(invalid)
        }
        expect(() => verifyInclusion({ ...good, root: good.root.subarray(0, 31) })).toThrow(invalid)
        expect(() => verifyInclusion({ ...good, root: new Uint8Array() })).toThrow(invalid)
      }
    }
  })

  it('refuses a proof for another position or another size', () => {
    for (let size = 1n; size <= 20n; size++) {
      for (let index = 0n; index < size; index++) {
        const good = claim(index, size)
        for (let other = 0n; other <= 40n; other++) {
          if (other !== index) expect(() => verifyInclusion({ ...good, index: other })).toThrow(invalid)
        }
        for (const other of [0n, size - 1n, size * 2n, size / 2n, MAX_SIZE]) {
          // Behind the right edge of the leaf's own subtree, proofs may have the same hashes at several sizes.
          if (other === size || other > index) continue
          expect(() => verifyInclusion({ ...good, size: other })).toThrow(invalid)
        }
      }
    }
    expect(() => verifyInclusion({ ...claim(0n, 1n), size: 0 })).toThrow(invalid)
  })

  it('refuses a node passed off as a leaf', () => {
    const size = 8n
    const good = claim(2n, size)
    expect(() => verifyInclusion({ ...good, leafHash: numberedTree.hash(2n, 4n), proof: good.proof.slice(1) })).toThrow(
      invalid,
    )
  })

  it('refuses hashes whose bytes were moved from one to the next', () => {
    const good = claim(0n, 4n)
    const sibling = good.proof[0] as Uint8Array
    const shorter = good.leafHash.subarray(0, 31)
    const longer = Buffer.concat([good.leafHash.subarray(31), sibling])
    expect(() => verifyInclusion({ ...good, leafHash: shorter, proof: good.proof.with(0, longer) })).toThrow(invalid)
  })

  it('throws a TypeError for what is no position or size', () => {
    const good = claim(0n, 4n)
    for (const wrong of [-1, -1n, 0.5, Number.NaN, 2 ** 53, 2n ** 64n, '0' as unknown as number]) {
      expect(() => verifyInclusion({ ...good, index: wrong })).toThrow(TypeError)
      expect(() => verifyInclusion({ ...good, size: wrong })).toThrow(TypeError)
    }
    expect(() => verifyInclusion({ ...good, proof: 'AAAA' as unknown as Uint8Array[] })).toThrow(TypeError)
    expect(() => verifyInclusion({ ...good, leafHash: 'ab' as unknown as Uint8Array })).toThrow(TypeError)
  })
})

describe('verifyConsistency', () => {
  const claim = (size1: bigint, size2: bigint, tree = numberedTree): ConsistencyClaim => ({
    size1,
    root1: tree.hash(0n, size1),
    size2,
    root2: tree.hash(0n, size2),
    proof: tree.consistency(size1, size2),
  })

  it('holds for trees of any size of 64 bits', () => {
    fc.assert(
      fc.property(bigSize, bigSize, fc.array(fc.bigInt(0n, MAX_SIZE), { maxLength: 4 }), (one, other, own) => {
        const [size1, size2] = one < other ? [one, other] : [other, one]
        verifyConsistency(claim(size1, size2, sparseTree([...own, size1 - 1n])))
      }),
    )
    verifyConsistency(claim(2n ** 63n, MAX_SIZE, sparseTree([5n, 2n ** 63n])))
  })

  it('holds for every tree of up to 300 leaves and each larger one, and for no other root', () => {
    for (let size2 = 1n; size2 <= 300n; size2++) {
      for (let size1 = 1n; size1 <= size2; size1++) {
        verifyConsistency(claim(size1, size2))
      }
      const wrong = { ...claim(1n, size2), root1: numberedTree.hash(1n, 2n) }
      expect(() => verifyConsistency(wrong)).toThrow(invalid)
    }
  })

  it('refuses trees that differ in a leaf of the older one', () => {
    fc.assert(
      fc.property(bigSize, bigSize, fc.bigInt(0n, MAX_SIZE), (one, other, any) => {
        fc.pre(one !== other)
        const [size1, size2] = one < other ? [one, other] : [other, one]
        const rewritten = claim(size1, size2, sparseTree([any % size1]))
        const root1 = sparseTree([]).hash(0n, size1)
        expect(() => verifyConsistency({ ...rewritten, root1 })).toThrow(invalid)
      }),
    )
  })

  it('refuses every spoiled proof and root', () => {
    for (const [size1, size2] of [
      [1n, 1n],
      [1n, 2n],
      [1n, 8n],
      [2n, 5n],
      [4n, 8n],
      [6n, 8n],
      [6n, 7n],
      [7n, 13n],
    ] as const) {
      const good = claim(size1, size2)
      for (const proof of spoiled(good.proof, [good.root1, good.root2, emptyRoot()])) {
        expect(() => verifyConsistency({ ...good, proof })).toThrow(invalid)
      }
      for (let byte = 0; byte < 32; byte++) {
        expect(() => verifyConsistency({ ...good, root1: flipped(good.root1, byte) })).toThrow(invalid)
        expect(() => verifyConsistency({ ...good, root2: flipped(good.root2, byte) })).toThrow(invalid)
      }
      if (size1 !== size2) {
        const swapped = { ...good, root1: good.root2, root2: good.root1 }
        expect(() => verifyConsistency(swapped)).toThrow(invalid)
        expect(() => verifyConsistency({ ...good, size1: size2, size2: size1 })).toThrow(invalid)
        expect(() => verifyConsistency({ ...good, size2: size1 })).toThrow(invalid)
        expect(() => verifyConsistency({ ...good, size1: size2 })).toThrow(invalid)
      }
    }
  })

  it('refuses size1 = 0, whatever the proof: it would prove nothing', () => {
    const root = numberedTree.hash(0n, 4n)
    for (const root1 of [emptyRoot(), root]) {
      for (const proof of [[], [root]]) {
        expect(() => verifyConsistency({ size1: 0, root1, size2: 4, root2: root, proof })).toThrow(invalid)
        expect(() => verifyConsistency({ size1: 0, root1, size2: 0, root2: root1, proof })).toThrow(invalid)
      }
    }
  })

  it('refuses a root of another length that hides bytes of its neighbour', () => {
    const good = claim(1n, 2n)
    const root1 = good.root1.subarray(0, 31)
    const sibling = Buffer.concat([good.root1.subarray(31), numberedLeaf(1)])
    expect(() => verifyConsistency({ ...good, root1, proof: [sibling] })).toThrow(invalid)
  })

  it('throws a TypeError for what is no size', () => {
    const good = claim(2n, 4n)
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53, 2n ** 64n]) {
      expect(() => verifyConsistency({ ...good, size1: wrong })).toThrow(TypeError)
      expect(() => verifyConsistency({ ...good, size2: wrong })).toThrow(TypeError)
    }
  })
})
