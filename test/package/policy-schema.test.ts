import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { policyJsonSchema } from '../../scripts/event-schema.mjs'
import { parsePolicy, policySchema } from '../../src/governance/policy/parse.js'

const published = JSON.parse(
  readFileSync(new URL('../../schema/policy.schema.json', import.meta.url), 'utf8'),
) as object
const accepts = new Ajv2020({ allErrors: true, strict: true, strictRequired: false }).compile(published)

test('the published JSON Schema of policies is what is checked today (otherwise: npm run build)', () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(policyJsonSchema(policySchema))))
})

test.each([
  [true, { name: 'p' }],
  [
    true,
    {
      name: 'p',
      version: '1',
      rules: [{ match: { tool: ['a*', 'b'], type: 'x' }, payload: 'none' }],
      pseudonyms: { actor: true },
    },
  ],
  [
    true,
    { name: 'p', $schema: 'urn:spanledger:policy:v1', rules: [{ diagnostics: 'digest' }], redact: { email: true } },
  ],
  [false, {}],
  [false, { name: '' }],
  [false, { name: 'p', rules: {} }],
  [false, { name: 'p', rules: [{ match: { tennant: 'x' }, payload: 'none' }] }],
  [false, { name: 'p', rules: [{ payload: 'all' }] }],
  [false, { name: 'p', rules: [{ diagnostics: 'none' }] }],
  [false, { name: 'p', rules: [{ match: { tool: [] }, payload: 'none' }] }],
  [false, { name: 'p', redact: { email: 1 } }],
  [false, { name: 'p', pseudonyms: { actor: 'yes' } }],
])('JSON Schema and parsing both say %s to %j', (isSound, policy) => {
  expect(accepts(policy)).toBe(isSound)
  let isParsed = true
  try {
    parsePolicy(policy, ['email'])
  } catch {
    isParsed = false
  }
  expect(isParsed).toBe(isSound)
})

/** Any value where a policy has one of another kind. */
const wrong = fc.constantFrom<unknown>(null, 5, true, '', {}, 'everything')
const text = fc.constantFrom('a', 'b*', 'c'.repeat(1_024))
const pattern = fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 2 }))
const orWrong = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: wrong })
const rule = fc.record(
  {
    name: orWrong(fc.constantFrom('one', 'd'.repeat(1_025))),
    match: orWrong(
      fc.record({ tool: orWrong(pattern), agent: orWrong(pattern), x: wrong }, { requiredKeys: ['tool'] }),
    ),
    payload: orWrong(fc.constantFrom('none', 'metadata', 'digest', 'content')),
    diagnostics: orWrong(fc.constantFrom('metadata', 'digest', 'content')),
    y: wrong,
  },
  { requiredKeys: ['match'] },
)
const policy = fc.record(
  {
    name: orWrong(text),
    version: orWrong(text),
    rules: orWrong(fc.array(orWrong(rule), { maxLength: 1 })),
    redact: orWrong(fc.record({ email: orWrong(fc.boolean()) })),
    pseudonyms: orWrong(fc.record({ actor: orWrong(fc.boolean()) })),
    z: wrong,
  },
  { requiredKeys: ['name'] },
)

test('JSON Schema says of any policy what its schema here says', () => {
  fc.assert(
    fc.property(orWrong(policy), (given) => {
      expect(accepts(given)).toBe(v.safeParse(policySchema, given).success)
    }),
    { numRuns: 5_000, seed: 16 },
  )
})
