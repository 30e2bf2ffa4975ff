import type { HrTime } from '@opentelemetry/api'
import type { LogRecordLike } from '../../src/otel/log-record.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import type { AuditSpanProcessor } from '../../src/otel/processor.js'
import type { CollectingLog } from './collecting-log.js'

/** Sends log records as an agent on a command line makes them, a millisecond after one another. */
export function agentRecords(
  audit: AuditSpanProcessor,
  { prefix, scope, common }: { prefix: string; scope: string; common: Readonly<Record<string, unknown>> },
): (name: string, attributes?: Readonly<Record<string, unknown>>, more?: Partial<LogRecordLike>) => void {
  const logs = new AuditLogRecordProcessor(audit)
  let count = 0
  return (name, attributes = {}, more = {}) => {
    count++
    const hrTime: HrTime = [1_795_944_082, count * 1_000_000]
    const timestamp = new Date(1_795_944_082_000 + count).toISOString()
    const own = { ...common, 'event.name': `${prefix}${name}`, 'event.timestamp': timestamp }
    logs.onEmit({ hrTime, instrumentationScope: { name: scope }, ...more, attributes: { ...own, ...attributes } })
  }
}

/** Returns the recorded events but those in which the processor speaks of itself. */
export function agentEvents({ events }: CollectingLog) {
  return events
    .filter(({ type }) => !type.startsWith('audit_'))
    .map((event) => ({ ...event, type: event.type as string, data: event.data as Record<string, unknown> }))
}

/** Shuts the processor down, and returns the recorded events of the agent. */
export async function recorded(audit: AuditSpanProcessor, log: CollectingLog) {
  await audit.shutdown()
  return agentEvents(log)
}
