export type { AgentRef, AuditEventData, AuditEventType, AuditEventTypes, TokenUsage } from '../events/types.js'
export {
  type AuditScope,
  setAuditingEnabled,
  withAuditing,
} from './context.js'
export type { RecordingLibrary, RecordOptions } from './emit.js'
export {
  type Recorder,
  recordApprovalDenied,
  recordApprovalGranted,
  recordApprovalRequested,
  recordContextCompacted,
  recordCustom,
  recordError,
  recordEvent,
  recordGuardrail,
  recordHandoff,
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
  recordToolCallCompleted,
  recordToolCallFailed,
  recordToolCallStarted,
  recordUsage,
  recordUsageLimitExceeded,
} from './record.js'
export { type RunHandle, type RunOptions, withRun } from './run.js'
export { type ScopeOptions, withScope } from './scope.js'
