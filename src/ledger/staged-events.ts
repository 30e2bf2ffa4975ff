import type { AuditEvent } from '../events/types.js'
import { currentBootId } from '../log/journal/boot-id.js'
import { JournalReplay } from '../log/journal/journal-replay.js'
import { findStaging, type OwnerState } from '../log/staging/staging-directory.js'
import { stagingAt } from './log-directories.js'

/** Events that a process recorded before it had a log. */
export interface StagedEvents {
  /** The id of the staging journal. */
  readonly staging: string
  /** Tells if its process still records in it: `dead` where the process is proven to have ended, or has given it up. */
  readonly owner: OwnerState
  /** The id of the log that takes it over: that log may have some or all of its events already, under the same ids. */
  readonly log: string | undefined
  /** Bytes of its files. */
  readonly bytes: number
  /** The reason why nothing of it can be read; `undefined` where it can. */
  readonly malformed: string | undefined
  /**
   * Reads its events in their order, as far as they can be read, a file of 16 MiB at a time. Nothing attests them, and those
   * that are statements name no log.
   *
   * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`; what the file system throws: its owner may delete it meanwhile
   */
  events(): Generator<AuditEvent>
}

/**
 * Lists what processes have recorded in a ledger before they had a log, and no log has taken over in full. Changes nothing
 * and follows no link.
 *
 * @param location - directory of the ledger, or of a single log
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
 *
 * @example
 * ```ts
 * for (const { owner, events } of stagedEvents('./audit')) console.log(owner, [...events()].length)
 * ```
 */
export function stagedEvents(location: string): readonly StagedEvents[] {
  return findStaging(stagingAt(location)).map(({ id, directory, ownerState, log, bytes, malformed }) => ({
    staging: id,
    owner: ownerState,
    log,
    bytes,
    malformed,
    *events() {
      if (malformed !== undefined) return
      const replay = new JournalReplay({
        directory,
        from: undefined,
        closedInOrder: false,
        bootId: currentBootId(),
        onDamage: 'discard',
        location,
      })
      for (const { event } of replay.entries()) yield event
    },
  }))
}
