import { createHash } from 'node:crypto'
import { parseTimestamp } from '../events/time.js'
import type { AuditEvent } from '../events/types.js'
import type { SealedEntry } from '../store/contract.js'
import { filedEvent } from '../store/filed-event.js'

let built = 0

/**
 * Creates an entry for tests: a `custom` event of tenant `t`, session `s`, at the start of 2026, except for the given
 * fields. An `id` in `overrides` counts as the caller's own.
 */
export function sealedEntry(overrides: Partial<AuditEvent> = {}): SealedEntry {
  const time = parseTimestamp(overrides.time ?? '2026-01-01T00:00:00Z')
  if (time === undefined) throw new TypeError(`sealedEntry: '${overrides.time}' is no RFC 3339 time`)
  const given: Partial<AuditEvent> = { ...overrides, time }
  const event = {
    v: 1,
    id: `e-${built++}`,
    type: 'custom',
    // In the order of sealed entries.
    time,
    recordedAt: time,
    tenantId: 't',
    sessionId: 's',
    source: { convention: 'test', scope: 'test' },
    data: { name: 'test' },
    ...given,
  } as AuditEvent
  const bytes = Buffer.from(JSON.stringify(event))
  const leafHash = createHash('sha256').update(Buffer.of(0)).update(bytes).digest()
  return { bytes, byteLength: bytes.length, leafHash, event: filedEvent(event), callerId: overrides.id !== undefined }
}

/** Creates `count` entries; `overrides` gets the number of each, from 0. */
export function sealedEntries(
  count: number,
  overrides: (n: number) => Partial<AuditEvent> = () => ({}),
): SealedEntry[] {
  return Array.from({ length: count }, (_, n) => sealedEntry(overrides(n)))
}
