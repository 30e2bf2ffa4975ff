import type { StoredEvent } from '../events/types.js'

/*
 * Facts that formats for other tools ask of an event and the catalogue does not say by itself. An event may be of a type that
 * this version does not know, and its `data` of any form.
 */

/** The severity of an event. */
export type Severity = 'info' | 'low' | 'medium' | 'high'

const SEVERITIES: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ['tool_call_failed', 'low'],
  ['tool_approval_denied', 'low'],
  ['run_cancelled', 'low'],
  ['memory_deleted', 'low'],
  ['intervention', 'medium'],
  ['run_identity_conflict', 'medium'],
  ['audit_detached', 'low'],
  ['run_failed', 'medium'],
  ['run_interrupted', 'medium'],
  ['error_occurred', 'medium'],
  ['usage_limit_exceeded', 'medium'],
  ['policy_violation', 'medium'],
  ['events_dropped', 'high'],
  ['auditing_impaired', 'high'],
  ['audit_log_diverged', 'high'],
])

export function severityOf(type: string): Severity {
  return SEVERITIES.get(type) ?? 'info'
}

/** A field of `data` that is a text; `undefined` when there is none, or it is something else. */
export function textIn(event: StoredEvent, field: string): string | undefined {
  return textOf(fieldsOf(event.data)[field])
}

/** The name in a field of `data` such as `tool`. */
export function nameIn(event: StoredEvent, field: string): string | undefined {
  return textOf(fieldsOf(fieldsOf(event.data)[field]).name)
}

export function numberIn(event: StoredEvent, field: string): number | undefined {
  const value = fieldsOf(event.data)[field]
  return typeof value === 'number' ? value : undefined
}

/** The items of an event that was read with its content, each with its status; `undefined` for any other. */
export function contentStatuses({ content }: StoredEvent): readonly object[] | undefined {
  const { items } = fieldsOf(content)
  const looked = Array.isArray(items) ? items.filter((item) => fieldsOf(item).status !== undefined) : []
  return looked.length === 0 ? undefined : looked.map(statusOf)
}

function statusOf(item: unknown): object {
  const { field, class: itemClass, status, erasure } = fieldsOf(item)
  return { field, class: itemClass, status, ...(erasure !== undefined && { erasure }) }
}

/** The error of an event that tells of one. */
export function errorOf(event: StoredEvent): { readonly code?: string; readonly message?: string } | undefined {
  const error = fieldsOf(event.data).error
  if (error === undefined) return undefined
  const { code, message } = fieldsOf(error)
  return { ...(typeof code === 'string' && { code }), ...(typeof message === 'string' && { message }) }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
