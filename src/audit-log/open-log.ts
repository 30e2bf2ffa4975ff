import { dirname } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { isError } from '../events/is-error.js'
import { type LogDirectory, logDirectory, stagingAt } from '../ledger/log-directories.js'
import { LedgerMember } from '../ledger/writing/member.js'
import { removeState, writeState } from '../ledger/writing/state-file.js'
import { CheckpointFile } from '../log/checkpoints/checkpoint-file.js'
import { Checkpointer } from '../log/checkpoints/checkpointer.js'
import { LogWriter } from '../log/committing/writer.js'
import type { ResolvedAuditLogOptions } from '../log/options.js'
import { interruptedRuns } from '../log/recovery/interrupted-runs.js'
import { adoptLate } from '../log/recovery/late-adoption.js'
import { type Recovered, recover } from '../log/recovery/recovery.js'
import { recordStatement } from '../log/statements.js'
import { WatchedCommits } from '../reader/follow/watched-commits.js'
import { Commits, createReader } from '../reader/index.js'
import type { AuditStore } from '../store/contract.js'
import { makeDirectory } from '../store/directory.js'
import { isShared } from '../store/shared.js'
import { startUnrefInterval, startUnrefTimer } from '../timers/real-timers.js'
import { proveConsistency } from '../tree/index.js'
import { OpenAuditLog } from './audit-log.js'
import { checkCounterFile } from './counter-file.js'

/** The shortest time from one look at the directory of an open log to the next. */
const MIN_LOOK_MILLIS = 1_000

/** A log that is open. */
export interface Opened {
  readonly log: OpenAuditLog
  /** Of a log in a directory that is written. One that is opened alone is log 0 of whatever ledger there is. */
  readonly member: LedgerMember | undefined
  /** Settles when all is recorded that the recovery of the log has to tell. */
  readonly settled: Promise<unknown>
}

/** The part of a ledger that a log is opened as. */
export interface LedgerPart {
  /** Of the ledger. */
  readonly location: string
  readonly directory: LogDirectory
  /** For its recovery alone, after which it is closed; or to write it. */
  readonly use: 'writing' | 'recovering'
  readonly namedAfter: string | undefined
  /** Stops a recovery between two commits: the next opening goes on from there. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens one log, and recovers it.
 *
 * @param directory - of the log, where it has one: beside the store it keeps the journal and the head there
 * @param part - of a ledger
 */
export async function openLog(
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
    const staging = directory === undefined ? undefined : stagingAt(part?.location ?? directory)
    const inLedger = part && { log: part.directory.number, namedAfter: part.namedAfter }
    const { report, openRunsBefore, adoptsLate, ...parts } = await recover({
      ...options,
      store,
      directory,
      inLedger,
      signal: part?.signal,
      staging,
    })
    // What else goes wrong with a log whose directory is gone follows from that, which the writer tells once.
    const onProblem = (problem: Error) => {
      if (store.isInPlace === false) writer.checkPlace()
      else options.onProblem(problem)
    }
    const ledger = part ?? (directory === undefined ? undefined : aloneAt(directory))
    const member =
      ledger?.use === 'writing'
        ? new LedgerMember({
            ...options,
            onProblem,
            ...parts,
            ...ledger,
            store,
            options,
            record: (said) => recordStatement(writer, said),
          })
        : undefined
    const checkpointer = checkpointerOf(parts, store, { ...options, onProblem })
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
        if (directory !== undefined && store.isInPlace !== false)
          await (isInOrder ? writeState(directory, 'closed') : removeState(directory))
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
    if (directory !== undefined) watchPlace(writer, options.checkpointIntervalMillis)
    await member?.begin()
    if (part?.use !== 'recovering') await goBehind(parts.journal, store.location, options)
    const settle = async () => {
      isSettled ||= await recordInterrupted(writer, store, openRunsBefore ?? 0, options)
      if (!adoptsLate || !isSettled) return
      // Until all of it is there, with the ends of its runs, the next opening has to look.
      await whileOpen(options, async () => {
        await store.indexReady?.()
        await adoptLate(writer, { ...options, ...parts, store, staging, signal: part?.signal }, () => {
          isSettled = false
        })
        isSettled = true
      })
    }
    const settled = settle()
    return { log: new OpenAuditLog(writer, reader, report), member, settled }
  } catch (problem) {
    if (directory !== undefined) await removeState(directory).catch(() => {})
    await store.close()
    throw openProblem(problem, store.location)
  }
}

/** The part of a ledger that a log is opened as which is opened alone: others may share the directory. */
function aloneAt(directory: string): Pick<LedgerPart, 'location' | 'directory' | 'use'> {
  return { location: directory, directory: logDirectory(directory, 0), use: 'writing' }
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
  options: ResolvedAuditLogOptions,
): Promise<boolean> {
  return await whileOpen(options, async () => {
    await store.indexReady?.()
    for await (const events of interruptedRuns(store, before)) {
      for (const event of events) if (!recordStatement(writer, event)) return false
    }
    return true
  })
}

/** Does what a log that is open has still to do. Never rejects: the next opening does what is left. @returns `false` where it failed */
async function whileOpen<T>({ onProblem }: ResolvedAuditLogOptions, act: () => Promise<T>): Promise<T | false> {
  try {
    return await act()
  } catch (problem) {
    if (!isClosed(problem)) onProblem(isError(problem) ? problem : new Error(String(problem)))
    return false
  }
}

function isClosed(problem: unknown): boolean {
  return problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_CLOSED'
}

/** Signs what is not signed yet too: what a process that died left behind. */
function checkpointerOf(
  { signer, checkpointFile: file, checkpoint: newest }: Omit<Recovered, 'report' | 'openRunsBefore' | 'adoptsLate'>,
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
    file: file && new CheckpointFile(file.path, () => requireInPlace(store)),
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

/** Another log may be where this one was: nothing of this one is written beside it. */
function requireInPlace({ isInPlace, location }: AuditStore): void {
  if (isInPlace === false) throw new Error(`the directory ${location} was removed or replaced`)
}

/** Looks now and then whether the directory of an open log is still there, until it is closed. */
function watchPlace(writer: LogWriter, intervalMillis: number): void {
  const stop = startUnrefInterval(Math.max(MIN_LOOK_MILLIS, intervalMillis), () => {
    if (!writer.checkPlace()) stop()
  })
}

function openProblem(problem: unknown, location: string): unknown {
  if (!(isError(problem) && 'syscall' in problem)) return problem
  return new AuditLogError('AUDIT_LOG_OPEN_FAILED', `Cannot open the audit log ${location}: ${problem.message}`, {
    cause: problem,
  })
}
