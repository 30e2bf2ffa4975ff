import { describe, expect, test } from 'vitest'
import { builtInConventions } from '../../src/otel/conventions/index.js'
import { courseCases } from './cases/course.js'
import { damageCases } from './cases/damage.js'
import { identityCases } from './cases/identity.js'
import { orderCases } from './cases/orders.js'
import { tokenCases } from './cases/tokens.js'
import { conventionOf, dialects, NOT_SPOKEN } from './dialects/index.js'

/* The cases that hold for each convention, whatever its words. */

describe.each(Object.entries(dialects))('%s', (name, dialect) => {
  courseCases(dialect, conventionOf(name))
  tokenCases(dialect)
  identityCases(dialect)
  orderCases(dialect)
  damageCases(dialect)
})

test('each convention speaks in these cases, or has no runs to speak of', () => {
  const known = [...Object.keys(dialects).map(conventionOf), ...Object.keys(NOT_SPOKEN)]
  expect(builtInConventions.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([])
})
