import { join } from 'node:path'
import type { AuditEvent } from '../../events/types.js'
import type { JournalPosition } from '../../store/contract.js'
import { currentBootId } from './boot-id.js'
import { JournalReplay } from './journal-replay.js'
import { foreignIn } from './set-aside.js'

/** Directory of a log that has its journal. */
const JOURNAL = 'journal'

/** The content of a journal that its store does not have yet. */
export interface PendingEvents {
  /** Events that the next opening takes over. */
  readonly events: number
  /** Events that were there and cannot be read, as far as can be told. */
  readonly unreadableEvents: number
  /** No loss of power explains that: opening refuses, unless with `damagedJournal: 'discard'`. */
  readonly isDamaged: boolean
  /** Bytes of what was being written when the process, or the machine, died. */
  readonly tornBytes: number
  /** Bytes that somebody wrote behind the end of a log that was closed in order: the next opening sets them aside. */
  readonly foreignBytes: number
}

/** The state of a log that is open for reading. */
export interface PendingSource {
  readonly location: string
  readonly journalPosition: JournalPosition | undefined
  readonly closedInOrder: boolean
}

/**
 * Reads the events that a journal has and its store has not, in the order in which they were recorded. It changes nothing, and holds a
 * segment at a time.
 *
 * @param directory - of the log
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`; what the file system throws: a writer may delete a file meanwhile
 */
export function* eventsPending(directory: string, store: PendingSource): Generator<AuditEvent, void, undefined> {
  for (const { event } of replayOf(directory, store).entries()) yield event
}

/**
 * Reads the journal of a log as opening it would, and changes nothing. It takes time by what is not committed yet.
 *
 * @param directory - of the log
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`; what the file system throws: a writer may delete a file meanwhile
 */
export function pendingEvents(directory: string, store: PendingSource): PendingEvents {
  const replay = replayOf(directory, store)
  let events = 0
  for (const _ of replay.entries()) events++
  const unreadableEvents = replay.gaps.reduce((sum, { count }) => sum + count, 0)
  const isDamaged = replay.gaps.some(({ reason }) => reason === 'journal_damaged')
  const foreignBytes = store.closedInOrder ? foreignIn(join(directory, JOURNAL), store.journalPosition).bytes : 0
  return { events, unreadableEvents, isDamaged, tornBytes: replay.tornBytes, foreignBytes }
}

function replayOf(directory: string, { journalPosition, closedInOrder, location }: PendingSource): JournalReplay {
  return new JournalReplay({
    directory: join(directory, JOURNAL),
    from: journalPosition,
    closedInOrder,
    bootId: currentBootId(),
    onDamage: 'discard',
    location,
  })
}
