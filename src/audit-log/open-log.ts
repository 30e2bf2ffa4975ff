import { dirname } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { isError } from '../events/is-error.js'
import type { OpenGovernance } from '../governance/open-governor.js'
import { type LogDirectory, ledgerOf, logDirectory, stagingAt } from '../ledger/log-directories.js'
import { LedgerMember } from '../ledger/writing/member.js'
import { removeState, writeState } from '../ledger/writing/state-file.js'
import { gapEmitter } from '../log/committing/recorded-gaps.js'
import { LogWriter } from '../log/committing/writer.js'
import type { AuditLogRecovery } from '../log/contract.js'
import type { ResolvedAuditLogOptions } from '../log/options.js'
import { type Recovered, recover } from '../log/recovery/recovery.js'
import { recordStatement } from '../log/statements.js'
import { WatchedCommits } from '../reader/follow/watched-commits.js'
import { Commits, createReader } from '../reader/index.js'
import { readContentAs } from '../reader/sealed-content.js'
import type { AuditStore } from '../store/contract.js'
import { createDirectory } from '../store/directory.js'
import { isIndexBehind } from '../store/index-behind.js'
import { isShared } from '../store/shared.js'
import { startUnrefInterval } from '../timers/real-timers.js'
import { OpenAuditLog } from './audit-log.js'
import { requireExternalCheckpointFile } from './external-checkpoint-file.js'
import { LateRecovery } from './late-recovery.js'
import { checkpointerOf } from './log-checkpointer.js'
import { governanceOf, REVIEW_MILLIS, recordedPolicy } from './log-governance.js'

/** The shortest time from one check of the directory of an open log to the next. */
const MIN_CHECK_MILLIS = 1_000

/** A log that is open. */
export interface Opened {
  readonly log: OpenAuditLog
  /** Of a log in a directory that is written. One that is opened alone is log 0 of whatever ledger there is. */
  readonly member: LedgerMember | undefined
  /** Settles when all is recorded that the recovery of the log has to state. */
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
  requireExternalCheckpointFile(options, directory)
  const governance = governanceOf(store, part?.location ?? (directory && ledgerOf(directory)), options)
  await store.open()
  const { location } = store
  const { emitter } = options
  try {
    if (directory !== undefined) await writeState(directory, part?.use ?? 'writing')
    if (options.externalCheckpointFile !== undefined) await createDirectory(dirname(options.externalCheckpointFile))
    const staging = directory === undefined ? undefined : stagingAt(part?.location ?? directory)
    const recovering = {
      ...options,
      store,
      directory,
      inLedger: part && { log: part.directory.number, namedAfter: part.namedAfter },
      signal: part?.signal,
      staging,
      committed: gapEmitter(emitter, location),
      report: (problem: Error) => emitter.report(problem),
    }
    const { recovery, openRunsBefore, adoptsLate, ...parts } = await recover(recovering)
    if (hasTakenOver(recovery)) emitter.emit('recovered', { location, ...recovery })
    // Whatever else fails in a log whose directory is gone follows from that, which the writer reports once.
    const report = (problem: Error) => {
      if (store.isInPlace === false) writer.reviewDirectory()
      else emitter.report(problem)
    }
    const ledger = part ?? (directory === undefined ? undefined : aloneAt(directory))
    const member =
      ledger?.use === 'writing'
        ? new LedgerMember({
            ...parts,
            ...ledger,
            store,
            options,
            report,
            record: (statement) => recordStatement(writer, statement),
          })
        : undefined
    const commits = isShared(store) ? new WatchedCommits(store) : new Commits()
    const late = new LateRecovery({ ...recovering, ...parts, openRunsBefore, adoptsLate })
    await governance.ready()
    const writer: LogWriter = new LogWriter({
      ...options,
      ...parts,
      governance: governance.governor,
      store,
      checkpointer: checkpointerOf({
        ...options,
        ...parts,
        store,
        report,
        signed: (checkpoint) => emitter.emit('checkpoint', { location, ...checkpoint }),
      }),
      onChange: () => commits.changed(),
      isSettled: () => late.isOver,
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
      contentKeys: () => governance.keys,
    })
    if (directory !== undefined) watchDirectory(writer, options.checkpointIntervalMillis)
    await stateInForce(governance, writer, store, parts.origin)
    await member?.begin()
    if (part?.use !== 'recovering') await goBehind(parts.journal, location, options)
    const settled = late.run(writer)
    const log = new OpenAuditLog({ writer, reader, recovery, emitter, governance })
    readContentAs(log, reader)
    return { log, member, settled }
  } catch (problem) {
    if (directory !== undefined) await removeState(directory).catch(() => {})
    await store.close()
    throw openProblem(problem, location)
  }
}

/** Tells whether opening a log found more than a log that was closed in order. */
function hasTakenOver({ unclean, setAside, divergence, interruptedRuns, adoptedEvents }: AuditLogRecovery): boolean {
  return unclean || interruptedRuns > 0 || [setAside, divergence, adoptedEvents].some((found) => found !== undefined)
}

/** The part of a ledger that a log is opened as which is opened alone: others may share the directory. */
function aloneAt(directory: string): Pick<LedgerPart, 'location' | 'directory' | 'use'> {
  return { location: directory, directory: logDirectory(directory, 0), use: 'writing' }
}

/** Has a thread write the journal, if that is asked for and can be. */
async function goBehind(
  journal: Recovered['journal'],
  location: string,
  { durability, journalWindowBytes: windowBytes, emitter }: ResolvedAuditLogOptions,
): Promise<void> {
  if (durability !== 'journal-behind') return
  const report = (cause: unknown) => {
    const why = isError(cause) ? cause.message : String(cause)
    const what = `The journal of the audit log ${location} is not written by a thread: ${why}. Each event is written before record() returns`
    emitter.report(new Error(what, { cause }))
  }
  await journal?.goBehind({ windowBytes, onEnded: report }).catch(report)
}

/** Puts the policy on record where another one is, and looks after it until the log is closed. An index that is being rebuilt is not waited for. */
async function stateInForce(
  { governor, review }: OpenGovernance,
  writer: LogWriter,
  store: AuditStore,
  origin: string,
): Promise<void> {
  const stated = recordedPolicy(store, origin).then(
    (digest) => {
      governor.recordedAs(digest)
      writer.stateDue()
    },
    () => {},
  )
  if (!isIndexBehind(store)) await stated
  const stop = startUnrefInterval(REVIEW_MILLIS, () => {
    review()
    if (!writer.stateDue()) stop()
  })
}

/** Checks now and then that the directory of an open log is still there, until it is closed. */
function watchDirectory(writer: LogWriter, intervalMillis: number): void {
  const stop = startUnrefInterval(Math.max(MIN_CHECK_MILLIS, intervalMillis), () => {
    if (!writer.reviewDirectory()) stop()
  })
}

function openProblem(problem: unknown, location: string): unknown {
  if (!(isError(problem) && 'syscall' in problem)) return problem
  return new AuditLogError('AUDIT_OPEN_FAILED', `Cannot open the audit log ${location}: ${problem.message}`, {
    cause: problem,
  })
}
