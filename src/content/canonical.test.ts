import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reversed } from '../../test/support/reversed.js'
import { canonicalJson, canonicalText, MAX_VALUE_BYTES, valueBytes } from './canonical.js'

describe('JSON as RFC 8785 writes it', () => {
  // Section 3.2.2 and 3.2.3 of the RFC.
  test('its examples', () => {
    const numbers = JSON.parse('[333333333.33333329]').concat([1e30, 4.5, 2e-3, 0.000000000000000000000000001])
    const text = '€$\u000F\u000aA\'\u0042\u0022\u005c\\"/'
    expect(canonicalJson({ numbers, string: text, literals: [null, true, false] })).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    const sorted = {
      '\u20ac': 'Euro',
      '\r': 'CR',
      '\ufb33': 'Dalet',
      1: 'One',
      '\ud83d\ude00': 'Smiley',
      '\u0080': 'Control',
      '\u00f6': 'o',
    }
    expect([...canonicalJson(sorted).matchAll(/:"(\w+)"/g)].map(([, name]) => name)).toEqual([
      'CR',
      'One',
      'Control',
      'o',
      'Euro',
      'Smiley',
      'Dalet',
    ])
  })

  test('says the same value, whatever the order of members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value)
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(json))
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value))
        expect(canonicalJson(reversed(JSON.parse(json)))).toBe(canonicalJson(value))
      }),
    )
  })
})

describe('a text', () => {
  test('that is a JSON object or list counts as that', () => {
    for (const text of ['{"b":1, "a":[1.0,2]}', ' [ {"x" : "y"} ] ']) {
      expect(canonicalText(text)).toMatchObject(canonicalText(JSON.parse(text)))
      expect(canonicalText(text).kind).toBe('json')
    }
  })

  test.each([
    ['a member twice', '{"a":1,"a":2}'],
    ['a member twice, below', '[{"a":{"b":1,"b":1}}]'],
    ['a number beyond a double', '{"n":12345678901234567890}'],
    ['a fraction beyond a double', '{"n":0.12345678901234567}'],
    ['a number below a double', '{"n":1e-400}'],
    ['a negative one', '[-1E-400]'],
    ['a number above a double', '{"n":1e400}'],
    ['an integer behind 2^53', '{"n":9007199254740993}'],
    ['a number of which a double has fewer digits', '{"n":1.2345678901234e-320}'],
    ['a member __proto__ twice', '{"__proto__":1,"__proto__":1}'],
    ['a list that is too deep', `${'['.repeat(65)}${']'.repeat(65)}`],
    ['a list that is far too deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['no JSON', '{"a":'],
    ['a word', 'hello'],
    ['a number', '5'],
  ])('with %s stays the text that it is', (_, text) => {
    expect(canonicalText(text)).toMatchObject({ kind: 'text', text })
  })

  test.each([
    ['[1e2,0.10,-0,0e999999999999]', '[100,0.1,0,0]'],
    ['[9007199254740992,100000000000000000000]', '[9007199254740992,100000000000000000000]'],
    ['[1.7976931348623157e308,5e-324,0.1234567890123456]', '[1.7976931348623157e+308,5e-324,0.1234567890123456]'],
    ['["12345678901234567890","1e-400",1]', '["12345678901234567890","1e-400",1]'],
    ['{"a:b":"c:\\"d:"}', '{"a:b":"c:\\"d:"}'],
    ['{"__proto__":1.0}', '{"__proto__":1}'],
  ])('%s says no more than its value', (text, canonical) => {
    expect(canonicalText(text)).toMatchObject({ kind: 'json', text: canonical })
  })

  test('with numbers is taken for the same value only where their decimals are equal', () => {
    const digits = fc.stringMatching(/^[1-9]\d{0,20}$/)
    fc.assert(
      fc.property(digits, fc.integer({ min: -345, max: 310 }), (n, power) => {
        const here = canonicalText(`[${n}e${power}]`)
        const behind = canonicalText(`[${BigInt(n) + 1n}e${power}]`)
        expect(behind.text).not.toBe(here.text)
        if (here.kind === 'json') expect(canonicalText(`[${n}0e${power - 1}]`).text).toBe(here.text)
      }),
    )
  })

  test('is taken for the same value only where it is', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (one, other) => {
        const isSame = canonicalText(one).text === canonicalText(other).text
        if (isSame && one !== other) expect(canonicalJson(JSON.parse(one))).toBe(canonicalJson(JSON.parse(other)))
      }),
    )
  })
})

describe('hostile values', () => {
  const cyclic: Record<string, unknown> = { a: 1 }
  cyclic.self = cyclic
  let deep: unknown = 1
  for (let level = 0; level < 100_000; level++) deep = [deep]
  const throwing = {
    get a() {
      throw new Error('no')
    },
    b: 1,
  }

  test.each([
    ['cyclic', cyclic, '{"a":1}', 'cyclic'],
    ['a getter that throws', throwing, '{"b":1}', 'unreadable'],
    ['a function', { f: () => 1 }, '{}', 'not_json'],
    ['an infinity', [Number.POSITIVE_INFINITY], '[null]', 'not_json'],
    ['a large integer', { n: 2n ** 70n }, `{"n":"${2n ** 70n}"}`, 'not_json'],
    ['bytes', { b: Buffer.alloc(1e6) }, '{}', 'not_json'],
    ['a map', new Map([[1, 2]]), 'null', 'not_json'],
    ['a lone surrogate', { a: '\ud800' }, '{"a":"\ufffd"}', 'malformed_unicode'],
  ])('%s', (_, value, text, reason) => {
    expect(canonicalText(value)).toMatchObject({ text, kind: 'json' })
    expect([...canonicalText(value).reasons]).toEqual([reason])
  })

  test('NUL, __proto__ and an empty name are like any others', () => {
    const value = JSON.parse('{"__proto__":1,"":"\\u0000","constructor":{"a":1}}')
    expect(canonicalText(value).text).toBe('{"":"\\u0000","__proto__":1,"constructor":{"a":1}}')
  })

  test('too deep, too wide and too long end', () => {
    expect([...canonicalText(deep).reasons]).toEqual(['too_deep'])
    expect([...canonicalText(Array.from({ length: 200_000 }, () => 1)).reasons]).toEqual(['truncated'])
    expect([...canonicalText(new Proxy([], { get: (_, name) => (name === 'length' ? 1e15 : 1) })).reasons].length).toBe(
      1,
    )
    const long = canonicalText({ a: 'x'.repeat(10_000_000) })
    expect([...long.reasons]).toEqual(['truncated'])
    expect(valueBytes(long.text, long.kind)).toMatchObject({ kind: 'text' })
  })
})

describe('the bytes of a value', () => {
  test('are at most 256 KiB, and end with a whole character', () => {
    for (const character of ['a', 'ö', '€', '😀']) {
      for (let shift = 0; shift < 4; shift++) {
        const text = 'x'.repeat(shift) + character.repeat(MAX_VALUE_BYTES)
        const { bytes } = valueBytes(canonicalText(text).text, 'text')
        expect(bytes.length).toBeLessThanOrEqual(MAX_VALUE_BYTES)
        expect(bytes.length).toBeGreaterThan(MAX_VALUE_BYTES - 4)
        expect(text.startsWith(new TextDecoder('utf-8', { fatal: true }).decode(bytes))).toBe(true)
      }
    }
  })
})
