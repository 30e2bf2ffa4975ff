import { describe, expect, test } from 'vitest'
import { policyDigest } from './digest.js'
import { parsePolicy } from './parse.js'

const DETECTORS = ['secret', 'email']

function faultOf(policy: unknown): string {
  try {
    parsePolicy(policy, DETECTORS)
    return 'none'
  } catch (error) {
    expect(error).toMatchObject({ code: 'AUDIT_POLICY_INVALID' })
    return (error as Error).message
  }
}

const texts = (count: number) => Array.from({ length: count }, (_, n) => String(n))
const withRules = (...rules: readonly unknown[]) => ({ name: 'p', rules })

test('a sound policy is returned as a copy', () => {
  const policy = {
    $schema: 'urn:spanledger:policy:v1',
    name: 'clinic',
    version: '3',
    rules: [
      { name: 'probes', match: { agent: 'probe' }, payload: 'none' },
      { match: { tool: ['search', 'mcp__*'], tenantId: 't' }, payload: 'content', diagnostics: 'digest' },
    ],
    redact: { email: true },
    pseudonyms: { actor: true },
  }
  const parsed = parsePolicy(policy, DETECTORS)
  expect(parsed).toEqual(policy)
  expect(parsed).not.toBe(policy)
})

test.each<[string, unknown]>([
  [
    "rules[2].match.tennant: unknown field; did you mean 'tenantId'?",
    withRules(
      { match: { tool: 'a' }, payload: 'digest' },
      { match: { tool: 'b' }, payload: 'digest' },
      { match: { tennant: 'x' }, payload: 'none' },
    ),
  ],
  ["rules[0].payloads: unknown field; did you mean 'payload'?", withRules({ payloads: 'none' })],
  ["rule: unknown field; did you mean 'rules'?", { name: 'p', rule: [] }],
  ["pseudonyms.actr: unknown field; did you mean 'actor'?", { name: 'p', pseudonyms: { actr: true } }],
  ["redact.emial: there is no such detector; did you mean 'email'?", { name: 'p', redact: { emial: true } }],
  ['rules[0].payload: ', withRules({ payload: 'everything' })],
  ['rules[0].diagnostics: ', withRules({ diagnostics: 'none' })],
  ['rules[0].diagnostics: an event that is left out', withRules({ payload: 'none', diagnostics: 'digest' })],
  ['rules[0]: it says nothing', withRules({ match: { tool: 'a' } })],
  [
    'rules[1]: it never counts: rules[0] comes first',
    withRules(
      { match: { tool: 'a*' }, payload: 'digest' },
      { match: { tool: ['ab', 'a*'], type: 'x' }, payload: 'none' },
    ),
  ],
  ['rules[1]: it never counts', withRules({ payload: 'digest' }, { match: { tool: 'a' }, payload: 'none' })],
  [
    "rules[1].name: rules[0] is called 'a' as well",
    withRules(
      { name: 'a', match: { tool: 'a' }, payload: 'digest' },
      { name: 'a', match: { tool: 'b' }, payload: 'none' },
    ),
  ],
  [
    "rules[1].name: rules[0] is called '2' as well",
    withRules({ name: '2', match: { tool: 'a' }, payload: 'digest' }, { match: { tool: 'b' }, payload: 'none' }),
  ],
  ['name: it is missing', { rules: [] }],
  ['rules[0].match.tool: ', withRules({ match: { tool: [] }, payload: 'none' })],
  ['rules[0].match.tool: ', withRules({ match: { tool: 'a\0b' }, payload: 'none' })],
  ['name: it holds a NUL or a lone surrogate', { name: '\ud800' }],
  ['__proto__: unknown field', JSON.parse('{"name":"p","__proto__":{"rules":[]}}')],
  [
    'rules[0].match.__proto__: unknown field',
    withRules(JSON.parse('{"match":{"__proto__":{"tool":"a"}},"payload":"none"}')),
  ],
  [
    'rules: they match 10001 texts; 10000 are allowed',
    withRules(
      { match: { tool: texts(1_000) }, payload: 'none' },
      ...Array.from({ length: 9 }, () => ({ match: { tool: texts(1_000) }, payload: 'none' })),
      { match: { tool: 'one more' }, payload: 'none' },
    ),
  ],
  [
    'redact.constructor: there is no such detector',
    { name: 'p', redact: JSON.parse('{"constructor":true,"__proto__":true}') },
  ],
  [
    "rules[0].match.type: no rule is for 'audit_policy_applied': the log records that of itself",
    withRules({ match: { type: ['custom', 'audit_policy_applied'] }, payload: 'none' }),
  ],
  [
    'rules[2]: it never counts: the rules before it are together for all events that it is for',
    withRules(
      { match: { tool: ['a', 'c*'] }, payload: 'digest' },
      { match: { tool: 'b' }, payload: 'none' },
      { match: { tool: ['a', 'b', 'cd'], tenantId: 't' }, payload: 'content' },
    ),
  ],
  ['rules[0].match: it is a list', withRules({ match: [], payload: 'none' })],
  ['pseudonyms: it is a list', { name: 'p', pseudonyms: [] }],
  ['policy: ', null],
  ['name: it is missing', []],
  [
    'policy: it cannot be read',
    Object.defineProperty({}, 'name', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    }),
  ],
])('refuses: %s', (fault, policy) => {
  expect(faultOf(policy)).toContain(`Invalid policy: ${fault}`)
})

test('rules that overlap without one covering the other are sound', () => {
  const rules = [
    { match: { tool: 'a', type: 'x' }, payload: 'none' },
    { match: { tool: 'a*' }, payload: 'digest' },
    { match: { tenantId: 't' }, payload: 'content' },
    { match: { tool: ['c', 'd'] }, payload: 'digest' },
    { match: { tool: ['c', 'd', 'e'] }, payload: 'content' },
    { match: { type: 'run_*' }, payload: 'none' },
  ]
  expect(parsePolicy(withRules(...rules), DETECTORS).rules).toEqual(rules)
})

describe('the digest of a policy', () => {
  test('is that of the same policy with its members in another order, or with another $schema', () => {
    const one = policyDigest({
      name: 'p',
      version: '1',
      rules: [{ payload: 'digest', match: { tool: 'a', type: 'b' } }],
    })
    const other = policyDigest({
      $schema: 'x',
      rules: [{ match: { type: 'b', tool: 'a' }, payload: 'digest' }],
      version: '1',
      name: 'p',
    })
    expect(one).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(other).toBe(one)
  })

  test('is another for rules in another order', () => {
    const [a, b] = [
      { match: { tool: 'a' }, payload: 'digest' },
      { match: { tool: 'b' }, payload: 'none' },
    ] as const
    expect(policyDigest({ name: 'p', rules: [a, b] })).not.toBe(policyDigest({ name: 'p', rules: [b, a] }))
  })
})
