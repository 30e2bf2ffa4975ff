import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePosting, encodePosting, postingSpan } from './posting-value.js'

const step = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100_000 }))
const ascending = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 52 }), fc.array(step, { maxLength: 300 }))
  .map(([first, steps]) => {
    let seq = first
    return [seq, ...steps.map((length) => (seq += length))]
  })

describe('a posting', () => {
  it('gives back its positions, and tells count and ends without decoding them', () => {
    fc.assert(
      fc.property(ascending, (seqs) => {
        const last = seqs.at(-1) as number
        const encoded = encodePosting(seqs)
        expect(decodePosting(last, encoded)).toEqual(seqs)
        expect(postingSpan(last, encoded)).toEqual({ count: seqs.length, first: seqs[0], last })
      }),
    )
  })

  it('of positions without a gap is a few bytes, however many they are', () => {
    const seqs = Array.from({ length: 4_096 }, (_, n) => 1_000_000 + n)
    expect(encodePosting(seqs).length).toBe(4)
  })

  it('that is cut off is refused', () => {
    const encoded = encodePosting([3, 5, 900])
    for (let length = 0; length < encoded.length; length++) {
      expect(() => decodePosting(900, encoded.subarray(0, length))).toThrow(RangeError)
    }
  })
})
