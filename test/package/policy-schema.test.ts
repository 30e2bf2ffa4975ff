import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
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
