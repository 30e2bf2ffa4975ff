import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ID_LENGTH, storedId } from './ids.js'

const LONGEST = MAX_ID_LENGTH

describe('storedId', () => {
  it.each(['s-1', 'a/b\u0000c', 'Привет', '🙂', '__proto__', ' ', 'x'.repeat(LONGEST), '漢'.repeat(LONGEST)])(
    'stores %.12s as it is',
    (id) => {
      expect(storedId(id)).toBe(id)
    },
  )

  it.each([
    ['too long', 'x'.repeat(LONGEST + 1)],
    ['of ten megabytes', 'x'.repeat(1e7)],
    ['mostly control characters', '\u0000'.repeat(LONGEST)],
    ['a lone surrogate', 'tenant-\ud800'],
    ['a pair at the cut', `${'x'.repeat(478)}${'🙂'.repeat(1000)}`],
  ])('bounds an id that is %s', (_, id) => {
    const stored = storedId(id)
    expect(stored).toMatch(/~[0-9a-f]{32}$/)
    expect(stored.length).toBeLessThanOrEqual(LONGEST)
    expect(stored.isWellFormed()).toBe(true)
    expect(stored).not.toContain('\ufffd'.repeat(2))
  })

  it('keeps ids apart that differ past the cut, or in lone surrogates only', () => {
    const ids = [`${'x'.repeat(5000)}1`, `${'x'.repeat(5000)}2`, 's-\ud800', 's-\ud801', 's-\ufffd']
    expect(new Set(ids.map(storedId)).size).toBe(ids.length)
  })

  it('tells ids of megabytes apart, and gives each the same form whenever it comes again', () => {
    const ids = Array.from({ length: 12 }, (_, n) => `${'x'.repeat(n < 6 ? 1e5 : 5e6)}${n}`)
    const forms = ids.map(storedId)
    expect(new Set(forms).size).toBe(ids.length)
    for (const order of [[...ids.keys()], [...ids.keys()].reverse(), [3, 3, 11, 3, 11]]) {
      for (const n of order) expect(storedId(`${ids[n]?.slice(0, 50)}${ids[n]?.slice(50)}`)).toBe(forms[n])
    }
  })

  it('stores a stored id as it is, within 3 KiB of JSON', () => {
    const unit = fc.oneof(
      fc.nat(0xffff).map((code) => String.fromCharCode(code)),
      fc.constant('\u0001'),
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 2 * LONGEST, size: 'max' }), (units) => {
        const stored = storedId(units.join(''))
        expect(storedId(stored)).toBe(stored)
        expect(Buffer.byteLength(JSON.stringify(stored))).toBeLessThanOrEqual(3 * LONGEST + 2)
      }),
      { numRuns: 200 },
    )
  })
})
