import { confidenceOf } from '../events/confidence.js'
import type { StoredEvent } from '../events/types.js'
import type { InLedger } from '../reader/log-entry.js'
import { contentStatuses } from './facts.js'

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

/** The column of tables that are written with content: the items, each with its status. The values are in `data` and `actorId`. */
export const CONTENT_COLUMN = 'content'

/** Returns the cell of {@link CONTENT_COLUMN}: JSON; empty for an event of which no content was asked for. */
export function contentJson(event: StoredEvent): string | undefined {
  const items = contentStatuses(event)
  return items && JSON.stringify(items)
}

export type ColumnName = keyof typeof COLUMNS
export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[]
