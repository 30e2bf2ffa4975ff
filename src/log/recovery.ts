import { join } from 'node:path'
import type { Signer } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { isTimestamp, type Timestamp, timestampFromMillis } from '../events/time.js'
import type { AuditStore, JournalPosition, SealedEntry } from '../store/contract.js'
import { makeDirectory } from '../store/directory.js'
import { defaultOrigin } from '../store/log-id.js'
import { hashLeaf } from '../tree/index.js'
import type { CheckpointFile } from './checkpoints/checkpoint-file.js'
import { type Divergence, divergenceError, divergenceEvent, forgeryOf } from './checkpoints/continuity.js'
import { compareWithKnown, newestKept, originOf, sourcesOf } from './checkpoints/known-checkpoints.js'
import type { ResolvedCheckpointOptions } from './checkpoints/options.js'
import { chooseSigner, originFor, ownSigner } from './checkpoints/signing-key.js'
import { currentKeys, isOneOf, keyChange, type SigningKey } from './checkpoints/signing-keys.js'
import type { Clock } from './clock.js'
import { Group } from './commit-queue.js'
import { gapEvent } from './gaps.js'
import { HeadFile } from './head-file.js'
import { interruptedRuns } from './interrupted-runs.js'
import { Journal } from './journal.js'
import { currentBootId } from './journal-format.js'
import { type DamagePolicy, type JournalGap, JournalReplay } from './journal-replay.js'
import { Sealer } from './seal.js'

/** What opening a log found and did. */
export interface AuditLogRecovery {
  /** The log was not closed: the process that had it died, or exited without closing it. */
  readonly unclean: boolean
  /** Events that were in the journal alone, and are committed now. */
  readonly replayedEvents: number
  /** Bytes cut off the end of the journal: what was being written when the process, or the machine, died. */
  readonly tornBytes: number
  /** Stretches of the journal that could not be read, each recorded as `events_dropped`. */
  readonly gaps: number
  /** The log did not continue what was known of it, and was opened nevertheless: says how. */
  readonly divergence?: string | undefined
  /** Runs without an end that got `run_interrupted`. */
  readonly interruptedRuns: number
  /** Milliseconds that all this took, the opening of the store left out. */
  readonly durationMs: number
}

export interface RecoveryOptions extends ResolvedCheckpointOptions {
  /** Open. */
  readonly store: AuditStore
  readonly clock: Clock
  /** Where journal and head are; `undefined` for a log that has none. */
  readonly directory: string | undefined
  readonly durability: 'journal' | 'flush-only'
  readonly onDamagedJournal: DamagePolicy
  readonly onProblem: (problem: Error) => void
}

/** A log that is complete again, and what goes on writing it. */
export interface Recovered {
  readonly report: AuditLogRecovery
  readonly sealer: Sealer
  readonly journal: Journal | undefined
  readonly head: HeadFile | undefined
  /** What signs the log's checkpoints; `undefined` when nothing does. */
  readonly signer: Signer | undefined
  readonly checkpointFile: CheckpointFile | undefined
  /** The newest checkpoint that the log continues. */
  readonly checkpoint: string | undefined
}

/**
 * Commits what the journal has and the store has not, compares the log with its head and its checkpoints, and marks the
 * runs that died with the process. It costs by what was not committed and by the runs that were open, not by the size of the log.
 *
 * Every step is atomic with the journal position up to which it has been taken: dying here, and recovering again, does
 * nothing twice.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_ROLLED_BACK`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_WRITE_FAILED`,
 * `AUDIT_KEY_INVALID`, `AUDIT_ORIGIN_MISMATCH`; what the file system throws
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { store, directory, clock, durability } = options
  const startMillis = performance.now()
  const wasClosed = store.closedInOrder
  const naming = { ...options, defaultOrigin: defaultOrigin(store.id) }
  const origin = await originFor(originOf(await newestKept(store, directory)), naming)
  const commits = new RecoveryCommits(store)
  const replay = directory === undefined ? undefined : await openReplay(options, directory)
  const replayedEvents = replay ? await replayInto(commits, replay, origin) : 0
  const known = await compareWithKnown(store, directory, options.knownCheckpoint)
  refuse(known.divergence, options)
  const { file: checkpointFile, newest } = known
  const current = await currentKeys(newest, store)
  const signer = await chooseSigner({ ...naming, current, origin: originOf(newest) ?? options.origin })
  const divergence = known.divergence ?? forgery(known.published, signer, options)
  refuse(divergence, options)

  const unclean = !wasClosed || replayedEvents > 0
  const sealer = new Sealer(clock, origin, await lastRecordedAt(store))
  if (divergence) await commits.add(sealer.sealStatement(divergenceEvent(divergence, store)))
  const interrupted = unclean ? await markInterrupted(commits, sealer) : 0
  if (signer && current.length > 0 && !isOneOf(current, signer)) {
    await recordKeyChange(commits, sealer, current, signer, options)
  }
  const journal = replay && durability === 'journal' ? new Journal(replay.next) : undefined
  try {
    await journal?.listed
    // Without a journal nothing of a next segment is needed.
    await commits.commit(journal?.end ?? (replay && { segment: replay.next.segment, offset: 0 }))
  } catch (problem) {
    journal?.close()
    throw problem
  }
  if (journal) journal.release(journal.end)
  else if (replay) await replay.delete()

  const report: AuditLogRecovery = {
    unclean,
    replayedEvents,
    tornBytes: replay?.tornBytes ?? 0,
    gaps: replay?.gaps.length ?? 0,
    ...(divergence && { divergence: divergence.what }),
    interruptedRuns: interrupted,
    durationMs: performance.now() - startMillis,
  }
  const head = directory === undefined ? undefined : new HeadFile(join(directory, 'head'))
  if (divergence) await writeHead(head, store)
  const checkpoint = divergence ? undefined : newest
  return { report: Object.freeze(report), sealer, journal, head, signer, checkpointFile, checkpoint }
}

/** @throws AuditLogError unless such a log is to be opened nevertheless */
function refuse(divergence: Divergence | undefined, { onDivergence, store }: RecoveryOptions): void {
  if (divergence && onDivergence === 'refuse') throw divergenceError(divergence, store.location)
}

/** Signatures are verified last: which key is at hand depends on what the checkpoints say. */
function forgery(
  published: string | undefined,
  signer: Signer | undefined,
  { previousSigner, store, knownCheckpoint }: RecoveryOptions,
): Divergence | undefined {
  const signers = [signer, previousSigner].filter((each) => each !== undefined)
  for (const [source, checkpoint] of sourcesOf(published, store, knownCheckpoint)) {
    const found = checkpoint === undefined ? undefined : forgeryOf(checkpoint, signers, source)
    if (found) return found
  }
  return undefined
}

/** So that the next opening does not refuse what this one has recorded. */
async function writeHead(head: HeadFile | undefined, store: AuditStore): Promise<void> {
  const [last] = await store.read([store.size - 1])
  if (last) head?.write(store.size, hashLeaf(last))
}

async function openReplay(options: RecoveryOptions, directory: string): Promise<JournalReplay> {
  const { store, onDamagedJournal } = options
  const path = join(directory, 'journal')
  if (options.durability === 'journal') await makeDirectory(path)
  return new JournalReplay({
    directory: path,
    from: store.journalPosition,
    closedInOrder: store.closedInOrder,
    bootId: currentBootId(),
    onDamage: onDamagedJournal,
    location: store.location,
  })
}

/** Commits what the store does not have, each gap where it is. @returns the number of events */
async function replayInto(commits: RecoveryCommits, replay: JournalReplay, origin: string): Promise<number> {
  let events = 0
  let gapsTold = 0
  for (const { entry, position } of replay.entries()) {
    for (const gap of replay.gaps.slice(gapsTold)) await commits.add(gapEntry(gap, origin))
    gapsTold = replay.gaps.length
    await commits.add(entry, position)
    events++
  }
  if (events > 0) await commits.commit()
  // A gap at the end goes with the commit that moves the position past it.
  for (const gap of replay.gaps.slice(gapsTold)) await commits.add(gapEntry(gap, origin))
  return events
}

/** Sealed as of the time at which the gap was: what follows in the journal is older than now. */
function gapEntry({ reason, count, before, after }: JournalGap, origin: string): SealedEntry {
  const at = after?.recordedAt ?? before?.recordedAt ?? timestampFromMillis(Date.now())
  const sealer = new Sealer(() => [0, 0], origin, at)
  return sealer.sealStatement(gapEvent(reason, { count, from: before?.recordedAt ?? at, to: at }))
}

async function markInterrupted(commits: RecoveryCommits, sealer: Sealer): Promise<number> {
  let runs = 0
  for await (const events of interruptedRuns(commits.store)) {
    for (const event of events) await commits.add(sealer.sealStatement(event))
    runs += events.length
  }
  return runs
}

async function recordKeyChange(
  commits: RecoveryCommits,
  sealer: Sealer,
  current: readonly SigningKey[],
  signer: Signer,
  { directory, previousSigner, checkpointTimeoutMillis: timeoutMillis, onProblem }: RecoveryOptions,
): Promise<void> {
  const findPrevious = async () =>
    previousSigner ?? (directory === undefined ? undefined : await ownSigner(directory, onProblem))
  const event = await keyChange({ current, signer, findPrevious, seq: commits.nextSeq, timeoutMillis })
  await commits.add(sealer.sealStatement(event))
}

/** Commits entries in groups, as the log itself does. */
class RecoveryCommits {
  readonly store: AuditStore
  #group = new Group<never>()

  constructor(store: AuditStore) {
    this.store = store
  }

  /** Position that the next entry gets, unless what waits repeats a caller id: what recovery adds does not. */
  get nextSeq(): number {
    return this.store.size + this.#group.length
  }

  /** @param end - of the entry's record in the journal */
  async add(entry: SealedEntry, end?: JournalPosition): Promise<void> {
    if (!this.#group.hasRoomFor(entry)) await this.commit()
    this.#group.add(entry, end !== undefined, end ?? this.#group.end)
  }

  /** @param journal - up to where the store has the journal then, if that is not the end of the last entry */
  async commit(journal = this.#group.end): Promise<void> {
    const { entries } = this.#group
    await this.store.commit(entries, { journal })
    this.#group = new Group()
  }
}

/** `recordedAt` of the last entry: it never goes back, whatever the clock did between two openings. */
async function lastRecordedAt(store: AuditStore): Promise<Timestamp> {
  const [bytes] = store.size > 0 ? await store.read([store.size - 1]) : []
  if (!bytes) return ''
  try {
    const { recordedAt } = JSON.parse(Buffer.from(bytes).toString()) as { recordedAt?: unknown }
    return isTimestamp(recordedAt) ? recordedAt : ''
  } catch (cause) {
    throw new AuditLogError('AUDIT_LOG_CORRUPT', `The last entry of the audit log ${store.location} is no event`, {
      cause,
    })
  }
}
