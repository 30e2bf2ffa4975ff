import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordInput } from '../../log/contract.js'
import { compileRules } from './matching.js'
import type { PolicyMatch, PolicyPattern, PolicyRule } from './policy.js'

const word = fc.constantFrom('a', 'ab', 'abc', 'b', 'default', 'tool_call_started', 'tool_a', 'run_started')
const pattern: fc.Arbitrary<PolicyPattern> = fc.oneof(
  word,
  word.map((text) => `${text.slice(0, 2)}*`),
  fc.constant('*'),
  fc.array(
    fc.oneof(
      word,
      word.map((text) => `${text}*`),
    ),
    { minLength: 1, maxLength: 3 },
  ),
)
const match: fc.Arbitrary<PolicyMatch> = fc.record(
  { tenantId: pattern, sessionId: pattern, agent: pattern, tool: pattern, type: pattern, convention: pattern },
  { requiredKeys: [] },
)
const rules: fc.Arbitrary<readonly PolicyRule[]> = fc.array(
  fc.record({ match, payload: fc.constantFrom('none', 'digest') }, { requiredKeys: ['payload'] }),
  { maxLength: 4 },
)
const event = fc.record(
  {
    type: word,
    tenantId: word,
    sessionId: word,
    agent: fc.record({ id: word, name: word }, { requiredKeys: [] }),
    source: fc.record({ convention: word, scope: word }),
    data: fc.record({ tool: fc.record({ name: word }), agent: fc.record({ id: word }) }, { requiredKeys: [] }),
  },
  { requiredKeys: ['type'] },
)
type Drawn = typeof event extends fc.Arbitrary<infer T> ? T : never

/** The values of a field, as the documentation has them. */
function valuesOf(drawn: Drawn, field: keyof PolicyMatch): readonly (string | undefined)[] {
  switch (field) {
    case 'tenantId':
      return [drawn.tenantId ?? 'default']
    case 'sessionId':
    case 'type':
      return [drawn[field]]
    case 'convention':
      return [drawn.source?.convention]
    case 'tool':
      return [drawn.type.startsWith('tool_') ? drawn.data?.tool?.name : undefined]
    case 'agent': {
      const agent: { id?: string; name?: string } | undefined =
        drawn.agent ?? (drawn.type === 'run_started' ? drawn.data?.agent : undefined)
      return [agent?.id, agent?.name]
    }
  }
}

function fits(value: string | undefined, by: string): boolean {
  if (value === undefined) return false
  return by.endsWith('*') ? value.slice(0, by.length - 1) === by.slice(0, -1) : value === by
}

test('the first rule of which every field fits counts, as in a model', () => {
  fc.assert(
    fc.property(rules, event, (given, drawn) => {
      const expected = given.findIndex(({ match: fields = {} }) =>
        Object.entries(fields).every(([field, by]) =>
          valuesOf(drawn, field as keyof PolicyMatch).some((value) =>
            [by].flat().some((each) => fits(value, each as string)),
          ),
        ),
      )
      const found = compileRules(given).findIndex((rule) => rule.fits(drawn as RecordInput))
      expect(found).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('a rule that names a field which the event lacks does not fit', () => {
  const [rule] = compileRules([{ match: { agent: '*' }, payload: 'none' }])
  expect(rule?.fits({ type: 'custom', data: { name: 'x' } })).toBe(false)
  expect(rule?.fits({ type: 'custom', agent: { id: 'a' }, data: { name: 'x' } })).toBe(true)
})
