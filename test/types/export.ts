import type { AuditLogReader, StoredEvent } from 'spanledger'
import {
  type CloudEvent,
  encodeEvents,
  exportLog,
  type OcsfEvent,
  toCloudEvent,
  toOcsf,
  toOtlpLogs,
} from 'spanledger/export'

// Compiled, never run.

export async function exports(log: AuditLogReader): Promise<number> {
  const csv = exportLog(log, { format: 'csv', query: { sessionId: 's-1', since: new Date() } })
  for await (const chunk of csv) chunk satisfies Uint8Array
  // @ts-expect-error an export is in append order
  exportLog(log, { format: 'csv', query: { order: 'desc' } })
  // @ts-expect-error xml is no format
  exportLog(log, { format: 'xml' })
  // @ts-expect-error events no longer have the bytes they are stored in
  encodeEvents(log.events(), { format: 'jsonl' })
  encodeEvents(log.follow({ type: 'run_failed' }), { format: 'ocsf', ocsfVersion: '1.9.0' })
  // @ts-expect-error there is no such version
  exportLog(log, { format: 'ocsf', ocsfVersion: '2.0.0' })
  return csv.afterSeq
}

export function converts(event: StoredEvent): [CloudEvent, OcsfEvent, string | undefined] {
  return [toCloudEvent(event, 'urn:a'), toOcsf(event), toOtlpLogs([event]).resourceLogs[0]?.scopeLogs[0]?.scope.name]
}
