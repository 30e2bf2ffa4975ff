import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeSeq, readSeq, SEQ_BYTES, seqOfKey, writeSeq } from './seq-bytes.js'

const seq = fc.oneof(fc.nat(), fc.maxSafeNat())

it('a position is read as it was written, at any place', () => {
  fc.assert(
    fc.property(seq, fc.nat(9), (n, offset) => {
      const bytes = Buffer.alloc(SEQ_BYTES + 9, 0xff)
      writeSeq(bytes, n, offset)
      expect(readSeq(bytes, offset)).toBe(n)
      expect(encodeSeq(n)).toEqual(bytes.subarray(offset, offset + SEQ_BYTES))
      expect(seqOfKey(Buffer.concat([Buffer.from('any'), encodeSeq(n)]))).toBe(n)
    }),
  )
})

it('positions as bytes have the order of the positions', () => {
  fc.assert(
    fc.property(seq, seq, (m, n) => {
      expect(encodeSeq(m).compare(encodeSeq(n))).toBe(Math.sign(m - n))
    }),
  )
})
