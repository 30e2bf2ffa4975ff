export type { AuditLogReader, EventResults, FoundEvent, LogEntry, LogHead, Results } from './contract.js'
export type { FollowOptions } from './follow.js'
export { type AuditLogDirectoryReader, type OpenReaderOptions, openAuditLogReader } from './open.js'
export type { EventQuery, FollowQuery, Order, RunQuery, RunRef, SessionQuery, TimeInput } from './query.js'
export { createReader, type ReaderOptions } from './reader.js'
export {
  MAX_LISTED,
  type RecordedError,
  type RunStatus,
  type RunSummary,
  type RunTree,
  type ToolCallSummary,
} from './run-summary.js'
export type { SessionSummary } from './sessions.js'
