import type { AuditEvent } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import type { Staged } from './staged.js'
import { stagedStatement, withCallerId } from './staged-entry.js'

/** Statements that make no sense in another log. */
const OF_ONE_LOG: ReadonlySet<string> = new Set([
  'ledger_joined',
  'siblings_noted',
  'signing_key_changed',
  'staging_adopted',
])

/**
 * Returns what a log had taken and not stored as staged events, for another log.
 *
 * @param origin - of that log: its statements become those of the other one
 */
export function carried(entries: readonly SealedEntry[], origin: string): readonly Staged[] {
  return entries.flatMap((entry): Staged[] => {
    const event = JSON.parse(Buffer.from(entry.bytes).toString()) as AuditEvent
    if (event.statementOf !== origin) return [{ entry: withCallerId(entry, event), statement: undefined }]
    return OF_ONE_LOG.has(event.type) ? [] : [stagedStatement(event)]
  })
}
