import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJson } from './cut-json.js'

/** Tells whether all that was read of a value stands in it, at the same place. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (typeof part !== 'object' || part === null) return Object.is(part, whole)
  if (typeof whole !== 'object' || whole === null || Array.isArray(part) !== Array.isArray(whole)) return false
  return Object.entries(part).every(
    ([key, value]) => Object.hasOwn(whole, key) && isPartOf(value, (whole as Readonly<Record<string, unknown>>)[key]),
  )
}

test('what is read of JSON text that is cut anywhere stands in the whole text', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 3 }), fc.nat(), (text, at) => {
      const whole: unknown = JSON.parse(text)
      const { extent, value } = readJson(text.slice(0, at % (text.length + 1)))
      expect(extent !== 'cut' || isPartOf(value, whole)).toBe(true)
    }),
  )
})

test.each([
  ['quotes', '"'.repeat(10_000_000)],
  ['escaped quotes', `["${'\\"'.repeat(5_000_000)}`],
  ['backslashes', `["${'\\'.repeat(10_000_000)}`],
  ['lists in lists', '['.repeat(10_000_000)],
  ['objects in objects', '{"a":'.repeat(2_000_000)],
])('ten megabytes of %s are read', (_, text) => {
  expect(['absent', 'cut']).toContain(readJson(text).extent)
})
