import { AuditLogError, EntryRemovedError } from '../../events/errors.js'
import type { StoredEvent } from '../../events/types.js'
import type { StoredEntry } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { eventOfEntry, NoEvent } from './event-of-entry.js'

/**
 * Reads the event at a position below the store's size.
 *
 * @throws EntryRemovedError when it was removed
 */
export async function readEvent(store: ReadableStore, seq: number): Promise<StoredEvent> {
  const bytes = await readEntry(store, seq)
  if (!bytes) throw await removed(store, seq)
  return decodeEvent(store, seq, bytes)
}

/** Reads the stored bytes at a position below the store's size; `undefined` when the entry was removed. */
export async function readEntry(store: ReadableStore, seq: number): Promise<Uint8Array | undefined> {
  const [entry] = await readStored(store, [seq])
  return entry?.bytes
}

/** Reads the events at these positions, in this order, without those that were removed. */
export async function readEventsAt(store: ReadableStore, seqs: readonly number[]): Promise<readonly StoredEvent[]> {
  const entries = await readStored(store, seqs)
  return entries.map(({ seq, bytes }) => decodeEvent(store, seq, bytes))
}

/** Reads the entries at these positions, in this order, without those that were removed. */
export async function readStored(store: ReadableStore, seqs: readonly number[]): Promise<readonly StoredEntry[]> {
  const read = await store.read(seqs)
  const entries: StoredEntry[] = []
  for (let at = 0; at < seqs.length; at++) {
    const [seq, bytes] = [seqs[at] as number, read[at]]
    if (bytes) entries.push({ seq, bytes })
    else assertRemoved(store, seq)
  }
  return entries
}

/**
 * Parses the entry at a position.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when it is no JSON object
 */
export function decodeEvent(store: ReadableStore, seq: number, bytes: Uint8Array): StoredEvent {
  try {
    return eventOfEntry(seq, bytes)
  } catch (error) {
    throw error instanceof NoEvent ? corrupt(store, seq, error.message, error.cause) : error
  }
}

/** @throws AuditLogError `AUDIT_LOG_CORRUPT` for an entry that is missing from a log of which none was removed */
export function assertRemoved(store: ReadableStore, seq: number): void {
  if (!store.removedEntries) throw missingEntry(store, seq)
}

/** Returns what to throw for an entry that is not there any more. */
async function removed(store: ReadableStore, seq: number): Promise<AuditLogError> {
  const [removedUnder] = (await store.removedUnder?.([seq])) ?? []
  if (removedUnder === undefined) return missingEntry(store, seq)
  const message = `Entry ${seq} of the audit log ${store.location} was removed under entry ${removedUnder}, which says why`
  return new EntryRemovedError(message, { seq, removedUnder })
}

/** Returns what to throw for an entry that is missing from a log of which none was removed. */
export function missingEntry(store: ReadableStore, seq: number): AuditLogError {
  return corrupt(store, seq, 'is missing')
}

function corrupt(store: ReadableStore, seq: number, what: string, cause?: unknown): AuditLogError {
  const message = `The audit log ${store.location} is corrupt: entry ${seq} ${what}; keep the log as evidence and restore a copy`
  return new AuditLogError('AUDIT_LOG_CORRUPT', message, cause === undefined ? undefined : { cause })
}
