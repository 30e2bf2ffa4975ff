export type { AgentSummary } from './agents.js'
export { Commits } from './commits.js'
export type {
  AuditLogReader,
  EventResults,
  FoundEvent,
  LogEntry,
  LogHead,
  Page,
  PageOptions,
  Results,
} from './contract.js'
export type { FollowOptions } from './follow.js'
export { type AuditLogDirectoryReader, type OpenReaderOptions, openAuditLogReader } from './open.js'
export type { AuditLogStoreReader, OpenStoreReaderOptions } from './open-store.js'
export type { ConsistencyProof, Evidence, InclusionProof, ProvedEntry, ProveOptions } from './prove.js'
export type {
  AgentQuery,
  EventQuery,
  FollowQuery,
  Order,
  RunQuery,
  RunRef,
  SessionQuery,
  StatsGrouping,
  StatsQuery,
  TimeInput,
} from './query.js'
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
export {
  type InShard,
  openShardedReader,
  type ShardedReader,
  type ShardedReaderOptions,
  type ShardQuery,
} from './sharded.js'
export { type ActivityStats, type Durations, MAX_GROUPS, type StatsGroup, type StatsReport } from './stats-report.js'
