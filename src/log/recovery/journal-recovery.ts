import { join } from 'node:path'
import type { AuditStore, JournalPosition } from '../../store/contract.js'
import { currentBootId } from '../journal/boot-id.js'
import { segmentsIn } from '../journal/journal-format.js'
import type { JournalDamagePolicy } from '../journal/journal-gaps.js'
import type { JournalKey } from '../journal/journal-key.js'
import type { JournalReplay, JournalReplayOptions } from '../journal/journal-replay.js'
import { gapEntry } from './gap-entries.js'
import type { RecoveredEvents } from './recovered-events.js'
import type { RecoveryCommits } from './recovery-commits.js'

/** The log whose journal is read, and its policy. */
interface ReplayedLog {
  readonly store: AuditStore
  readonly damagedJournal: JournalDamagePolicy
  readonly journalKey: JournalKey | undefined
}

/** Returns the options by which opening a log reads its journal. @param directory - of the log */
export function replayOptions(
  directory: string,
  closedInOrder: boolean,
  { store, damagedJournal, journalKey }: ReplayedLog,
): JournalReplayOptions {
  return {
    directory: join(directory, 'journal'),
    from: store.journalPosition,
    closedInOrder,
    bootId: currentBootId(),
    onDamage: damagedJournal,
    mac: journalKey?.forLog(store.id),
    location: store.location,
  }
}

/** Tells whether a journal has segments that its store may not have taken over. @param directory - of the log */
export function hasUncommittedSegments({ journalPosition }: AuditStore, directory: string | undefined): boolean {
  if (directory === undefined) return false
  return segmentsIn(join(directory, 'journal')).some((segment) => segment >= (journalPosition?.segment ?? 1))
}

/**
 * Returns the position that a store notes where no journal follows.
 *
 * @param isSetAside - segments were set aside, in a folder that the position before names: this one is another then
 */
export function positionBehind({ next }: JournalReplay, isSetAside: boolean): JournalPosition {
  return { segment: isSetAside ? next.segment + 1 : next.segment, offset: 0 }
}

/** The recovery that a journal is replayed for. */
interface ReplayTarget {
  readonly commits: RecoveryCommits
  readonly recovered: RecoveredEvents
  readonly origin: string
  readonly signal: AbortSignal | undefined
}

/** Commits what the store does not have, each gap where it is. */
export async function commitReplayed(
  replay: JournalReplay,
  { commits, recovered, origin, signal }: ReplayTarget,
): Promise<void> {
  let gapsAdded = 0
  for (const replayed of replay.entries()) {
    signal?.throwIfAborted()
    for (const gap of replay.gaps.slice(gapsAdded)) await commits.add(gapEntry(gap, origin))
    gapsAdded = replay.gaps.length
    await commits.add(replayed.entry, replayed.position)
    recovered.add(replayed)
  }
  if (recovered.events > 0) await commits.commit()
  // A gap at the end goes with the commit that moves the position past it.
  for (const gap of replay.gaps.slice(gapsAdded)) await commits.add(gapEntry(gap, origin))
}
