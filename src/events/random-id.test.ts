import { expect, it } from 'vitest'
import { randomId } from './random-id.js'

it('makes version 4 UUIDs, each another, over more than one fetch of random bytes', () => {
  const ids = Array.from({ length: 1000 }, randomId)
  expect(new Set(ids).size).toBe(1000)
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})

it('leaves no digit fixed but those of version and variant', () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>())
  for (let n = 0; n < 2000; n++) for (const [at, digit] of [...randomId()].entries()) seen[at]?.add(digit)
  expect(seen.map(({ size }) => size)).toEqual(
    [...'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'].map((place) => ({ x: 16, y: 4 })[place] ?? 1),
  )
})
