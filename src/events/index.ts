export { LIMIT_AXES } from './catalogue.js'
export { CONFIDENCES, type Confidence, weakest } from './confidence.js'
export { AuditLogError, type AuditLogErrorCode, EntryRemovedError } from './errors.js'
export { millisBetween, parseTimestamp, type Timestamp, timestampFromHrTime, timestampFromMillis } from './time.js'
export type {
  AgentRef,
  Alteration,
  AuditEvent,
  AuditEventData,
  AuditEventInput,
  AuditEventType,
  AuditEventTypes,
  ClaimedScope,
  EventSource,
  LimitAxis,
  StoredEvent,
  TokenUsage,
  TraceRef,
} from './types.js'
export type { DataSchema } from './validate.js'
