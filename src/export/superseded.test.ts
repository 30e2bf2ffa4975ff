import { expect, test } from 'vitest'
import type { StoredEvent } from '../events/types.js'
import { toCloudEvent } from './cloud-events.js'
import { COLUMN_NAMES } from './columns.js'
import { csvRow } from './csv.js'
import { toOcsf } from './ocsf.js'
import { toOtlpLogs } from './otlp-logs.js'

const event = {
  v: 1,
  seq: 3,
  id: 'fact',
  supersedes: 'guess',
  type: 'run_completed',
  time: '2026-11-21T22:35:06.753000000Z',
  recordedAt: '2026-11-21T22:35:06.753000000Z',
  tenantId: 'acme',
  sessionId: 's-1',
  runId: 'r-1',
  source: { convention: 'test', scope: 'test' },
  data: {},
} as StoredEvent

test('every format says which event an event supersedes', () => {
  expect(csvRow(event).split(',')[COLUMN_NAMES.indexOf('supersedes')]).toBe('guess')
  expect(toCloudEvent(event).supersedes).toBe('guess')
  expect(toOcsf(event).unmapped.supersedes).toBe('guess')
  const [record] = toOtlpLogs([event]).resourceLogs[0]?.scopeLogs[0]?.logRecords ?? []
  expect(record?.attributes).toContainEqual({ key: 'spanledger.supersedes', value: { stringValue: 'guess' } })
})
