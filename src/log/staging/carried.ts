import { textOf } from '../../events/text.js'
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

/** Entries that a log had taken and not stored, for another log. */
export interface Carried {
  readonly staged: readonly Staged[]
  /** Ids of the events that cannot be carried over. */
  readonly unread: readonly string[]
}

/**
 * Returns what a log had taken and not stored as staged events.
 *
 * @param origin - of that log: its statements become those of the other one
 */
export function carried(entries: readonly SealedEntry[], origin: string): Carried {
  const staged: Staged[] = []
  const unread: string[] = []
  for (const entry of entries) {
    try {
      // Attacker-controlled: entries, perhaps read back from files; one that is no JSON is counted as unread.
      const event = JSON.parse(textOf(entry.bytes)) as AuditEvent
      if (event.statementOf !== origin) staged.push({ entry: withCallerId(entry, event), statement: undefined })
      else if (!OF_ONE_LOG.has(event.type)) staged.push(stagedStatement(event))
    } catch {
      unread.push(entry.event.id)
    }
  }
  return { staged, unread }
}
