export { content } from '../events/content.js'
export type { AgentRef, AuditEventData, AuditEventType, AuditEventTypes, TokenUsage } from '../events/types.js'
export {
  type AuditScope,
  setAuditingEnabled,
  withAuditing,
} from './context.js'
export type { RecordingLibrary, RecordOptions } from './emit.js'
export type { ActiveRun } from './open-run.js'
export {
  type Recorder,
  recordAgentHandoff,
  recordContextCompacted,
  recordCustom,
  recordErrorOccurred,
  recordEvent,
  recordGuardrailEvaluated,
  recordIntervention,
  recordMemoryDeleted,
  recordMemoryRecall,
  recordMemoryWritten,
  recordPolicyDecision,
  recordPolicyViolation,
  recordResumed,
  recordRunCancelled,
  recordRunCompleted,
  recordRunFailed,
  recordRunStarted,
  recordRunSuspended,
  recordSubAgentInvoked,
  recordTokenUsageUpdated,
  recordToolApprovalDenied,
  recordToolApprovalGranted,
  recordToolApprovalRequested,
  recordToolCallCompleted,
  recordToolCallFailed,
  recordToolCallStarted,
  recordUsageLimitExceeded,
} from './record.js'
export { withRun } from './run.js'
export type { RunOptions } from './run-options.js'
export { type ScopeOptions, withScope } from './scope.js'
