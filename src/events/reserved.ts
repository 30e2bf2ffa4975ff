import type { AuditEventType } from './types.js'

/**
 * Types by which a log, or the processor that feeds it, speaks of itself. An event of such a type is sealed by the log
 * alone, as a statement that names the log (`statementOf`); whatever else asks for one gets a `custom` event.
 */
export const RESERVED_TYPES: ReadonlySet<string> = new Set<AuditEventType>([
  'audit_attached',
  'audit_detached',
  'audit_log_diverged',
  'audit_policy_applied',
  'auditing_impaired',
  'auditing_suppressed',
  'clock_stepped',
  'events_dropped',
  'events_left_out',
  'events_recovered',
  'journal_set_aside',
  'ledger_joined',
  'redactor_disabled',
  'run_identified',
  'run_identity_conflict',
  'siblings_noted',
  'signing_key_changed',
  'staging_adopted',
])

interface Typed {
  readonly type: unknown
  readonly data?: unknown
}

/** Returns whether only the log itself may say this. Only a log knows that the process before it died. */
export function isReserved({ type, data }: Typed): boolean {
  if (type === 'run_interrupted') return (data as { readonly reason?: unknown } | undefined)?.reason === 'process_died'
  return RESERVED_TYPES.has(type as string)
}

/** Returns the type and the data of the `custom` event that keeps what somebody else than the log said. */
export function unreserved({ type, data }: Typed): { readonly type: 'custom'; readonly data: { name: string } } {
  return { type: 'custom', data: { ...(data as object | undefined), name: String(type) } }
}
