import { confidenceOf } from '../events/confidence.js'
import type { StoredEvent } from '../events/types.js'
import type { InLedger } from '../reader/log-entry.js'

/** The columns of a table of events: what the envelope says, and `data` as JSON. */
export const COLUMNS = {
  // Of a ledger of several logs, with the number of the log.
  seq: ({ seq, log }) => (log === undefined ? seq : `${log}:${seq}`),
  time: ({ time }) => time,
  recordedAt: ({ recordedAt }) => recordedAt,
  type: ({ type }) => type,
  tenantId: ({ tenantId }) => tenantId,
  sessionId: ({ sessionId }) => sessionId,
  runId: ({ runId }) => runId,
  parentRunId: ({ parentRunId }) => parentRunId,
  agentId: ({ agent }) => agent?.id,
  agentName: ({ agent }) => agent?.name,
  actorId: ({ actor }) => actor?.id,
  traceId: ({ trace }) => trace?.traceId,
  spanId: ({ trace }) => trace?.spanId,
  id: ({ id }) => id,
  service: ({ source }) => source?.service,
  confidence: confidenceOf,
  supersedes: ({ supersedes }) => supersedes,
  data: ({ data }) => JSON.stringify(data),
} as const satisfies Record<string, (event: StoredEvent & InLedger) => string | number | undefined>

export type ColumnName = keyof typeof COLUMNS
export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[]
