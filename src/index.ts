export { type AuditLog, type AuditLogRecovery, type LedgerMembership, openAuditLog } from './audit-log/index.js'
export { type BackedUpLog, type Backup, type BackupOptions, backupAuditLog } from './backup/backup.js'
export { Ed25519Signer, type ExternalKey, externalSigner, type Signer } from './checkpoint/index.js'
export type { ResolvedContent } from './content/contract.js'
export type { ContentKeysOptions } from './content/keys/options.js'
export { type ContentKeyProvider, contentKeyFile } from './content/keys/provider.js'
export { content } from './events/content.js'
export {
  type AgentRef,
  type Alteration,
  type AuditEvent,
  type AuditEventData,
  type AuditEventInput,
  type AuditEventType,
  type AuditEventTypes,
  AuditLogError,
  type AuditLogErrorCode,
  type ClaimedScope,
  type Confidence,
  type DataSchema,
  EntryRemovedError,
  type EventSource,
  type LimitAxis,
  type StoredEvent,
  type Timestamp,
  type TokenUsage,
  type TraceRef,
} from './events/index.js'
export type { ContentClass, ContentErasure, ContentItem, ContentOutcome, ContentStatus } from './events/types.js'
export {
  type ForwardedLog,
  type Forwarder,
  type ForwardOptions,
  type ForwardProgress,
  forwardAuditLog,
} from './forward/index.js'
export type { GovernanceOptions } from './governance/governance-options.js'
export type {
  AuditPolicy,
  DiagnosticLevel,
  PayloadLevel,
  PolicyMatch,
  PolicyPattern,
  PolicyRule,
} from './governance/policy/policy.js'
export type { RedactorContext } from './governance/redaction/contract.js'
export { DETECTORS, type DetectorName } from './governance/redaction/detectors.js'
export type { Redactor, RedactText } from './governance/redaction/redactors.js'
export type {
  AuditLogEvents,
  AuditLogListener,
  AuditLogListeners,
  DroppedEvents,
  RecordedGap,
  RecoveredLog,
  RemoveListener,
  SignedCheckpoint,
} from './log/audit-log-events.js'
export type { CheckpointedLog, CheckpointPublisher } from './log/checkpoints/checkpointer.js'
export type {
  CheckpointOptions,
  DivergencePolicy,
  KnownCheckpoint,
  KnownCheckpointSource,
} from './log/checkpoints/options.js'
export type { AuditLogMeter } from './log/committing/metrics.js'
export type {
  AppendResult,
  AuditLogCounters,
  AuditLogHealth,
  AuditLogWriter,
  DropReason,
  RecordInput,
} from './log/contract.js'
export type { Durability } from './log/journal/durability.js'
export type { JournalDamagePolicy } from './log/journal/journal-gaps.js'
export type { SetAsideJournal } from './log/journal/set-aside.js'
export type { AuditLogOptions } from './log/options.js'
export type { Clock } from './log/sealing/clock.js'
export type { Attachment, AttachOptions } from './otel/attachments.js'
export type {
  Activity,
  Ancestors,
  Conclusion,
  Convention,
  ConventionState,
  Fact,
  LoggedRunRef,
  ModelActivity,
  Outcome,
  RecallActivity,
  RecognisedSpan,
  RunActivity,
  RunDetails,
  RunProgress,
  RunReport,
  RunStartReport,
  ScopeIds,
  SpanPhase,
  StepActivity,
  TelemetryEvent,
  ToolActivity,
  ToolCallDecision,
  ToolCallRef,
  ToolCallReport,
  UsageReport,
} from './otel/conventions/contract.js'
export type {
  AttributeName,
  SpanMeaning,
  Vocabulary,
  VocabularyAttributes,
} from './otel/conventions/vocabulary/vocabulary.js'
export type { Delivery, DeliveryResult } from './otel/delivery/delivery.js'
export type {
  AuditHealth,
  AuditHealthCode,
  AuditHealthCounts,
  AuditHealthReason,
} from './otel/health/contract.js'
export { AuditLogRecordProcessor, type LogRecordLike } from './otel/log-records.js'
export type { AuditSpanProcessorOptions } from './otel/options.js'
export { AuditSpanProcessor } from './otel/processor.js'
export { auditSampler } from './otel/sampler.js'
export type { ScopeNamesOption } from './otel/scope-names.js'
export type { InstrumentationScope, SpanEventLike, SpanLike } from './otel/span.js'
export type { SpanExplanation } from './otel/tracking/explain.js'
export {
  type AgentQuery,
  type AgentSummary,
  type AuditLogDirectoryReader,
  type AuditLogReader,
  type AuditLogReaderOptions,
  type AuditLogShardedReader,
  type AuditLogStoreReader,
  type AuditLogStoreReaderOptions,
  type ConsistencyProof,
  type ContentChoice,
  type ContentOwner,
  type ContentProof,
  type Durations,
  type EventQuery,
  type EventResults,
  type EventStep,
  type Evidence,
  type FollowOptions,
  type FollowQuery,
  type FoundEvent,
  type InclusionProof,
  type Listed,
  type LogEntry,
  type LogHead,
  type Order,
  openAuditLogReader,
  openAuditLogShardedReader,
  type Page,
  type PageOptions,
  type ProvedContent,
  type ProvedEntry,
  type ProveOptions,
  type RecordedError,
  type Results,
  type RunCounts,
  type RunOverview,
  type RunQuery,
  type RunRef,
  type RunResult,
  type RunStatus,
  type RunStep,
  type RunSummary,
  type RunTree,
  type SessionQuery,
  type SessionSummary,
  type StatsGroup,
  type StatsGrouping,
  type StatsQuery,
  type StatsReport,
  type StatsTotals,
  type StepQuery,
  type TimeInput,
  type ToolCallStep,
  type ToolCallSummary,
  type ToolUse,
} from './reader/index.js'
export { type AuditScope, setAuditingEnabled, withAuditing } from './record/context.js'
export { withRun } from './record/run.js'
export { withScope } from './record/scope.js'
export type {
  AuditStore,
  CommitMarks,
  CommitResult,
  IndexName,
  JournalPosition,
  SealedContent,
  SealedEntry,
  SeqCursor,
  SeqRange,
  StoredEntry,
  Walk,
} from './store/contract.js'
export type { SharedStore } from './store/shared.js'
export type { TimeBlock } from './store/time-blocks.js'
export type { Tile, TileReader } from './tree/index.js'
export type { VerifyOptions } from './verify/options.js'
export type { VerifyProblemKind } from './verify/problem-kinds.js'
export type {
  ContentTally,
  LedgerLogReport,
  LedgerReport,
  ReportedCheckpoint,
  SeqSpan,
  VerifyBasis,
  VerifyProblem,
  VerifyReport,
  VerifyStatus,
} from './verify/report.js'
export type { VerifyProgress } from './verify/source.js'
export type { JournalWindowCounters } from './write-behind/window-counters.js'
