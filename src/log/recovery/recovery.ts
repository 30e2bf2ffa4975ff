import { dirname, join } from 'node:path'
import type { Signer } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { readersOfLog } from '../../files/readers.js'
import type { AuditStore } from '../../store/contract.js'
import { createDirectory } from '../../store/directory.js'
import { isIndexBehind } from '../../store/index-behind.js'
import { monotonicMillis } from '../../timers/real-timers.js'
import type { CheckpointFile } from '../checkpoints/checkpoint-file.js'
import { type Divergence, divergenceError, divergenceEvent, forgeryOf } from '../checkpoints/continuity.js'
import { divergenceFromWitnesses, provesMore } from '../checkpoints/external-checkpoints.js'
import {
  assertOneOrigin,
  divergenceOf,
  type KnownLog,
  originOf,
  statedSizes,
} from '../checkpoints/known-checkpoints.js'
import { viewOf, viewWith } from '../checkpoints/log-view.js'
import type { ResolvedCheckpointOptions } from '../checkpoints/options.js'
import { ownSigner } from '../checkpoints/own-key.js'
import { chooseSigner, originFor, signerAtHand } from '../checkpoints/signing-key.js'
import { currentKeys, isOneOf, keyChange, type SigningKey } from '../checkpoints/signing-keys.js'
import { storedLeaf } from '../checkpoints/stored-leaf.js'
import type { CommitObserver } from '../committing/recorded-gaps.js'
import type { AuditLogRecovery } from '../contract.js'
import { HeadFile } from '../journal/head-file.js'
import { Journal } from '../journal/journal.js'
import type { JournalDamagePolicy } from '../journal/journal-gaps.js'
import type { JournalKey } from '../journal/journal-key.js'
import { JournalReplay } from '../journal/journal-replay.js'
import { keepCopies, type SetAsideJournal, setAsideEvent, setForeignAside } from '../journal/set-aside.js'
import type { Durability } from '../journal/window.js'
import type { Clock } from '../sealing/clock.js'
import { Sealer } from '../sealing/seal.js'
import { adoptStaging } from './adopt-staging.js'
import { interruptedRuns } from './interrupted-runs.js'
import { commitReplayed, hasUncommittedSegments, positionBehind, replayOptions } from './journal-recovery.js'
import { type LedgerNaming, namingOf, previousOf, readKnownLog } from './known-log.js'
import { lastEvent, recordedAtOf, recoveredUpTo } from './last-event.js'
import { RecoveredEvents } from './recovered-events.js'
import { RecoveryCommits } from './recovery-commits.js'

export interface RecoveryOptions extends ResolvedCheckpointOptions {
  /** Open. */
  readonly store: AuditStore
  readonly clock: Clock
  /** The directory of journal and head; `undefined` for a log that has none. */
  readonly directory: string | undefined
  /** Directory of staging journals that the log takes over; `undefined` for a log that takes none. */
  readonly staging?: string | undefined
  readonly durability: Durability
  readonly damagedJournal: JournalDamagePolicy
  readonly journalKey: JournalKey | undefined
  readonly onProblem: (problem: Error) => void
  readonly committed?: CommitObserver | undefined
  /** Stops the recovery between two commits. The next opening goes on from there. */
  readonly signal?: AbortSignal | undefined
  /** The place of the log in a ledger of which it is opened as a part. */
  readonly inLedger?: LedgerNaming | undefined
}

/** A log that is complete again, and what goes on writing it. */
export interface Recovered {
  readonly report: AuditLogRecovery
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
   * tells of them is being rebuilt. `undefined` when there is nothing left to do.
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
  const { store, directory, clock, durability } = options
  const startMillis = monotonicMillis()
  const { known, outside } = await readKnownLog(options)
  const { file: checkpointFile, newest } = known
  assertOneOrigin(outside, newest)
  const naming = namingOf(options, originOf(newest))
  const origin = await originFor(originOf(newest), naming)
  // A close is out of date where the log's own key signed more; the journal can tell what, if it is still there.
  const isOutdated =
    hasUncommittedSegments(store, directory) && provesMore(known.published, store, await signerAtHand(naming))
  const wasClosed = store.closedInOrder && !isOutdated
  const replaying = directory === undefined ? undefined : replayOptions(directory, wasClosed, options)

  const beyond = statedSizes(known).filter((size) => size > store.size)
  const expected =
    replaying && beyond.length > 0 ? await viewWith(new JournalReplay(replaying), store, beyond) : viewOf(store)
  let divergence =
    (await divergenceOf(known, store, expected)) ?? (await divergenceFromWitnesses({ ...options, newest }))
  refuse(divergence, options)
  const current = await currentKeys(newest, store)
  const signer = await chooseSigner({ ...naming, current })
  const previousSigner = previousOf(options, origin)
  divergence ??= forgery(known, [signer, previousSigner])
  refuse(divergence, options)

  const foreign = replaying && wasClosed ? await setForeignAside(replaying.directory, replaying.from) : undefined
  const last = await lastEvent(store)
  const sealer = new Sealer(clock, origin, recordedAtOf(last))
  const taken = new RecoveredEvents(sealer, origin, recoveredUpTo(last, origin))
  const commits = new RecoveryCommits({ store, sealer, taken, origin, committed: options.committed })
  if (replaying && durability !== 'flush-only')
    await createDirectory(replaying.directory, readersOfLog(dirname(replaying.directory)))
  const replay = replaying && new JournalReplay(replaying)
  if (replay) await commitReplayed(replay, { commits, taken, origin, signal: options.signal })
  // An id of a caller, or a gap, may have left open which positions the entries get.
  if (beyond.length > 0 && !divergence) {
    divergence = await divergenceOf(known, store, viewOf(store))
    refuse(divergence, options)
  }
  const copies = replaying && (await keepCopies(replaying.directory, replay?.damagedSegments ?? [], replaying.from))

  const unclean = !wasClosed || taken.events > 0
  sealer.follow(recordedAtOf(await lastEvent(store)))
  if (foreign && foreign.files > 0) await commits.state(setAsideEvent(foreign))
  if (divergence) await commits.state(divergenceEvent(divergence, store))
  const waitsForIndex = unclean && isIndexBehind(store)
  const interrupted = unclean && !waitsForIndex ? await markInterrupted(commits, 0, options.signal) : 0
  if (signer && current.length > 0 && !isOneOf(current, signer)) {
    await recordKeyChange(commits, sealer, { current, signer }, { ...options, previousSigner })
  }
  const journal = replay && durability !== 'flush-only' ? new Journal(replay.next) : undefined
  try {
    await journal?.listed
    // Without a journal nothing of a next segment is needed.
    await commits.commit(journal?.end ?? (replay && positionBehind(replay, (foreign?.files ?? 0) > 0)))
  } catch (problem) {
    journal?.close()
    throw problem
  }
  if (journal) journal.release(journal.end)
  else if (replay) await replay.remove()

  const sizeBefore = store.size
  const adopted = await adoptStaging({ ...options, staging: options.staging, sealer })
  const interruptedElsewhere = adopted.events > 0 ? await markInterrupted(commits, sizeBefore) : 0
  if (interruptedElsewhere > 0) await commits.commit(journal?.end)
  const setAside = foreign && foreign.files > 0 ? foreign : copies
  const report: AuditLogRecovery = {
    unclean,
    recoveredEvents: taken.events,
    unattestedEvents: taken.unattested,
    ...(setAside && setAside.files > 0 && { setAside }),
    tornBytes: replay?.tornBytes ?? 0,
    gaps: replay?.gaps.length ?? 0,
    ...(divergence && { divergence: divergence.what }),
    interruptedRuns: interrupted + interruptedElsewhere,
    ...(adopted.events > 0 && { adoptedEvents: adopted.events }),
    durationMs: monotonicMillis() - startMillis,
  }
  if (foreign) reportSetAside(foreign, options)
  const head = directory === undefined ? undefined : new HeadFile(join(directory, 'head'), durability !== 'journal')
  if (divergence) await writeHead(head, store)
  const checkpoint = divergence ? undefined : newest
  const openRunsBefore = waitsForIndex ? store.size : undefined
  return {
    report: Object.freeze(report),
    origin,
    sealer,
    journal,
    head,
    signer,
    checkpointFile,
    checkpoint,
    openRunsBefore,
    adoptsLate: adopted.waitsForIndex,
  }
}

/** @throws AuditLogError unless such a log is to be opened nevertheless */
function refuse(found: Divergence | undefined, { divergence, store }: RecoveryOptions): void {
  if (found && divergence === 'refuse') throw divergenceError(found, store.location)
}

/** Signatures are verified last: which key is at hand depends on what the checkpoints say. */
function forgery({ sources }: KnownLog, keys: readonly (Signer | undefined)[]): Divergence | undefined {
  const signers = keys.filter((each) => each !== undefined)
  for (const source of sources) {
    const found = forgeryOf(source, signers)
    if (found) return found
  }
  return undefined
}

function reportSetAside({ files, bytes }: SetAsideJournal, { store, onProblem }: RecoveryOptions): void {
  if (files === 0) return
  onProblem(
    new AuditLogError(
      'AUDIT_LOG_CORRUPT',
      `The audit log ${store.location} was closed in order, and somebody wrote to its journal since: ${bytes} bytes in ${files} files. They are no part of the log, and are kept in journal/aside`,
    ),
  )
}

/** So that the next opening does not refuse what this one has recorded. */
async function writeHead(head: HeadFile | undefined, store: AuditStore): Promise<void> {
  const last = await storedLeaf(store, store.size - 1)
  if (last) head?.write(store.size, last)
}

async function markInterrupted(commits: RecoveryCommits, from: number, signal?: AbortSignal): Promise<number> {
  let runs = 0
  for await (const events of interruptedRuns(commits.store, Infinity, from)) {
    signal?.throwIfAborted()
    for (const event of events) await commits.state(event)
    runs += events.length
  }
  return runs
}

async function recordKeyChange(
  commits: RecoveryCommits,
  sealer: Sealer,
  { current, signer }: { readonly current: readonly SigningKey[]; readonly signer: Signer },
  { directory, previousSigner, checkpointTimeoutMillis: timeoutMillis, onProblem }: RecoveryOptions,
): Promise<void> {
  const findPrevious = async () =>
    previousSigner ?? (directory === undefined ? undefined : await ownSigner(directory, onProblem))
  // Nothing may come between: the statement of the key before names the position.
  await commits.recordClockStep()
  const event = await keyChange({ current, signer, findPrevious, seq: commits.nextSeq, timeoutMillis })
  await commits.add(sealer.sealStatement(event).entry)
}
