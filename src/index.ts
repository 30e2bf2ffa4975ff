export { type AuditLog, type AuditLogRecovery, openAuditLog } from './audit-log/index.js'
export { Ed25519Signer, type ExternalKey, externalSigner, type Signer } from './checkpoint/index.js'
export {
  type AgentRef,
  type Alteration,
  type AuditErrorCode,
  type AuditEvent,
  type AuditEventData,
  type AuditEventInput,
  type AuditEventType,
  type AuditEventTypes,
  AuditLogError,
  type DataSchema,
  type EventSource,
  type LimitAxis,
  type StoredEvent,
  type Timestamp,
  type TokenUsage,
  type TraceRef,
} from './events/index.js'
export { type Forwarder, type ForwardOptions, type ForwardStats, forward } from './forward/index.js'
export type { CheckpointedLog, OnCheckpoint } from './log/checkpoints/checkpointer.js'
export type { CheckpointOptions } from './log/checkpoints/options.js'
export type { AppendReceipt, AuditLogHealth, AuditLogStats, AuditLogWriter, RecordInput } from './log/contract.js'
export type { AuditLogMeter } from './log/metrics.js'
export type { AuditLogOptions } from './log/options.js'
export type { Attachment, AttachOptions } from './otel/attachments.js'
export type {
  Activity,
  Conclusion,
  Convention,
  Fact,
  Lineage,
  Moment,
  Occurrence,
  Outcome,
  ScopeFacts,
  UsageReport,
} from './otel/conventions/contract.js'
export type { SpanExplanation } from './otel/explain.js'
export { AuditLogRecordProcessor } from './otel/log-records.js'
export type { AuditSpanProcessorOptions } from './otel/options.js'
export { AuditSpanProcessor } from './otel/processor.js'
export { auditSampler } from './otel/sampler.js'
export type { SpanLike } from './otel/span.js'
export {
  type ActivityStats,
  type AgentQuery,
  type AgentSummary,
  type AuditLogDirectoryReader,
  type AuditLogReader,
  type AuditLogStoreReader,
  type ConsistencyProof,
  type Durations,
  type EventQuery,
  type EventResults,
  type Evidence,
  type FollowOptions,
  type FollowQuery,
  type InclusionProof,
  type LogEntry,
  type LogHead,
  type OpenReaderOptions,
  type OpenStoreReaderOptions,
  openAuditLogReader,
  openShardedReader,
  type Page,
  type PageOptions,
  type ProvedEntry,
  type ProveOptions,
  type Results,
  type RunQuery,
  type RunStatus,
  type RunSummary,
  type RunTree,
  type SessionQuery,
  type SessionSummary,
  type ShardedReader,
  type StatsGroup,
  type StatsGrouping,
  type StatsQuery,
  type StatsReport,
} from './reader/index.js'
export { type AuditScope, setAuditingEnabled, withAuditing } from './record/context.js'
export { withRun } from './record/run.js'
export { withScope } from './record/scope.js'
export type { AuditStore } from './store/contract.js'
export type { SharedStore } from './store/shared.js'
export type { ReportedCheckpoint, VerifyProblem, VerifyReport, VerifyStatus } from './verify/report.js'
export type { VerifyOptions } from './verify/verify-log.js'
