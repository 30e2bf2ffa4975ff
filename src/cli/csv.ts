import type { StoredEvent } from '../events/types.js'

const COLUMNS: Readonly<Record<string, (event: StoredEvent) => unknown>> = {
  seq: ({ seq }) => seq,
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
  data: ({ data }) => JSON.stringify(data),
}

/** RFC 4180: lines end with CR LF. */
export const CSV_HEADER = `${Object.keys(COLUMNS).join(',')}\r\n`

export function csvRow(event: StoredEvent): string {
  const cells = Object.values(COLUMNS).map((column) => cell(column(event)))
  return `${cells.join(',')}\r\n`
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  // A spreadsheet would run what begins like a formula (OWASP, CSV injection).
  const text = String(value).replace(/^[=+\-@\t\r]/, "'$&")
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
