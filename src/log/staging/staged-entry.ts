import { isReserved, unreserved } from '../../events/reserved.js'
import type { AuditEvent, AuditEventInput } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import { filedEvent } from '../../store/filed-event.js'
import { hashLeaf } from '../../tree/index.js'
import { MAX_ENTRY_BYTES } from '../sealing/plain.js'
import type { Sealer } from '../sealing/seal.js'
import { STAGING_ORIGIN } from './staging-journal.js'

/**
 * Returns the entry of a staged event as a log stores it. Its id counts as its caller's: by that a log recognises the event if
 * it is brought again.
 *
 * @param isOwn - whether the log may speak through it: it is known that its own process, or one with its key, staged it.
 * Otherwise nothing in it is the log's word, whatever it says.
 */
export function entryOfStaged(event: AuditEvent, entry: SealedEntry, isOwn: boolean, sealer: Sealer): SealedEntry {
  const { statementOf } = event
  if (statementOf === undefined && !isReserved(event)) return withCallerId(entry, event)
  const isStatement = isOwn && statementOf === STAGING_ORIGIN
  const changed = isStatement ? { ...event, statementOf: sealer.origin } : withoutAuthority(event)
  const bytes = Buffer.from(JSON.stringify(changed))
  if (bytes.length <= MAX_ENTRY_BYTES) return entryOf(bytes, changed)
  const { v: _, recordedAt: __, statementOf: ___, ...input } = changed
  const sealed = isStatement
    ? sealer.sealStatement(input as AuditEventInput, true)
    : sealer.seal(input as AuditEventInput, true)
  return sealed.entry
}

/** Returns the entry as one whose id its caller chose. */
export function withCallerId(entry: SealedEntry, event: AuditEvent): SealedEntry {
  if (entry.callerId) return entry
  const { bytes, byteLength, leafHash, content } = entry
  return { bytes, byteLength, leafHash, callerId: true, event: filedEvent(event), content }
}

/** Returns a statement of a log as one that is staged, for the log that gets it next. */
export function stagedStatement(event: AuditEvent): { readonly entry: SealedEntry; readonly statement: AuditEvent } {
  const statement = { ...event, statementOf: STAGING_ORIGIN }
  return { entry: entryOf(Buffer.from(JSON.stringify(statement)), statement), statement }
}

/** An event that claims to be the log's word and is not. */
function withoutAuthority({ statementOf: _, ...event }: AuditEvent): AuditEvent {
  return (isReserved(event) ? { ...event, ...unreserved(event) } : event) as AuditEvent
}

function entryOf(bytes: Buffer, event: AuditEvent): SealedEntry {
  return { bytes, byteLength: bytes.length, leafHash: hashLeaf(bytes), callerId: true, event: filedEvent(event) }
}
