import { expect, test } from 'vitest'
import { nearestName } from './nearest.js'

const known = ['tenantId', 'sessionId', 'runId', 'since', 'until', 'limit']

test.each([
  ['sesionId', 'sessionId'],
  ['session_id', 'sessionId'],
  ['SINCE', 'since'],
  ['untli', 'until'],
])('%s most likely means %s', (mistyped, meant) => {
  expect(nearestName(mistyped, known)).toBe(meant)
})

test.each(['', 'x', 'colour', 'l'.repeat(1e6)])(
  'suggests nothing for a name that is far from all: %.10s',
  (mistyped) => {
    expect(nearestName(mistyped, known)).toBeUndefined()
  },
)
