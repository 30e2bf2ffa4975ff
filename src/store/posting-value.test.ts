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

  /** Numbers as varints, whatever they mean together. */
  const varints = (...numbers: number[]) =>
    Buffer.from(
      numbers.flatMap((number) => {
        const bytes: number[] = []
        for (let rest = number; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
        return [...bytes, Math.floor(number / 0x80 ** bytes.length)]
      }),
    )

  it.each([
    ['no position', 5, varints(0, 0)],
    ['more positions than lie between its ends', 5, varints(4, 2)],
    ['positions before the first', 5, varints(2, 9)],
    ['a step of none', 9, varints(3, 5, 0, 5)],
    ['steps that do not lead to its first', 9, varints(3, 5, 1, 1)],
    ['positions without a gap that nobody could have filed', 2 ** 40, varints(2 ** 31, 2 ** 31 - 1)],
    ['more steps than bytes', 2 ** 40, varints(2 ** 20, 2 ** 39, 1)],
    ['a number past the safe integers', 5, Buffer.alloc(400, 0x80)],
    ['a last position past the safe integers', 2 ** 60, varints(1, 0)],
  ])('that tells of %s is refused', (_, last, value) => {
    expect(() => decodePosting(last, value)).toThrow(RangeError)
  })

  it('of any bytes is refused, or has the positions that it tells', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ maxLength: 12 }), (last, value) => {
        let seqs: number[]
        try {
          seqs = decodePosting(last, value)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          return
        }
        expect(decodePosting(last, encodePosting(seqs))).toEqual(seqs)
        expect(postingSpan(last, value)).toEqual({ count: seqs.length, first: seqs[0], last: seqs.at(-1) })
      }),
      { numRuns: 2000 },
    )
  })
})
