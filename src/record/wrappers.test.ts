import { expect, test } from 'vitest'
import { withAuditing, withRun, withScope } from './index.js'

const untyped = (fn: unknown) => fn as (...given: unknown[]) => unknown

test.each([
  ['withRun', [untyped(withRun), 'x']],
  ['withRun', [untyped(withRun), { agentName: 'a' }]],
  ['withRun', [untyped(withRun), () => {}]],
  ['withRun', [untyped(withRun), { agentName: 'a' }, Promise.resolve()]],
  ['withScope', [untyped(withScope), { tenantId: 't' }]],
  ['withAuditing', [untyped(withAuditing), false]],
] as const)('%s without a function is a TypeError that names it', (name, [wrapper, ...given]) => {
  expect(() => wrapper(...given)).toThrow(TypeError)
  expect(() => wrapper(...given)).toThrow(new RegExp(`^${name}: expected a function`))
})

test('withRun runs the function whatever its options are', () => {
  expect(untyped(withRun)('x', () => 7)).toBe(7)
})
