import { dirname, join } from 'node:path'
import type { Signer } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { readersOfLog } from '../../files/readers.js'
import type { AuditStore } from '../../store/contract.js'
import { createDirectory } from '../../store/directory.js'
import { isIndexBehind } from '../../store/index-behind.js'
import { monotonicMillis } from '../../timers/real-timers.js'
import type { CheckpointFile } from '../checkpoints/checkpoint-file.js'
import { type Divergence, divergenceEvent } from '../checkpoints/continuity.js'
import { ownSigner } from '../checkpoints/own-key.js'
import { isOneOf, keyChange } from '../checkpoints/signing-keys.js'
import { storedLeaf } from '../checkpoints/stored-leaf.js'
import type { CommitObserver } from '../committing/recorded-gaps.js'
import type { AuditLogRecovery } from '../contract.js'
import type { Durability } from '../journal/durability.js'
import { HeadFile } from '../journal/head-file.js'
import { Journal } from '../journal/journal.js'
import { JournalReplay } from '../journal/journal-replay.js'
import { keepCopies, type SetAsideJournal, setAsideEvent, setForeignAside } from '../journal/set-aside.js'
import type { Clock } from '../sealing/clock.js'
import { Sealer } from '../sealing/seal.js'
import { type Adopted, adoptStaging } from './adopt-staging.js'
import {
  type ComparedLog,
  type ComparisonOptions,
  compareCommitted,
  compareWithKnown,
  type FoundLog,
  findLog,
} from './comparison.js'
import { interruptedRuns } from './interrupted-runs.js'
import { commitReplayed, positionBehind } from './journal-recovery.js'
import { lastEvent, recordedAtOf, recoveredUpTo } from './last-event.js'
import { RecoveredEvents } from './recovered-events.js'
import { RecoveryCommits } from './recovery-commits.js'

export interface RecoveryOptions extends ComparisonOptions {
  readonly clock: Clock
  /** Directory of staging journals that the log takes over; `undefined` for a log that takes none. */
  readonly staging?: string | undefined
  readonly durability: Durability
  readonly committed?: CommitObserver | undefined
  /** Stops the recovery between two commits. The next opening goes on from there. */
  readonly signal?: AbortSignal | undefined
}

/** A log that is complete again, and what goes on writing it. */
export interface Recovered {
  readonly recovery: AuditLogRecovery
  readonly sealer: Sealer
  /** Name of the log. */
  readonly origin: string
  readonly journal: Journal | undefined
  readonly head: HeadFile | undefined
  /** Signs the log's checkpoints; `undefined` when nothing does. */
  readonly signer: Signer | undefined
  readonly checkpointFile: CheckpointFile | undefined
  /** The newest checkpoint that the log continues. */
  readonly checkpoint: string | undefined
  /**
   * Runs that are open since a position below this one are interrupted, and are not on record as such: the index that
   * lists them is being rebuilt. `undefined` when there is nothing left to do.
   */
  readonly openRunsBefore: number | undefined
  /** Staging journals are to be taken over once the index is there. */
  readonly adoptsLate: boolean
}

/**
 * Compares a log with all that is known of it, before anything is committed or signed; then commits what the journal has
 * and the store has not, and marks the runs that died with the process. It costs by what was not committed and by the
 * runs that were open, not by the size of the log.
 *
 * Every step is atomic with the journal position up to which it has been taken: dying here, and recovering again, does
 * nothing twice.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_ROLLED_BACK`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_WRITE_FAILED`,
 * `AUDIT_KEY_INVALID`, `AUDIT_ORIGIN_MISMATCH`; what the file system throws; the reason of `signal` once it aborts
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const startMillis = monotonicMillis()
  const found = await findLog(options)
  const compared = await compareWithKnown(found, options)
  const replayed = await commitJournal(found, options)
  const divergence = compared.divergence ?? (await compareCommitted(found, options))
  const stated = await stateFindings({ found, compared, replayed, divergence }, options)
  const journal = await beginJournal(replayed, options)
  const adopted = await adopt(replayed, journal, options)
  const recovery = reportOf(replayed, stated, { divergence, adopted, durationMs: monotonicMillis() - startMillis })
  if (replayed.foreign) reportSetAside(replayed.foreign, options)
  const head = headFile(options)
  if (divergence) await writeHead(head, options.store)
  return {
    recovery,
    origin: found.origin,
    sealer: replayed.sealer,
    journal,
    head,
    signer: compared.signer,
    checkpointFile: found.known.file,
    checkpoint: divergence ? undefined : found.known.newest,
    openRunsBefore: stated.openRunsBefore,
    adoptsLate: adopted.waitsForIndex,
  }
}

/** The journal of a log, whose events are committed. */
interface ReplayedJournal {
  /** `undefined` for a log without a directory. */
  readonly replay: JournalReplay | undefined
  /** Segments that somebody wrote to a log that was closed in order; `undefined` unless it was, and has a journal. */
  readonly foreign: SetAsideJournal | undefined
  /** Counts the events that were committed. */
  readonly recovered: RecoveredEvents
  readonly commits: RecoveryCommits
  readonly sealer: Sealer
}

/** Sets aside what is none of the log's, and commits what the journal has and the store has not. */
async function commitJournal(found: FoundLog, options: RecoveryOptions): Promise<ReplayedJournal> {
  const { store, clock, durability, committed, signal } = options
  const { origin, replaying, wasClosed } = found
  const foreign = replaying && wasClosed ? await setForeignAside(replaying.directory, replaying.from) : undefined
  const last = await lastEvent(store)
  const sealer = new Sealer(clock, origin, recordedAtOf(last))
  const recovered = new RecoveredEvents(sealer, origin, recoveredUpTo(last, origin))
  const commits = new RecoveryCommits({ store, sealer, recovered, origin, committed })
  if (replaying && durability !== 'flush-only')
    await createDirectory(replaying.directory, readersOfLog(dirname(replaying.directory)))
  const replay = replaying && new JournalReplay(replaying)
  if (replay) await commitReplayed(replay, { commits, recovered, origin, signal })
  return { replay, foreign, recovered, commits, sealer }
}

interface Findings {
  readonly found: FoundLog
  readonly compared: ComparedLog
  readonly replayed: ReplayedJournal
  readonly divergence: Divergence | undefined
}

interface StatedFindings extends Pick<Recovered, 'openRunsBefore'> {
  readonly unclean: boolean
  /** The copies of damaged segments. */
  readonly copies: SetAsideJournal | undefined
  readonly interruptedRuns: number
}

/** Adds the statements of what was found to the group that is committed next. */
async function stateFindings(
  { found, compared, replayed, divergence }: Findings,
  options: RecoveryOptions,
): Promise<StatedFindings> {
  const { store, signal } = options
  const { wasClosed, replaying } = found
  const { replay, foreign, recovered, commits, sealer } = replayed
  const copies = replaying && (await keepCopies(replaying.directory, replay?.damagedSegments ?? [], replaying.from))
  const unclean = !wasClosed || recovered.events > 0
  sealer.follow(recordedAtOf(await lastEvent(store)))
  if (hasFiles(foreign)) await commits.state(setAsideEvent(foreign))
  if (divergence) await commits.state(divergenceEvent(divergence, store))
  const waitsForIndex = unclean && isIndexBehind(store)
  const interrupted = unclean && !waitsForIndex ? await stateInterrupted(commits, 0, signal) : 0
  await stateKeyChange(compared, replayed, options)
  return { unclean, copies, interruptedRuns: interrupted, openRunsBefore: waitsForIndex ? store.size : undefined }
}

/** States the runs that began at a position or behind it, and died with their process. @returns their number */
async function stateInterrupted(commits: RecoveryCommits, from: number, signal?: AbortSignal): Promise<number> {
  let runs = 0
  for await (const events of interruptedRuns(commits.store, Infinity, from)) {
    signal?.throwIfAborted()
    for (const event of events) await commits.state(event)
    runs += events.length
  }
  return runs
}

/** States that another key signs the log than before, if one does. */
async function stateKeyChange(
  { current, signer, previousSigner }: ComparedLog,
  { commits, sealer }: ReplayedJournal,
  { directory, checkpointTimeoutMillis: timeoutMillis, report }: RecoveryOptions,
): Promise<void> {
  if (!signer || current.length === 0 || isOneOf(current, signer)) return
  const findPrevious = async () =>
    previousSigner ?? (directory === undefined ? undefined : await ownSigner(directory, report))
  // Nothing may come between: the statement of the key before names the position.
  await commits.recordClockStep()
  const event = await keyChange({ current, signer, findPrevious, seq: commits.nextSeq, timeoutMillis })
  await commits.add(sealer.sealStatement(event).entry)
}

/**
 * Begins the journal that follows the one that was replayed, and commits the statements with the position in it: nothing of
 * the old one is needed then.
 */
async function beginJournal(
  { replay, foreign, commits }: ReplayedJournal,
  { durability }: RecoveryOptions,
): Promise<Journal | undefined> {
  const journal = replay && durability !== 'flush-only' ? new Journal(replay.next) : undefined
  try {
    await journal?.listed
    // Without a journal nothing of a next segment is needed.
    await commits.commit(journal?.end ?? (replay && positionBehind(replay, hasFiles(foreign))))
  } catch (problem) {
    journal?.close()
    throw problem
  }
  if (journal) journal.release(journal.end)
  else if (replay) await replay.remove()
  return journal
}

interface AdoptedEvents extends Pick<Adopted, 'events' | 'waitsForIndex'> {
  readonly interruptedRuns: number
}

/** Takes over what was staged, and commits which runs of that are interrupted. */
async function adopt(
  { commits, sealer }: ReplayedJournal,
  journal: Journal | undefined,
  options: RecoveryOptions,
): Promise<AdoptedEvents> {
  const sizeBefore = options.store.size
  const { events, waitsForIndex } = await adoptStaging({ ...options, staging: options.staging, sealer })
  const interrupted = events > 0 ? await stateInterrupted(commits, sizeBefore) : 0
  if (interrupted > 0) await commits.commit(journal?.end)
  return { events, waitsForIndex, interruptedRuns: interrupted }
}

function reportOf(
  { replay, foreign, recovered }: ReplayedJournal,
  { unclean, copies, interruptedRuns: interrupted }: StatedFindings,
  end: {
    readonly divergence: Divergence | undefined
    readonly adopted: AdoptedEvents
    readonly durationMs: number
  },
): AuditLogRecovery {
  const { divergence, adopted, durationMs } = end
  const setAside = [foreign, copies].find(hasFiles)
  return Object.freeze({
    unclean,
    recoveredEvents: recovered.events,
    unattestedEvents: recovered.unattested,
    ...(setAside && { setAside }),
    tornBytes: replay?.tornBytes ?? 0,
    gaps: replay?.gaps.length ?? 0,
    ...(divergence && { divergence: divergence.what }),
    interruptedRuns: interrupted + adopted.interruptedRuns,
    ...(adopted.events > 0 && { adoptedEvents: adopted.events }),
    durationMs,
  })
}

function hasFiles(journal: SetAsideJournal | undefined): journal is SetAsideJournal {
  return journal !== undefined && journal.files > 0
}

function reportSetAside({ files, bytes }: SetAsideJournal, { store, report }: RecoveryOptions): void {
  if (files === 0) return
  report(
    new AuditLogError(
      'AUDIT_LOG_CORRUPT',
      `The audit log ${store.location} was closed in order, and somebody wrote to its journal since: ${bytes} bytes in ${files} files. They are no part of the log, and are kept in journal/aside`,
    ),
  )
}

function headFile({ directory, durability }: RecoveryOptions): HeadFile | undefined {
  return directory === undefined ? undefined : new HeadFile(join(directory, 'head'), durability !== 'journal')
}

/** So that the next opening does not refuse what this one has recorded. */
async function writeHead(head: HeadFile | undefined, store: AuditStore): Promise<void> {
  const last = await storedLeaf(store, store.size - 1)
  if (last) head?.write(store.size, last)
}
