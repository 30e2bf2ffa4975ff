import { AuditLogError } from '../../events/errors.js'
import { textOf } from '../../events/text.js'
import { isTimestamp, type Timestamp } from '../../events/time.js'
import type { AuditEvent } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'

/** Reads the event of a log's last entry; `undefined` where there is none, or it was removed. */
export async function lastEvent(store: AuditStore): Promise<Partial<AuditEvent> | undefined> {
  const [bytes] = store.size > 0 ? await store.read([store.size - 1]) : []
  if (!bytes) return undefined
  // Attacker-controlled: the last entry of a log; any JSON, of which two fields are checked where they are used.
  try {
    return JSON.parse(textOf(bytes)) as Partial<AuditEvent>
  } catch (cause) {
    throw new AuditLogError('AUDIT_LOG_CORRUPT', `The last entry of the audit log ${store.location} is no event`, {
      cause,
    })
  }
}

/** Returns `recordedAt` of an event; an empty text where it has none. */
export function recordedAtOf(event: Partial<AuditEvent> | undefined): Timestamp {
  return isTimestamp(event?.recordedAt) ? event.recordedAt : ''
}

/**
 * Returns `recordedAt` of the entry that was recorded last: a statement about entries taken over is younger than what follows it.
 */
export function recoveredUpTo(last: Partial<AuditEvent> | undefined, origin: string): Timestamp {
  if (last?.type !== 'events_recovered' || last.statementOf !== origin) return recordedAtOf(last)
  const { to } = (last.data ?? {}) as { readonly to?: unknown }
  return isTimestamp(to) ? to : ''
}
