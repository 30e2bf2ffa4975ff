import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCursor, digestOfQuery, encodeCursor } from './cursor.js'

const query = digestOfQuery('events', { tenantId: 't' })
const position = fc.maxSafeNat()

describe('a cursor', () => {
  it('gives back what it was made of', () => {
    const left = fc.oneof(fc.integer({ min: 1 }), fc.constant(Infinity))
    const mark = fc.nat({ max: 0xffff_ffff })
    fc.assert(
      fc.property(fc.record({ size: position, position, left, mark }), (bookmark) => {
        expect(decodeCursor(encodeCursor(query, bookmark), query)).toEqual(bookmark)
      }),
    )
  })

  it.each([
    ['size', 9],
    ['position', 17],
    ['number of items left', 25],
  ])('with a %s that no log can have is refused, also where its checksum is right', (_, at) => {
    const bytes = Buffer.from(encodeCursor(query, { size: 9, position: 3, left: 2, mark: 1 }), 'base64url')
    bytes[at] = 0x80
    bytes.set(createHash('sha256').update(bytes.subarray(0, 37)).digest().subarray(0, 4), 37)
    const refused = expect.objectContaining({ code: 'AUDIT_CURSOR_INVALID' })
    expect(() => decodeCursor(bytes.toString('base64url'), query)).toThrow(refused)
  })
})
