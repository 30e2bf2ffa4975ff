import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { Alteration } from '../../src/events/types.js'
import type { RecordInput } from '../../src/log/contract.js'
import { MAX_ENTRY_BYTES } from '../../src/log/sealing/plain.js'
import { Sealer } from '../../src/log/sealing/seal.js'

/** The time of {@link sealer}: seconds, and as events have it. */
export const SECONDS = 1_795_300_506
export const NOW = '2026-11-21T22:35:06.000000007Z'

/** Returns a sealer whose clock stands still. */
export const sealer = (): Sealer => new Sealer(() => [SECONDS, 7], 'test.example/log')

/** Seals what may be no event at all, and reads it back. */
export function seal(input: unknown): Record<string, unknown> {
  const {
    entry: { bytes, leafHash },
    event,
  } = sealer().seal(input as RecordInput, false)
  expect(bytes.length).toBeLessThanOrEqual(MAX_ENTRY_BYTES)
  expect(Buffer.from(leafHash)).toEqual(createHash('sha256').update(Buffer.of(0)).update(bytes).digest())
  const stored = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
  expect(stored).toEqual(event)
  return stored
}

/** Seals an event with this `data`. */
export function sealData(data: unknown): { data: unknown; altered: readonly Alteration[] | undefined } {
  const { data: stored, altered } = seal({ type: 'custom', data })
  return { data: stored, altered: altered as readonly Alteration[] | undefined }
}

/** Throws, as a getter may. */
export function throwing(): never {
  throw new Error('not today')
}
