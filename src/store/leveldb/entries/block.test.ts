import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Block, type BlockSlot, encodeBlock, entrySlot, ID_DIGEST_BYTES, MAX_SLOTS } from './block.js'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const slot: fc.Arbitrary<BlockSlot> = fc.oneof(
  fc.tuple(bytes(300), fc.boolean()).map(([each, callerId]) => entrySlot(each, callerId)),
  fc.record({
    removedUnder: fc.maxSafeNat(),
    idDigest: fc.option(fc.uint8Array({ minLength: ID_DIGEST_BYTES, maxLength: ID_DIGEST_BYTES }), { nil: undefined }),
  }),
)

/** The slots of a block, as it tells them. */
function slotsOf(block: Block): BlockSlot[] {
  const slots: BlockSlot[] = []
  for (let seq = block.firstSeq; seq < block.end; seq++) {
    const entry = block.entry(seq)
    const removed = block.removed(seq)
    expect(entry === undefined).toBe(removed !== undefined)
    slots.push(entry ? entrySlot(entry, block.hasCallerId(seq)) : (removed as BlockSlot))
    if (removed) expect(block.hasCallerId(seq)).toBe(removed.idDigest !== undefined)
  }
  return slots
}

const plain = (slots: readonly BlockSlot[]) =>
  slots.map((each) =>
    'bytes' in each
      ? { ...each, bytes: [...each.bytes] }
      : { removedUnder: each.removedUnder, idDigest: each.idDigest && [...each.idDigest] },
  )

const entry = (text: string, callerId = false): BlockSlot => entrySlot(Buffer.from(text), callerId)
const encoded = (slots: readonly BlockSlot[]) => Buffer.from(encodeBlock(slots))

describe('a block', () => {
  it('gives back the slots it was made of, wherever it stands in the log', () => {
    fc.assert(
      fc.property(fc.array(slot, { minLength: 1, maxLength: 40 }), fc.nat(2 ** 40), (slots, firstSeq) => {
        const block = new Block(firstSeq, encoded(slots))
        expect([block.firstSeq, block.end]).toEqual([firstSeq, firstSeq + slots.length])
        expect([block.has(firstSeq - 1), block.has(firstSeq), block.has(block.end)]).toEqual([false, true, false])
        expect(plain(slotsOf(block))).toEqual(plain(slots))
      }),
    )
  })

  it('holds as many entries as it may, and more bytes than any other', () => {
    const many = Array.from({ length: MAX_SLOTS }, (_, n) => entry(String(n)))
    const block = new Block(0, encoded(many))
    expect(block.end).toBe(MAX_SLOTS)
    expect(Buffer.from(block.entry(MAX_SLOTS - 1) ?? []).toString()).toBe(String(MAX_SLOTS - 1))
    const large = Buffer.alloc(2 ** 20, 7)
    const read = new Block(0, encoded([entry('a'), entrySlot(large, true)])).entry(1)
    expect(large.equals(read as Uint8Array)).toBe(true)
  })

  it('can be read where its value stands in the middle of a larger buffer', () => {
    const value = encoded([entry('first'), entry('second', true)])
    const larger = Buffer.concat([Buffer.alloc(7, 0xff), value, Buffer.alloc(7, 0xff)])
    const block = new Block(4, new Uint8Array(larger.buffer, larger.byteOffset + 7, value.length))
    expect(Buffer.from(block.entry(5) ?? []).toString()).toBe('second')
    expect([block.hasCallerId(4), block.hasCallerId(5)]).toEqual([false, true])
  })

  const value = () => encoded([entry('first'), entry('second', true), { removedUnder: 9, idDigest: undefined }])
  /** Changes the end, with the kind in its top bits, of a slot. */
  const stating = (at: number, word: (before: number) => number) => {
    const changed = value()
    const offset = 2 + 4 * at
    changed.writeUInt32BE(word(changed.readUInt32BE(offset)) >>> 0, offset)
    return changed
  }

  /** Fills the position of the entry that removed another with a byte. */
  const stateRemover = (byte: number) => {
    const changed = value()
    changed.fill(byte, changed.length - 8)
    return changed
  }

  it('tells of a removal by any entry', () => {
    expect(new Block(0, stateRemover(0)).removed(2)?.removedUnder).toBe(0)
  })

  it.each<[string, () => Uint8Array]>([
    ['nothing', () => new Uint8Array()],
    ['half a count', () => Uint8Array.of(0)],
    ['a count of none', () => Uint8Array.of(0, 0)],
    ['a count without slots', () => Uint8Array.of(0, 1)],
    ['a count of more slots than there are bytes', () => Buffer.concat([Uint8Array.of(0xff, 0xff), value()])],
    ['a slot that ends before it begins', () => stating(1, (word) => word - 9)],
    ['a slot that ends behind the value', () => stating(0, (word) => word + 2 ** 20)],
    ['a last slot that ends behind the value', () => stating(2, (word) => word + 1)],
    ['bytes behind the last slot', () => Buffer.concat([value(), Uint8Array.of(0)])],
    ['no last byte', () => value().subarray(0, -1)],
    ['a removed entry that says too little', () => stating(0, (word) => word + 2 ** 31)],
    ['a removed entry whose id is said to follow', () => stating(2, (word) => word + 2 ** 30)],
    ['a removed entry without an entry that removed it', () => encoded([entry('')]).fill(0x80, 2, 3)],
    ['a removed entry that names a position that there cannot be', () => stateRemover(0xff)],
  ])('that has %s is refused', (_, spoilt) => {
    expect(() => new Block(0, spoilt())).toThrow(RangeError)
  })

  it('that would reach behind the last position that there can be is refused', () => {
    expect(() => new Block(Number.MAX_SAFE_INTEGER, value())).toThrow(RangeError)
  })

  it('of any bytes is refused, or is what encodes to them', () => {
    fc.assert(
      fc.property(
        bytes(80),
        fc.nat(5),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
        (random, count, changes) => {
          const spoilt = count === 0 ? Buffer.from(random) : encoded(Array.from({ length: count }, () => entry('abc')))
          for (const [at, byte] of changes) if (spoilt.length > 0) spoilt[at % spoilt.length] = byte
          let block: Block
          try {
            block = new Block(1, spoilt)
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError)
            return
          }
          expect(encoded(slotsOf(block))).toEqual(spoilt)
        },
      ),
      { numRuns: 500 },
    )
  })
})
