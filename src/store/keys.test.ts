import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  callerIdKey,
  encodeComponent,
  MAX_COMPONENT_BYTES,
  openRunKey,
  postingPrefix,
  prefixEnd,
  unscopedCallerIdKey,
} from './keys.js'

const codeUnits = (unit: fc.Arbitrary<number>, maxLength: number) =>
  fc.array(unit, { maxLength }).map((units) => String.fromCharCode(...units))

/** Strings that are near each other and near every border: control bytes, surrogates alone and paired, key lengths. */
const id = fc.oneof(
  codeUnits(fc.constantFrom(0, 1, 2, 3, 0x2f, 0x3a, 0x61, 0x7f, 0x80, 0xff, 0xd800, 0xdc00, 0xffff), 4),
  codeUnits(fc.integer({ min: 0, max: 0xffff }), 12),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .tuple(
      fc.constantFrom('a', 'é', '€', '😀', '\ud800', '\0'),
      fc.integer({ min: 20, max: 140 }),
      fc.constantFrom('', 'b', '\udc00'),
    )
    .map(([unit, count, tail]) => unit.repeat(count) + tail),
)

const hex = (key: Uint8Array) => Buffer.from(key).toString('hex')
const within = (key: Buffer, prefix: Buffer) => key.compare(prefix) >= 0 && key.compare(prefixEnd(prefix)) < 0
const bytes = (value: string) => Buffer.byteLength(value)

describe('keys', () => {
  it('give different values different keys', () => {
    fc.assert(
      fc.property(id, id, id, id, (a, b, c, d) => {
        const same = a === c && b === d
        expect(postingPrefix('session', [a, b]).equals(postingPrefix('session', [c, d]))).toBe(same)
        expect(callerIdKey(a, b).equals(callerIdKey(c, d))).toBe(same)
        expect(openRunKey(a, b).equals(openRunKey(c, d))).toBe(same)
        expect(encodeComponent(a) === encodeComponent(c)).toBe(a === c)
      }),
      { numRuns: 2000 },
    )
  })

  it('keep apart values whose parts join to the same text', () => {
    fc.assert(
      fc.property(id, fc.nat(), fc.nat(), (text, i, j) => {
        const [at, other] = [i % (text.length + 1), j % (text.length + 1)]
        fc.pre(at !== other)
        const split = (n: number) => postingPrefix('session', [text.slice(0, n), text.slice(n)])
        expect(hex(split(at))).not.toBe(hex(split(other)))
      }),
    )
  })

  it('hold a value within the range of its own parts, and out of every other', () => {
    fc.assert(
      fc.property(id, id, id, (session, tenant, other) => {
        const key = postingPrefix('session', [session, tenant])
        expect(within(key, postingPrefix('session', [session, tenant]))).toBe(true)
        expect(within(key, postingPrefix('session', [session]))).toBe(true)
        expect(within(key, postingPrefix('session', []))).toBe(true)
        expect(within(key, postingPrefix('session', [other]))).toBe(other === session)
        expect(within(key, postingPrefix('session', [session, other]))).toBe(other === tenant)
        expect(within(key, postingPrefix('run', [session]))).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('keep kinds and indexes apart', () => {
    fc.assert(
      fc.property(id, (value) => {
        const indexes = (['session', 'run', 'type', 'agent', 'tenant', 'parent'] as const).map((name) =>
          postingPrefix(name, [value]),
        )
        const keys = [...indexes, callerIdKey(value, value), unscopedCallerIdKey(value), openRunKey(value, value)]
        expect(new Set(keys.map(hex)).size).toBe(keys.length)
      }),
    )
  })

  it('stay short however long an id is, and tell long ids apart by their last character', () => {
    const long = 'x'.repeat(10_240)
    expect(callerIdKey('t', long).length).toBeLessThan(64)
    expect(hex(callerIdKey('t', `${long}a`))).not.toBe(hex(callerIdKey('t', `${long}b`)))
    expect(hex(callerIdKey('t', `${long}\ud800`))).not.toBe(hex(callerIdKey('t', `${long}\ud801`)))
    expect(hex(callerIdKey('t', `${long}\ud800`))).not.toBe(hex(callerIdKey('t', `${long}\ufffd`)))
  })

  it('hold an id as it is up to the limit', () => {
    for (const unit of ['a', 'é', '😀']) {
      const longest = unit.repeat(MAX_COMPONENT_BYTES / bytes(unit))
      expect(callerIdKey('t', longest).includes(longest)).toBe(true)
      expect(callerIdKey('t', longest + unit).includes(longest)).toBe(false)
    }
  })
})

describe('prefixEnd', () => {
  it('is above every key with the prefix, also where the prefix ends in 0xff', () => {
    expect(hex(prefixEnd(Buffer.of(3, 0x41)))).toBe('0342')
    expect(hex(prefixEnd(Buffer.of(3, 0xff, 0xff)))).toBe('04')
  })
})
