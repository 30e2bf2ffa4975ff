import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { redact } from '../../../test/support/redacted.js'

const RECORDINGS = join(import.meta.dirname, '../../../test/fixtures/recordings')

test('in spans of real instrumentations nothing is masked but the card in an error message', () => {
  const masked = new Set<string>()
  for (const path of readdirSync(RECORDINGS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))) {
    for (const text of texts(JSON.parse(readFileSync(join(RECORDINGS, path), 'utf8')))) {
      const { value, found, failed } = redact(text)
      expect(failed).toBeUndefined()
      for (const { by } of found) masked.add(`${path}: ${by}`)
      if (found.length > 0) expect(value).toMatch(/card\W+\*{4}-\*{4}-\*{4}-1111/)
    }
  }
  expect([...masked]).toEqual([`${join('wild', 'error-message-holds-tool-input.json')}: payment_card`])
})

/** All texts of a recording, and the values of attributes that are lists or objects. */
function* texts(value: unknown): Generator<unknown> {
  if (typeof value === 'string' || typeof value === 'number') yield value
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) yield value
  for (const member of Object.values(value)) yield* texts(member)
}
