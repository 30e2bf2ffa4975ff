import { renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import type { Timestamp } from '../../events/time.js'
import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore, CallerId, SealedEntry } from '../../store/contract.js'
import { createDirectory, syncDirectory } from '../../store/directory.js'
import { isIndexBehind } from '../../store/index-behind.js'
import { runChangeOf } from '../../store/open-runs.js'
import type { CommitObserver } from '../committing/recorded-gaps.js'
import { currentBootId } from '../journal/boot-id.js'
import type { JournalKey } from '../journal/journal-key.js'
import { JournalReplay, type ReplayedEntry } from '../journal/journal-replay.js'
import { setAsideEvent } from '../journal/set-aside.js'
import type { Sealer } from '../sealing/seal.js'
import { hasLeft } from '../staging/owner-lock.js'
import { entryOfStaged } from '../staging/staged-entry.js'
import { stagingAdopted } from '../staging/staged-intake.js'
import { ASIDE, type FoundStaging, findStaging, stagingName } from '../staging/staging-directory.js'
import { stagingMac } from '../staging/staging-journal.js'
import { gapEntry } from './gap-entries.js'
import { RecoveredEvents } from './recovered-events.js'
import { RecoveryCommits } from './recovery-commits.js'

/*
 * Each staged event gets into one log, once, whenever a process dies on the way:
 *
 *   1. The staging journal is renamed to one that names the log, and its directory fsynced: of several who try, one
 *      succeeds, and nobody brings an event of it to another log from then on.
 *   2. Its events are committed with their ids as ids of callers. What a log has under such an id it does not store again.
 *   3. The statement with the journal's id is committed behind the last of them, with the gaps that were found.
 *   4. The journal is deleted.
 *
 * A process that dies before 1 has done nothing. After 1 only the holder of that log's lock goes on, at its next opening, and leaves out
 * what the log has: its own journal was replayed before. A rename into the log's journal would be no simpler: records are
 * attested for one place, and statements would have to be written anew in it.
 */

/** Events that are looked up at a time. */
const LOOKED_UP = 1024

export interface AdoptionOptions {
  /** Directory of the ledger for staging journals; `undefined` for a log that has none. */
  readonly staging: string | undefined
  /** Open, and recovered. */
  readonly store: AuditStore
  readonly sealer: Sealer
  readonly journalKey: JournalKey | undefined
  readonly report: (problem: Error) => void
  readonly committed?: CommitObserver | undefined
  /** A log that is being written already and takes the entries; `onBegin` is called before the first. @defaultValue they go into the store */
  readonly open?: { readonly log: AdoptingLog; readonly onBegin: () => void }
  /** Stops it between two groups. The next opening of the log goes on from there. */
  readonly signal?: AbortSignal | undefined
}

/** Takes the entries that a log gets from a staging journal. */
export interface AdoptingLog {
  add(entry: SealedEntry): Promise<void>
  /** Adds what the log says of itself. */
  state(statement: AuditEventInput): Promise<void>
  /** Makes what was added durable. */
  commit(): Promise<void>
}

/** Events that were taken over from processes which ended before they had a log. */
export interface Adopted {
  readonly events: number
  /** Ids of the events by which runs begin. */
  readonly begun: readonly CallerId[]
  /** Nothing was looked at: the index is being rebuilt. */
  readonly waitsForIndex: boolean
}

/**
 * Takes over the staging journals of processes that have provably ended, or gave them up, and finishes what this log had
 * begun to take over. What fails is reported, or thrown where the log is open, and left to the next opening.
 *
 * While the index is being rebuilt nothing is taken over, since ids could only be compared with all entries: it is called again
 * once the log is open and the index is there.
 */
export async function adoptStaging(options: AdoptionOptions): Promise<Adopted> {
  const { staging, store, report, signal, open } = options
  let events = 0
  const begun: CallerId[] = []
  const waitsForIndex = staging !== undefined && isIndexBehind(store)
  if (staging === undefined || waitsForIndex) return { events, begun, waitsForIndex }
  try {
    for (const found of findStaging(staging)) {
      if (signal?.aborted) break
      try {
        if (!(await isToBeAdopted(found, options))) continue
        const count = await adopt(found, staging, { ...options, begun })
        if (count === undefined) continue
        events += count
      } catch (problem) {
        if (open) throw problem
        report(adoptionFailed(found.directory, problem))
      }
    }
  } catch (problem) {
    if (open) throw problem
    report(adoptionFailed(staging, problem))
  }
  return { events, begun, waitsForIndex }
}

/**
 * Whoever has the lock of a log is the only one who brings it what it has begun to take over. While it is open, that may be what its
 * own process has staged, and is just handing over.
 */
async function isToBeAdopted(found: FoundStaging, { store, open }: AdoptionOptions): Promise<boolean> {
  const { log, owner, ownerState, directory } = found
  if (log !== undefined && log !== store.id) return false
  if (log !== undefined && !open) return true
  return ownerState === 'unknown' ? await hasLeft(owner, directory) : ownerState === 'dead'
}

/** @returns the number of its events; `undefined` where another process was faster, or it was stopped */
async function adopt(
  found: FoundStaging,
  staging: string,
  options: AdoptionOptions & { readonly begun: CallerId[] },
): Promise<number | undefined> {
  const { store, sealer, journalKey, signal, open, begun } = options
  const { id, malformed } = found
  const directory = join(staging, stagingName({ ...found, log: store.id }))
  if (directory !== found.directory) {
    if (!renamed(found.directory, directory)) return undefined
    await syncDirectory(staging)
  }
  const { origin } = sealer
  open?.onBegin()
  const commits =
    open?.log ??
    new RecoveryCommits({
      store,
      sealer,
      recovered: new RecoveredEvents(sealer, origin, ''),
      origin,
      committed: options.committed,
    })
  if (malformed !== undefined) {
    await setAside({ ...found, directory, malformed }, staging, commits, options)
    return 0
  }
  const mac = stagingMac(journalKey, id)
  const replay = new JournalReplay({
    directory,
    from: undefined,
    closedInOrder: false,
    bootId: currentBootId(),
    onDamage: 'discard',
    mac,
    location: store.location,
  })
  const times: { from?: Timestamp | undefined; to?: Timestamp | undefined } = {}
  let count = 0
  for (const events of groups(replay.entries())) {
    if (signal?.aborted) return undefined
    count += events.length
    times.from ??= events[0]?.event.recordedAt
    times.to = events.at(-1)?.event.recordedAt ?? times.to
    await addMissing(commits, events, options)
    for (const { event } of events)
      if (runChangeOf(event.type) === 'begins') begun.push({ tenantId: event.tenantId, id: event.id })
  }
  const { from, to } = times
  const isStated = (await store.positionsOf([{ tenantId: 'default', id }]))[0] !== undefined
  if (!isStated) {
    // With the statement, so that they are stated once.
    for (const gap of replay.gaps) await commits.add(gapEntry(gap, origin))
    if (from !== undefined && to !== undefined) {
      const data = { staging: id, count, unattested: mac ? 0 : count, from, to, ownerDied: true }
      await commits.add(stagingAdopted(data, sealer))
    }
  }
  const isDamaged = replay.damagedSegments.size > 0
  if (isDamaged) await setAside({ ...found, directory, malformed: 'it is damaged' }, staging, commits, options)
  else {
    await commits.commit()
    await rm(directory, { recursive: true, force: true })
  }
  return count
}

/** Adds the events that the log does not have. */
async function addMissing(
  log: AdoptingLog,
  events: readonly ReplayedEntry[],
  { store, sealer }: AdoptionOptions,
): Promise<void> {
  const known = await store.positionsOf(events.map(({ event: { tenantId, id } }) => ({ tenantId, id })))
  for (const [at, { event, entry, isAttested }] of events.entries()) {
    if (known[at] === undefined) await log.add(entryOfStaged(event, entry, isAttested, sealer))
  }
}

/** Keeps as evidence what is not taken over, or not whole, where nobody looks for staging journals. */
async function setAside(
  found: FoundStaging,
  staging: string,
  log: AdoptingLog,
  { report }: AdoptionOptions,
): Promise<void> {
  const { directory, bytes, malformed } = found
  await log.state(setAsideEvent({ files: 1, bytes }))
  await log.commit()
  const aside = join(staging, ASIDE)
  await createDirectory(aside)
  const kept = join(aside, stagingName(found))
  renameSync(directory, kept)
  report(
    new AuditLogError(
      'AUDIT_LOG_CORRUPT',
      `The staging journal ${directory} was not taken over as it is: ${malformed}. It is kept as ${kept}`,
    ),
  )
}

function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw problem
  }
}

function* groups(entries: Iterable<ReplayedEntry>): Generator<ReplayedEntry[]> {
  let group: ReplayedEntry[] = []
  for (const entry of entries) {
    group.push(entry)
    if (group.length < LOOKED_UP) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

function adoptionFailed(path: string, cause: unknown): AuditLogError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AuditLogError(
    'AUDIT_READ_FAILED',
    `What was recorded before there was a log cannot be taken over from ${path}, and is left there: ${reason}`,
    { cause },
  )
}
