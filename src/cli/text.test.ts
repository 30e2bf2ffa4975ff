import { expect, it } from 'vitest'
import { cost } from './text.js'

it.each([
  [0, '$0.00'],
  [0.00003, '<$0.0001'],
  [0.0012, '$0.0012'],
  [0.012, '$0.012'],
  [0.5, '$0.50'],
  [1234.567, '$1234.57'],
])('shows %d US dollars as %s, and nothing but nothing as $0.00', (usd, shown) => {
  expect(cost(usd)).toBe(shown)
})
