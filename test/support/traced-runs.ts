import type { AuditLog } from '../../src/audit-log/index.js'
import type { AuditEventInput } from '../../src/events/types.js'
import { recordStatement } from '../../src/log/statements.js'

export const TRACE = 'a'.repeat(32)
export const trace = { traceId: TRACE, spanId: 'b'.repeat(16) }
export const agent = { name: 'planner' }
export const usage = { inputTokens: 3, outputTokens: 4, totalTokens: 7 }
export const tool = { name: 'search' }

/** Tenant and session of a run. */
interface RunScope {
  readonly tenantId: string
  readonly sessionId: string
}

export function started(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'run_started', runId, trace, ...scope, data: { agent } } as AuditEventInput
}

export function called(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'tool_call_started', runId, trace, ...scope, data: { callId: 'c', tool } } as AuditEventInput
}

export function used(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'token_usage_updated', runId, trace, ...scope, data: { ...usage, model: 'm' } } as AuditEventInput
}

export function ended(runId: string, scope: Partial<AuditEventInput> = {}): AuditEventInput {
  return { type: 'run_completed', runId, trace, ...scope, data: { usage } } as AuditEventInput
}

/** States in a log whose a run is that has begun before that was known. */
export function identify(log: AuditLog, runId: string, scope: RunScope, previous: object = {}): void {
  const statement = { type: 'run_identified', runId, ...scope, trace, data: { previous } }
  recordStatement(log, statement as AuditEventInput)
}
