import { dirname, resolve } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { isError } from '../events/is-error.js'
import { requireDirectoryPath } from '../events/options.js'
import { GROUP, NOBODY, type Readers } from '../files/readers.js'
import { type LogPlace, placeOf, stagingAt } from '../ledger/places.js'
import { requireFileLocks } from '../ledger/writing/file-locks.js'
import { chosenName } from '../ledger/writing/ledger-key.js'
import { LedgerMember } from '../ledger/writing/member.js'
import { recoverOthers } from '../ledger/writing/recover-others.js'
import { removeState, writeState } from '../ledger/writing/state-file.js'
import { takeLog } from '../ledger/writing/take-log.js'
import { CheckpointFile } from '../log/checkpoints/checkpoint-file.js'
import { Checkpointer } from '../log/checkpoints/checkpointer.js'
import { LogWriter } from '../log/committing/writer.js'
import { type AuditLogOptions, type ResolvedAuditLogOptions, resolveOptions } from '../log/options.js'
import { interruptedRuns } from '../log/recovery/interrupted-runs.js'
import { type Recovered, recover } from '../log/recovery/recovery.js'
import { recordStatement } from '../log/statements.js'
import { WatchedCommits } from '../reader/follow/watched-commits.js'
import { Commits, createReader } from '../reader/index.js'
import type { AuditStore } from '../store/contract.js'
import { makeDirectory } from '../store/directory.js'
import { levelStore } from '../store/leveldb/index.js'
import { isShared } from '../store/shared.js'
import { startUnrefTimer } from '../timers/real-timers.js'
import { proveConsistency } from '../tree/index.js'
import { type AuditLog, OpenAuditLog } from './audit-log.js'
import { checkCounterFile } from './counter-file.js'

type DirectoryOptions = Omit<AuditLogOptions, 'store'>
type StoreOptions = AuditLogOptions & { readonly store: AuditStore }

/**
 * Opens the log in a directory, to write and to read; both are created if they are missing. One process at a time, and
 * one log in it, can have a directory open. With `shared`, the directory is a ledger: each process takes a log of its own.
 *
 * @param location - a directory; a relative path is resolved at once
 * @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_ROLLED_BACK`, `AUDIT_LOG_OPEN_FAILED`,
 * `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_KEY_INVALID`, `AUDIT_ORIGIN_MISMATCH`, `AUDIT_FILE_REFUSED`, `AUDIT_WRITE_FAILED`,
 * `AUDIT_LOCKS_UNSUPPORTED`; what a
 * `knownCheckpoint` function rejects with
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * await using log = await openAuditLog('./audit')
 * await log.append({ type: 'agent_handoff', data: { to: 'writer' }, runId: 'r-1' })
 * for await (const event of log.events({ runId: 'r-1' })) console.log(event.seq, event.type)
 * ```
 */
export function openAuditLog(location: string, options?: DirectoryOptions): Promise<AuditLog>
/** Opens the log in the given store: `openAuditLog({ store: memoryStore() })`. */
export function openAuditLog(options: StoreOptions): Promise<AuditLog>
export async function openAuditLog(location: string | StoreOptions, options?: DirectoryOptions): Promise<AuditLog> {
  const given: AuditLogOptions = typeof location === 'object' ? location : { ...options }
  const resolved = resolveOptions(given)
  const store = storeOf(location, given)
  const directory = typeof location === 'string' ? resolve(location) : undefined
  if (directory !== undefined && resolved.shared) return await openLedger(directory, resolved)
  const { log, member } = await open(store, directory, resolved)
  member?.start()
  log.enterLedger({ stop: () => member?.stop() })
  return log
}

/** A log that is open. */
interface Opened {
  readonly log: OpenAuditLog
  /** Of a log in a directory that is written. One that is opened alone is log 0 of whatever ledger there is. */
  readonly member: LedgerMember | undefined
  /** Settles when all is recorded that the recovery of the log has to tell. */
  readonly settled: Promise<unknown>
}

/** The part of a ledger that a log is opened as. */
interface LedgerPart {
  /** Of the ledger. */
  readonly location: string
  readonly place: LogPlace
  /** For its recovery alone, after which it is closed; or to write it. */
  readonly use: 'writing' | 'recovering'
  readonly namedAfter: string | undefined
}

/** Takes a free log of a ledger, and recovers the others whose writers died in the background. */
async function openLedger(location: string, options: ResolvedAuditLogOptions): Promise<AuditLog> {
  checkCounterFile(options, location)
  await requireFileLocks(location)
  const { onProblem } = options
  const namedAfter = chosenName(options)
  const openAt = (place: LogPlace, use: LedgerPart['use']) => {
    const part = { location, place, use, namedAfter }
    return open(levelStore(place.directory, readersFor(options)), place.directory, optionsAt(place, use, options), part)
  }
  const taken = await takeLog({
    location,
    onProblem,
    readers: readersFor(options),
    open: (place) => openAt(place, 'writing'),
  })
  const { log, member } = taken.log
  const stopping = new AbortController()
  const { signal } = stopping
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  member?.start()
  const recovering = recoverOthers({
    location,
    own: taken.place.number,
    unusable: taken.unusable,
    onProblem,
    isStopped: () => signal.aborted,
    recover: async (place) => {
      const dead = await openAt(place, 'recovering')
      await Promise.race([dead.settled, stopped])
      await dead.log.close()
    },
  })
  log.enterLedger({
    place: Object.freeze({ location, log: taken.place.number }),
    stop: () => {
      member?.stop()
      stopping.abort()
    },
    stopped: recovering,
  })
  return log
}

/** The part of a ledger that a log is opened as which is opened alone: others may share the directory. */
function aloneAt(directory: string): Pick<LedgerPart, 'location' | 'place' | 'use'> {
  return { location: directory, place: placeOf(directory, 0), use: 'writing' }
}

function optionsAt(
  { number }: LogPlace,
  use: LedgerPart['use'],
  options: ResolvedAuditLogOptions,
): ResolvedAuditLogOptions {
  const { counterFile, meter } = options
  return {
    ...options,
    meter: use === 'writing' ? meter : undefined,
    counterFile: counterFile === undefined || number === 0 ? counterFile : `${counterFile}.${number}`,
  }
}

function storeOf(location: string | StoreOptions, { store, mode }: AuditLogOptions): AuditStore {
  if (typeof location === 'object') {
    if (!store) throw new TypeError('openAuditLog: give the directory of the log, or a store')
    return store
  }
  requireDirectoryPath('openAuditLog', location)
  if (store) throw new TypeError('openAuditLog: give a directory or a store, not both')
  return levelStore(location, readersFor({ mode }))
}

function readersFor({ mode }: { readonly mode?: AuditLogOptions['mode'] | undefined }): Readers {
  return mode === 'group' ? GROUP : NOBODY
}

/**
 * @param directory - of the log, where it has one: beside the store it keeps the journal and the head there
 * @param part - of a ledger
 */
async function open(
  store: AuditStore,
  directory: string | undefined,
  options: ResolvedAuditLogOptions,
  part?: LedgerPart,
): Promise<Opened> {
  checkCounterFile(options, directory)
  await store.open()
  try {
    if (directory !== undefined) await writeState(directory, part?.use ?? 'writing')
    if (options.counterFile !== undefined) await makeDirectory(dirname(options.counterFile))
    const inLedger = part && { log: part.place.number, namedAfter: part.namedAfter }
    const { report, openRunsBefore, ...parts } = await recover({
      ...options,
      store,
      directory,
      inLedger,
      staging: directory === undefined ? undefined : stagingAt(part?.location ?? directory),
    })
    const ledger = part ?? (directory === undefined ? undefined : aloneAt(directory))
    const member =
      ledger?.use === 'writing'
        ? new LedgerMember({
            ...options,
            ...parts,
            ...ledger,
            store,
            options,
            record: (said) => recordStatement(writer, said),
          })
        : undefined
    const checkpointer = checkpointerOf(parts, store, options)
    const commits = isShared(store) ? new WatchedCommits(store) : new Commits()
    let isSettled = openRunsBefore === undefined
    const writer: LogWriter = new LogWriter({
      ...options,
      ...parts,
      store,
      checkpointer,
      onChange: () => commits.note(),
      isSettled: () => isSettled,
      lastStatements: member && (() => member.lastStatements()),
      onClosing: async (isInOrder) => {
        if (directory !== undefined) await (isInOrder ? writeState(directory, 'closed') : removeState(directory))
      },
    })
    // Where writing fails, a read shows what is committed.
    const barrier = async () => {
      // A read of what is committed already waits for nothing.
      if (!writer.isIdle) await writer.flush().catch(() => {})
      if (store.refresh) await store.refresh()
    }
    const reader = createReader(store, {
      barrier,
      eventTypes: options.ownTypes,
      commits,
      newestCheckpoint: () => writer.checkpoint().catch(() => undefined),
      directory,
      vkey: parts.signer?.vkey,
    })
    await member?.begin()
    if (part?.use !== 'recovering') await goBehind(parts.journal, store.location, options)
    const settled =
      openRunsBefore === undefined
        ? Promise.resolve()
        : recordInterrupted(writer, store, openRunsBefore, options).then((isDone) => {
            isSettled = isDone
          })
    return { log: new OpenAuditLog(writer, reader, report), member, settled }
  } catch (problem) {
    if (directory !== undefined) await removeState(directory).catch(() => {})
    await store.close()
    throw openProblem(problem, store.location)
  }
}

/** Has a thread write the journal, if that is asked for and can be. */
async function goBehind(
  journal: Recovered['journal'],
  location: string,
  { durability, journalWindowBytes: windowBytes, onProblem }: ResolvedAuditLogOptions,
): Promise<void> {
  if (durability !== 'journal-behind') return
  const tell = (cause: unknown) => {
    const why = isError(cause) ? cause.message : String(cause)
    const what = `The journal of the audit log ${location} is not written by a thread: ${why}. Each event is written before record() returns`
    onProblem(new Error(what, { cause }))
  }
  await journal?.goBehind({ windowBytes, onEnded: tell }).catch(tell)
}

/**
 * Records the runs that were interrupted when the last process died, once the index tells of them. Never rejects.
 *
 * @returns whether all of them are recorded
 */
async function recordInterrupted(
  writer: LogWriter,
  store: AuditStore,
  before: number,
  { onProblem }: ResolvedAuditLogOptions,
): Promise<boolean> {
  try {
    await store.indexReady?.()
    for await (const events of interruptedRuns(store, before)) {
      for (const event of events) if (!recordStatement(writer, event)) return false
    }
    return true
  } catch (problem) {
    // The next opening finds them open again.
    if (!isClosed(problem)) onProblem(isError(problem) ? problem : new Error(String(problem)))
    return false
  }
}

function isClosed(problem: unknown): boolean {
  return problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_CLOSED'
}

/** Signs what is not signed yet too: what a process that died left behind. */
function checkpointerOf(
  { signer, checkpointFile: file, checkpoint: newest }: Omit<Recovered, 'report' | 'openRunsBefore'>,
  store: AuditStore,
  {
    checkpointIntervalMillis: intervalMillis,
    checkpointTimeoutMillis,
    counterFile,
    onCheckpoint,
    onProblem,
  }: ResolvedAuditLogOptions,
): Checkpointer | undefined {
  if (!signer) {
    if (counterFile !== undefined)
      onProblem(new Error(`${store.location} has no key: ${counterFile} gets no checkpoints`))
    return undefined
  }
  const checkpointer = new Checkpointer({
    signer,
    file,
    counter: counterFile === undefined ? undefined : new CheckpointFile(counterFile),
    newest,
    stored: store.checkpoint,
    intervalMillis,
    timeoutMillis: checkpointTimeoutMillis,
    onCheckpoint,
    proveConsistency: (olderSize, size) => proveConsistency(olderSize, size, store),
    onProblem,
    startTimer: startUnrefTimer,
  })
  if (store.size > 0) checkpointer.committed(store.size, store.root)
  return checkpointer
}

function openProblem(problem: unknown, location: string): unknown {
  if (!(isError(problem) && 'syscall' in problem)) return problem
  return new AuditLogError('AUDIT_LOG_OPEN_FAILED', `Cannot open the audit log ${location}: ${problem.message}`, {
    cause: problem,
  })
}
