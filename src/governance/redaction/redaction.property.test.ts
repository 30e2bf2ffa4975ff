import fc from 'fast-check'
import { expect, test } from 'vitest'
import { body, CARD, IBAN, PASS, redact } from '../../../test/support/redacted.js'

/** Texts with a secret in them, and what is not to be found any more. */
const planted = fc.constantFrom(
  [CARD.join(''), CARD.join('').slice(0, 12)],
  [CARD.join(' '), CARD.slice(0, 3).join(' ')],
  [IBAN.join(''), IBAN.slice(1).join('')],
  [`ghp_${body(36)}`, body(36)],
  [`password=${PASS}`, PASS],
  [`"api_key":"${PASS}"`, PASS],
  [`Authorization: Bearer ${PASS}`, PASS],
  [`https://ann:${PASS}@host.example/`, PASS],
  [`run --password ${PASS}`, PASS],
)
/** What stands around it: no letter or digit beside it, which would make it a part of another word. */
const fragment = fc.constantFrom(
  'plain words',
  'Stra\u00dfe',
  '\u4f60\u597d',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '\\"',
  '\\\\',
  '\n',
  ', ',
  ': ',
  '=',
  '&',
  '%41',
  '\\u0041',
  '&amp;',
  '4111',
  '12/27',
  '\u0664',
  '\u200b',
  'password',
  'token=',
  'key: ',
  '--secret ',
  'Bearer ',
  '<password>',
  '://',
  '-----BEGIN PRIVATE KEY-----',
  'eyJ',
  'sk-',
  '@',
  '+49 ',
  'null',
  '5',
)
const around = fc.array(fragment, { maxLength: 8 }).map((parts) => parts.join(' '))

function expectSettled(value: unknown): void {
  expect(redact(value)).toEqual({ value, found: [] })
}

test('a secret is not in the text any more, which has the same length, and nothing is found in it again', () => {
  fc.assert(
    fc.property(around, planted, around, (before, [secret = '', hidden = ''], behind) => {
      const text = `${before}\n ${secret} \n${behind}`
      const { value } = redact(text)
      expect(value).not.toContain(hidden)
      expect(value).toHaveLength(text.length)
      expectSettled(value)
    }),
    { numRuns: 200, seed: 16 },
  )
})

test('any text keeps its length, and nothing is found in it again', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), around), (text) => {
      const { value } = redact(text)
      expect(value).toHaveLength(text.length)
      expectSettled(value)
    }),
    { numRuns: 200, seed: 16 },
  )
})

test('a JSON value keeps its form, and its text stays JSON of the same value', () => {
  const leaf = fc.oneof(
    around,
    planted.map(([text]) => text as string),
    fc.integer(),
    fc.constant(Number(CARD.join(''))),
    fc.boolean(),
    fc.constant(null),
  )
  const name = fc.oneof(fc.constantFrom('password', 'name', 'value', 'headers', 'a', CARD.join('')), fc.string())
  const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    ),
  }))
  fc.assert(
    fc.property(fc.array(json), (value) => {
      const before = JSON.stringify(value)
      const kept = redact(value).value
      expect(JSON.stringify(value)).toBe(before)
      expect(JSON.parse(redact(before).value as string)).toEqual(JSON.parse(JSON.stringify(kept)))
      expect(JSON.stringify(kept)).not.toContain(CARD.join(''))
      expectSettled(kept)
    }),
    { numRuns: 100, seed: 16 },
  )
})
