import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { redact } from '../../../test/support/redacted.js'

const RECORDINGS = join(import.meta.dirname, '../../../test/fixtures/recordings')

test('in spans of real instrumentations nothing is masked but the card in an error message', {
  timeout: 60_000,
}, () => {
  const masked = new Set<unknown>()
  for (const content of contents()) {
    const { value, found, failed } = redact(content)
    expect(failed).toBeUndefined()
    if (found.length > 0) masked.add(value)
  }
  const texts = [...masked].map((value) => JSON.stringify(value))
  expect(texts.length).toBeGreaterThan(0)
  for (const text of texts) expect(text).toMatch(/\{\\*"card\\*":\\*"\*{4}-\*{4}-\*{4}-1111\\*"/)
})

/** All texts of the recordings, each once, and all lists of attributes. */
function contents(): Set<unknown> {
  const found = new Set<unknown>()
  for (const path of readdirSync(RECORDINGS, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.json')) collect(JSON.parse(readFileSync(join(RECORDINGS, path), 'utf8')), found)
  }
  return found
}

function collect(value: unknown, found: Set<unknown>): void {
  if (typeof value === 'string') found.add(value)
  if (typeof value !== 'object' || value === null) return
  const { attributes } = value as { readonly attributes?: unknown }
  if (attributes) found.add(attributes)
  for (const member of Object.values(value)) collect(member, found)
}
