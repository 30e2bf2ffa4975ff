export type { ResolvedContent } from '../content/contract.js'
export type { ContentKeysOptions } from '../content/keys/options.js'
export { type ContentKeyProvider, contentKeyFile } from '../content/keys/provider.js'
export type { ContentProof } from '../content/value-proof.js'
export type { RecordedError } from '../events/recorded-fields.js'
export type { RunStatus } from '../events/run-status.js'
export type { ContentClass, ContentErasure, ContentItem, ContentOutcome, ContentStatus } from '../events/types.js'
export { type Listed, MAX_NAMED, type RunCounts, type RunOverview, type ToolUse } from '../store/runs/run-overview.js'
export type { ContentChoice } from './content/choice.js'
export type { ProvedContent } from './content/prove-content.js'
export type {
  AcrossLogs,
  AuditLogReader,
  ContentOwner,
  EventResults,
  FollowResults,
  FoundEvent,
  LedgerEventQuery,
  LedgerFollowOptions,
  LogHead,
} from './contract.js'
export { Commits } from './follow/commits.js'
export type { FollowOptions } from './follow/follow.js'
export type { CursorBehind } from './ledger-reader.js'
export type { InLedger, LogEntry } from './log-entry.js'
export { type AuditLogDirectoryReader, type AuditLogReaderOptions, openAuditLogReader } from './open.js'
export type { AuditLogStoreReader, AuditLogStoreReaderOptions } from './open-store.js'
export type { Page, PageOptions, Results } from './page.js'
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
  StepQuery,
  TimeInput,
} from './query/query.js'
export { createReader, type ReaderOptions } from './reader.js'
export type { RunResult } from './run-result.js'
export {
  type AuditLogShardedReader,
  type AuditLogShardedReaderOptions,
  type InShard,
  openAuditLogShardedReader,
  type ShardEventQuery,
  type ShardResults,
} from './sharded.js'
export type { EventStep, RunStep, ToolCallStep } from './steps/run-step.js'
export type { AgentSummary } from './summaries/agents.js'
export { MAX_LISTED, type RunSummary, type RunTree, type ToolCallSummary } from './summaries/run-summary.js'
export type { SessionSummary } from './summaries/sessions.js'
export {
  type Durations,
  MAX_GROUPS,
  type StatsGroup,
  type StatsReport,
  type StatsTotals,
} from './summaries/stats-report.js'
