import type { AuditEvent, AuditEventInput } from '../events/types.js'
import type { AppendReceipt, AuditLogHealth, AuditLogStats, AuditLogWriter, RecordInput } from '../log/contract.js'
import { STAGED_INTAKE, type StagedIntake, type StagedTaker } from '../log/staging/staged-intake.js'
import { type Staged, StagedQueue, type StagedQueueOptions } from '../log/staging/staged-queue.js'
import { RECORD_STATEMENT, recordStatement, type StatementWriter } from '../log/statements.js'
import { retryDelayMillis } from '../log/timers.js'
import { type StartTimer, startUnrefTimer } from '../timers/real-timers.js'
import { cannotOpen, isLasting, messageOf } from './open-failure.js'

/** Bytes of staged events that a log takes before it has made those before them durable. */
const HANDED_OVER_BYTES = 1024 * 1024
export interface OpeningLogOptions<L> extends StagedQueueOptions {
  /** Opens the log. Called again after it has failed. */
  readonly open: () => Promise<L>
  /** Told once when the log cannot be opened, and once when it is open after all. */
  readonly onWarning?: (message: string) => void
  /** Told each time when the log is open. */
  readonly onOpen?: (log: L) => void
  readonly startTimer?: StartTimer
  /** A number from 0 up to 1, by which processes that fail together do not try again together. */
  readonly random?: () => number
}

/**
 * Stands in for a log that is not open yet. What comes is staged in order (see {@link StagedQueue}), and handed over before
 * anything newer. A log that cannot be opened is tried again, at growing intervals of at most 30 seconds, unless waiting
 * mends nothing.
 */
export class OpeningLog<L extends AuditLogWriter> implements AuditLogWriter, StatementWriter {
  readonly location: string
  readonly #options: OpeningLogOptions<L>
  readonly #queue: StagedQueue
  readonly #startTimer: StartTimer
  /** What the attempt comes to that is going on, or was last. */
  #outcome: Promise<L>
  /** Open, and not given all that was staged. */
  #taking: L | undefined = undefined
  #log: L | undefined = undefined
  #problem: unknown = undefined
  #failedAttempts = 0
  #isTrying = false
  #cleaning: Promise<void> = Promise.resolve()
  #cancelRetry: (() => void) | undefined = undefined
  #closed: Promise<void> | undefined = undefined

  constructor(location: string, options: OpeningLogOptions<L>) {
    this.location = location
    this.#options = options
    this.#startTimer = options.startTimer ?? startUnrefTimer
    this.#queue = new StagedQueue(options)
    if (options.staging !== undefined && !this.#queue.journal) this.#warnOfStaging(options.staging)
    this.#outcome = this.#begin()
  }

  /**
   * Settles with the attempt that is going on: resolves with the log, or rejects with the reason why it cannot be opened.
   * Between two attempts it is that of the last one.
   */
  get opened(): Promise<L> {
    return this.#outcome
  }

  /** Each attempt to open the log has failed so far. */
  get isUnopened(): boolean {
    return this.#log === undefined && this.#problem !== undefined
  }

  /** The log, once it is open. */
  get log(): L | undefined {
    return this.#log
  }

  /** Tries again at once where an attempt has failed: something may have changed since, also since a running one began. */
  retryNow(): void {
    if (this.#log || this.#closed || this.#failedAttempts === 0) return
    if (this.#isTrying) this.#outcome = this.#outcome.catch(() => this.#begin())
    else this.#outcome = this.#begin()
    this.#outcome.catch(() => undefined)
  }

  record(event: RecordInput): AuditEvent | undefined {
    return this.#log ? this.#log.record(event) : this.#queue.record(event, false)
  }

  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined {
    return this.#log ? recordStatement(this.#log, statement) : this.#queue.record(statement, true)
  }

  async append(event: AuditEventInput): Promise<AppendReceipt> {
    const log = await this.opened
    return await log.append(event)
  }

  async flush(): Promise<void> {
    const log = await this.opened
    await log.flush()
  }

  async assertWritable(): Promise<void> {
    const log = await this.opened
    await log.assertWritable()
  }

  stats(): AuditLogStats {
    const { events, spilledEvents, bytes, dropped, journal } = this.#queue
    const log_unavailable: Readonly<Record<string, number>> = dropped > 0 ? { log_unavailable: dropped } : {}
    const stats = this.#log?.stats()
    if (stats) return dropped > 0 ? { ...stats, dropped: { ...stats.dropped, ...log_unavailable } } : stats
    return {
      recorded: events,
      committed: 0,
      dropped: log_unavailable,
      queuedEvents: events,
      spilledEvents,
      queuedBytes: bytes,
      journalBytes: journal?.bytes ?? 0,
      commits: 0,
    }
  }

  health(): AuditLogHealth {
    if (this.#log) return this.#log.health()
    const { journal, journalProblem } = this.#queue
    const hasNoStaging = this.#options.staging === undefined
    return {
      status: this.#closed ? 'closed' : 'failing',
      journal: hasNoStaging ? 'off' : journal && journalProblem === undefined ? 'ok' : 'failing',
      store: 'failing',
      checkpoints: 'off',
      index: 'ok',
      cause: this.#problem ?? 'opening',
    }
  }

  /**
   * Closes the log, if it is open. What it has not taken over stays in the staging journal, for whoever opens a log of the
   * ledger next. Calling it again returns the same promise.
   *
   * @param closeLog - closes an open log
   * @throws what closing throws
   */
  close(closeLog: (log: L) => Promise<void>): Promise<void> {
    this.#closed ??= this.#close(closeLog)
    return this.#closed
  }

  async #close(closeLog: (log: L) => Promise<void>): Promise<void> {
    this.#cancelRetry?.()
    await this.#outcome.catch(() => undefined)
    await this.#cleaning
    const log = this.#log ?? this.#taking
    try {
      if (log) await closeLog(log)
    } finally {
      await this.#queue.release()
    }
  }

  #begin(): Promise<L> {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#isTrying = true
    const outcome = this.#try()
    // Whoever asks for it is told.
    outcome.catch(() => undefined)
    return outcome
  }

  async #try(): Promise<L> {
    try {
      const log = this.#taking ?? (await this.#options.open())
      this.#taking = log
      await this.#handOver(log)
      this.#onOpened(log)
      return log
    } catch (problem) {
      this.#onFailed(problem)
      throw problem
    } finally {
      this.#isTrying = false
    }
  }

  #onFailed(problem: unknown): void {
    this.#problem = problem
    this.#failedAttempts++
    this.#queue.retryJournal()
    if (this.#failedAttempts === 1) this.#warn(cannotOpen(this.location, problem, this.#queue.journal?.directory))
    if (this.#closed || isLasting(problem)) return
    const { random = Math.random } = this.#options
    const delayMillis = retryDelayMillis(this.#failedAttempts) * (1 - random() / 2)
    this.#cancelRetry = this.#startTimer(delayMillis, () => {
      this.#outcome = this.#begin()
    })
  }

  #onOpened(log: L): void {
    const attempts = this.#failedAttempts
    this.#failedAttempts = 0
    this.#problem = undefined
    this.#options.onOpen?.(log)
    if (attempts > 0) this.#warn(`The audit log ${this.location} is open now, and has what was recorded meanwhile`)
  }

  /** Brings the log what was staged, then puts it in place. What comes meanwhile is staged behind that. */
  async #handOver(log: L): Promise<void> {
    const queue = this.#queue
    const intake = intakeOf(log)
    if (intake) {
      await intake.ready()
      await this.#claim(intake.logId)
    }
    for (;;) {
      // Nothing can come between the last of what was staged and what is recorded from then on.
      if (queue.spilledEvents === 0 && queue.bytes <= HANDED_OVER_BYTES) {
        if (this.#give(log, intake, queue.takeNow(HANDED_OVER_BYTES)) && queue.events === 0) break
      } else this.#give(log, intake, await queue.take())
      await log.flush()
    }
    this.#finish(log, intake)
  }

  async #claim(logId: string): Promise<void> {
    const queue = this.#queue
    try {
      await queue.journal?.claimFor(logId)
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code !== 'ENOENT') throw problem
      // The directory was replaced by another one.
      queue.replaceJournal()
      await queue.journal?.claimFor(logId)
    }
  }

  /** @returns whether the log has taken all of it; what it has not is put back */
  #give(log: L, intake: StagedIntake | undefined, staged: readonly Staged[]): boolean {
    if (!intake) {
      for (const { entry, statement } of staged) {
        if (statement) recordStatement(log, statement as AuditEventInput)
        else log.record(JSON.parse(Buffer.from(entry.bytes).toString()) as AuditEventInput)
      }
      return true
    }
    const taken = intake.take(staged)
    if (taken === staged.length) return true
    this.#queue.putBack(staged.slice(taken))
    return false
  }

  #finish(log: L, intake: StagedIntake | undefined): void {
    const queue = this.#queue
    const { journal, summary } = queue
    const gap = queue.takeGap()
    if (gap) {
      recordStatement(log, {
        type: 'events_dropped',
        data: { ...gap, reason: 'log_unavailable' },
        source: { convention: 'spanledger', scope: 'spanledger' },
      })
    }
    if (intake && journal && summary) {
      intake.adopted({ staging: journal.id, ...summary, unattested: 0, ownerDied: false })
    }
    this.#log = log
    this.#taking = undefined
    this.#cleaning = this.#removeStaging(log)
  }

  /** The staging journal goes once the log has all of it, whatever loses power. Otherwise the next opening compares the two. */
  async #removeStaging(log: L): Promise<void> {
    try {
      await log.flush()
      await this.#queue.remove()
    } catch {
      await this.#queue.release()
    }
  }

  #warnOfStaging(staging: string): void {
    this.#warn(
      `What is recorded before the audit log ${this.location} is open dies with the process: ${staging} cannot be written ` +
        `(${messageOf(this.#queue.journalProblem)})`,
    )
  }

  #warn(message: string): void {
    this.#options.onWarning?.(message)
  }
}

function intakeOf(log: AuditLogWriter): StagedIntake | undefined {
  return STAGED_INTAKE in log ? (log as AuditLogWriter & StagedTaker)[STAGED_INTAKE] : undefined
}
