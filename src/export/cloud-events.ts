import { confidenceOf } from '../events/confidence.js'
import type { AuditEvent, StoredEvent } from '../events/types.js'
import type { TextEncoding } from './contract.js'

/** The `source` of CloudEvents unless another one is given. */
export const DEFAULT_CLOUD_EVENT_SOURCE = 'urn:spanledger'
/** Begins the `type` of every event. */
const TYPE_PREFIX = 'spanledger.'
/** Digits of the greatest position: `sequence` has an order as text. */
const SEQUENCE_DIGITS = 16

/**
 * An event as a CloudEvent (https://github.com/cloudevents/spec, version 1.0.2), with the documented extensions
 * Distributed Tracing, Recorded Time and Sequence. `data` is the whole event without its `seq`, so nothing is lost.
 */
export interface CloudEvent {
  readonly specversion: '1.0'
  /** The event's own: with `source` it tells a repeated delivery. */
  readonly id: string
  readonly source: string
  /** `spanledger.` and the event's type, such as `spanledger.run_failed`. */
  readonly type: string
  /** The run. */
  readonly subject?: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  /** `seq`, with leading zeros. */
  readonly sequence: string
  readonly recordedtime: string
  readonly traceparent?: string
  readonly tenantid: string
  readonly sessionid: string
  /** The event's ground when it is not evidence: `heuristic`, or `claimed` by a client of the application. */
  readonly confidence?: string
  /** The id of the event that this one corrects. */
  readonly supersedes?: string
  readonly data: AuditEvent
}

/**
 * Returns one event as a CloudEvent.
 *
 * @param source - a URI reference that names the log
 */
export function toCloudEvent(event: StoredEvent, source: string = DEFAULT_CLOUD_EVENT_SOURCE): CloudEvent {
  const { seq, ...data } = event
  const { trace, runId, supersedes } = event
  const confidence = confidenceOf(event)
  return {
    specversion: '1.0',
    id: attribute(event.id),
    source,
    type: attribute(`${TYPE_PREFIX}${event.type}`),
    ...(runId !== undefined && { subject: attribute(runId) }),
    time: event.time,
    datacontenttype: 'application/json',
    sequence: String(seq).padStart(SEQUENCE_DIGITS, '0'),
    recordedtime: event.recordedAt,
    // The flags are not recorded: 00.
    ...(trace !== undefined && { traceparent: `00-${trace.traceId}-${trace.spanId}-00` }),
    tenantid: attribute(event.tenantId),
    sessionid: attribute(event.sessionId),
    ...(confidence !== undefined && { confidence: attribute(confidence) }),
    ...(supersedes !== undefined && { supersedes: attribute(supersedes) }),
    data: data as AuditEvent,
  }
}

export function cloudEvents(source: string): TextEncoding {
  return { next: (event) => `${JSON.stringify(toCloudEvent(event, source))}\n` }
}

/** Matches what the text of an attribute may not hold (CloudEvents 3.1), and `%`, so that no two texts become one. */
const NOT_ALLOWED = /[%\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/gu

/** Characters that no attribute may hold are percent-encoded; `data` has them as they are. */
function attribute(text: string): string {
  return text.replace(NOT_ALLOWED, percentEncoded)
}

function percentEncoded(char: string): string {
  return Buffer.from(char).toString('hex').toUpperCase().replace(/../g, '%$&')
}
