import { describe, expect, test } from 'vitest'
import { builtInConventions } from '../../src/otel/conventions/index.js'
import { conventionCases } from './convention-cases.js'
import { dialects, NOT_SPOKEN } from './dialects.js'

describe.each(Object.entries(dialects))('%s', (_, dialect) => conventionCases(dialect))

test('each convention speaks in these cases, or has no runs to speak of', () => {
  const known = [...Object.keys(dialects), ...NOT_SPOKEN]
  expect(builtInConventions.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([])
})
