import { confidenceOf } from '../events/confidence.js'
import type { StoredEvent } from '../events/types.js'
import type { InLedger } from '../reader/log-entry.js'
import { type AnyValue, anyValue, type KeyValue, keyValues } from './any-value.js'
import type { TextEncoding } from './contract.js'
import { epochNanos } from './event-times.js'
import { contentStatuses, errorOf, severityOf } from './facts.js'

/** @see EncodeOptions.recordsPerRequest */
export const DEFAULT_RECORDS_PER_REQUEST = 512

/** `ExportLogsServiceRequest` of OTLP 1.x in its JSON encoding: the body of `POST /v1/logs`. */
export interface OtlpLogsRequest {
  readonly resourceLogs: readonly OtlpResourceLogs[]
}

/** The records of one service. */
export interface OtlpResourceLogs {
  readonly resource: { readonly attributes: readonly KeyValue[] }
  readonly scopeLogs: readonly OtlpScopeLogs[]
}

/** The records of one instrumentation scope of a service. */
export interface OtlpScopeLogs {
  readonly scope: { readonly name: string; readonly version?: string }
  readonly logRecords: readonly OtlpLogRecord[]
}

/** An event as an OTLP log record. */
export interface OtlpLogRecord {
  /** Nanoseconds since the Unix epoch; `'0'`, unknown, for a time that a uint64 cannot say. */
  readonly timeUnixNano: string
  /** The time at which the log saw it, likewise. */
  readonly observedTimeUnixNano: string
  /** As in OpenTelemetry's data model: 9 INFO, 13 WARN, 17 ERROR. */
  readonly severityNumber: number
  readonly severityText: string
  /** `spanledger.` and the event's type. */
  readonly eventName: string
  /** The event's `data`. */
  readonly body: AnyValue
  readonly attributes: readonly KeyValue[]
  readonly traceId?: string
  readonly spanId?: string
}

/** Returns events as one request, grouped by service and instrumentation scope, in their order. */
export function toOtlpLogs(events: readonly StoredEvent[]): OtlpLogsRequest {
  const services = new Map<string | undefined, Map<string, ScopedRecords>>()
  for (const event of events) {
    const { service } = event.source ?? {}
    const scopes = services.get(service) ?? new Map<string, ScopedRecords>()
    services.set(service, scopes)
    recordsOfScope(scopes, event).push(logRecord(event))
  }
  return {
    resourceLogs: Array.from(services, ([service, scopes]) => ({
      resource: { attributes: keyValues({ 'service.name': service }) },
      scopeLogs: [...scopes.values()],
    })),
  }
}

interface ScopedRecords extends OtlpScopeLogs {
  readonly logRecords: OtlpLogRecord[]
}

function recordsOfScope(scopes: Map<string, ScopedRecords>, { source }: StoredEvent): OtlpLogRecord[] {
  const { scope: name = '', scopeVersion: version } = source ?? {}
  const key = JSON.stringify([name, version])
  const known = scopes.get(key)
  if (known) return known.logRecords
  const logRecords: OtlpLogRecord[] = []
  scopes.set(key, { scope: { name, ...(version !== undefined && { version }) }, logRecords })
  return logRecords
}

/** Holds back the events of a request until it is full. */
export function otlpLogs(recordsPerRequest: number): TextEncoding {
  let held: StoredEvent[] = []
  const request = () => {
    const text = held.length === 0 ? '' : `${JSON.stringify(toOtlpLogs(held))}\n`
    held = []
    return text
  }
  return {
    next(event) {
      held.push(event)
      return held.length < recordsPerRequest ? '' : request()
    },
    end: request,
  }
}

const SEVERITY = { info: [9, 'INFO'], low: [13, 'WARN'], medium: [17, 'ERROR'], high: [17, 'ERROR'] } as const

function logRecord(event: StoredEvent): OtlpLogRecord {
  const { trace, agent, data } = event
  const [severityNumber, severityText] = SEVERITY[severityOf(event.type)]
  return {
    timeUnixNano: epochNanos(event.time),
    observedTimeUnixNano: epochNanos(event.recordedAt),
    severityNumber,
    severityText,
    eventName: `spanledger.${event.type}`,
    body: anyValue(data),
    attributes: keyValues({
      'log.record.uid': event.id,
      'spanledger.seq': event.seq,
      'spanledger.log': (event as InLedger).log,
      'spanledger.tenant.id': event.tenantId,
      'session.id': event.sessionId,
      'spanledger.run.id': event.runId,
      'spanledger.parent_run.id': event.parentRunId,
      'gen_ai.agent.id': agent?.id,
      'gen_ai.agent.name': agent?.name,
      'user.id': event.actor?.id,
      'error.type': errorOf(event)?.code,
      'spanledger.parent_span.id': trace?.parentSpanId,
      'spanledger.convention': event.source?.convention,
      'spanledger.confidence': confidenceOf(event),
      'spanledger.supersedes': event.supersedes,
      'spanledger.altered': event.altered,
      'spanledger.content': contentStatuses(event),
    }),
    ...(trace !== undefined && { traceId: trace.traceId, spanId: trace.spanId }),
  }
}
