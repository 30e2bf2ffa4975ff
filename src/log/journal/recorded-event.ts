import { textOf } from '../../events/text.js'
import { isTimestamp } from '../../events/time.js'
import type { AuditEvent } from '../../events/types.js'

/** Statements that opening a log makes, and that no journal holds. */
const MADE_BY_OPENING: ReadonlySet<unknown> = new Set([
  'audit_log_diverged',
  'events_recovered',
  'journal_set_aside',
  'run_interrupted',
  'signing_key_changed',
])
const NAMES = ['id', 'type', 'tenantId', 'sessionId'] as const
const OPTIONAL_NAMES = ['runId', 'parentRunId', 'supersedes', 'statementOf'] as const

/**
 * Returns the event that a record of a journal holds; `undefined` where no log wrote it: engines file an entry by the fields that
 * are checked.
 */
export function decodeRecordedEvent(bytes: Uint8Array): AuditEvent | undefined {
  // Attacker-controlled: the contents of a record, at most MAX_ENTRY_BYTES; the fields that engines file are checked.
  let event: Partial<AuditEvent> | null
  try {
    event = JSON.parse(textOf(bytes)) as Partial<AuditEvent> | null
  } catch {
    return undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const { time, recordedAt, agent = {}, statementOf, type } = event
  const isSound =
    isTimestamp(time) &&
    isTimestamp(recordedAt) &&
    NAMES.every((name) => isName(event[name])) &&
    OPTIONAL_NAMES.every((name) => event[name] === undefined || isName(event[name])) &&
    typeof agent === 'object' &&
    agent !== null &&
    [agent.id, agent.name].every((name) => name === undefined || isName(name)) &&
    !(statementOf !== undefined && MADE_BY_OPENING.has(type))
  return isSound ? (event as AuditEvent) : undefined
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
