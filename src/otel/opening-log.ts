import { AuditLogError } from '../events/errors.js'
import type { AuditEvent, AuditEventInput } from '../events/types.js'
import type { AppendResult, AuditLogCounters, AuditLogHealth, AuditLogWriter, RecordInput } from '../log/contract.js'
import { retryDelayMillis } from '../log/retry-delay.js'
import { StagedQueue } from '../log/staging/staged-queue.js'
import type { StagingJournal } from '../log/staging/staging-journal.js'
import { RECORD_STATEMENT, recordStatement, type StatementWriter } from '../log/statements.js'
import { type StartTimer, startUnrefTimer } from '../timers/real-timers.js'
import { GivenUpLogs, sumOf } from './given-up-logs.js'
import { handOver } from './hand-over.js'
import { cannotOpen, isLasting } from './open-failure.js'
import type { OpeningLogOptions } from './opening-options.js'
import { stagedCounters } from './staged-counters.js'

/**
 * Stands in for a log that is not open yet. What comes is staged in order (see {@link StagedQueue}), and handed over before
 * anything newer. A log that cannot be opened is tried again, at growing intervals of at most 30 seconds, unless waiting
 * mends nothing.
 */
export class OpeningLog<L extends AuditLogWriter> implements AuditLogWriter, StatementWriter {
  readonly location: string
  readonly #options: OpeningLogOptions<L>
  readonly #queue: StagedQueue
  readonly #givenUp: GivenUpLogs
  readonly #listeners = new Set<() => void>()
  readonly #startTimer: StartTimer
  /** The outcome of the attempt that is going on, or was last. */
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
    this.#givenUp = new GivenUpLogs(this.#queue)
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

  /**
   * Calls a listener each time when the log is given up, before anything is recorded for the next one.
   *
   * @param listener - never throws
   * @returns the function that removes the listener
   */
  onGivenUp(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  record(event: RecordInput): AuditEvent | undefined {
    return this.#log ? this.#log.record(event) : this.#queue.record(event, false)
  }

  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined {
    return this.#log ? recordStatement(this.#log, statement) : this.#queue.record(statement, true)
  }

  async append(event: AuditEventInput): Promise<AppendResult> {
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

  counters(): AuditLogCounters {
    const counters = this.#log?.counters() ?? stagedCounters(this.#queue)
    return {
      ...counters,
      dropped: sumOf(counters.dropped, { log_unavailable: this.#queue.dropped }, this.#givenUp.dropped),
    }
  }

  health(): AuditLogHealth {
    if (this.#log) return this.#log.health()
    const { journal, journalProblem } = this.#queue
    return {
      status: this.#closed ? 'closed' : 'failing',
      journal: this.#options.staging === undefined ? 'off' : journal && journalProblem === undefined ? 'ok' : 'failing',
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
    await this.#givenUp.settled
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
    // Whoever awaits it gets the rejection.
    outcome.catch(() => undefined)
    return outcome
  }

  async #try(): Promise<L> {
    try {
      await this.#givenUp.settled
      const log = this.#taking ?? (await this.#open())
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

  async #open(): Promise<L> {
    let opened: L | undefined
    let isRemoved = false
    opened = await this.#options.open(() => {
      isRemoved = true
      this.#onRemoved(opened)
    })
    this.#taking = opened
    if (isRemoved) this.#onRemoved(opened)
    return opened
  }

  /** Gives up a log whose directory is gone, and opens another one in its place. What it had not stored is staged again. */
  #onRemoved(log: L | undefined): void {
    if (!log || this.#closed || (log !== this.#log && log !== this.#taking)) return
    const wasOpen = log === this.#log
    this.#log = undefined
    this.#taking = undefined
    this.#problem = new AuditLogError(
      'AUDIT_LOG_REMOVED',
      `the directory of the audit log ${this.location} was removed, or another one is in its place`,
    )
    this.#givenUp.add(log)
    this.#queue.retryJournal()
    if (this.#failedAttempts++ === 0) this.#warnOf(this.#problem)
    for (const listener of this.#listeners) listener()
    // Where it was being given what was staged, that attempt fails.
    if (wasOpen) this.#outcome = this.#begin()
  }

  #onFailed(problem: unknown): void {
    this.#problem = problem
    this.#failedAttempts++
    this.#queue.retryJournal()
    if (this.#failedAttempts === 1) this.#warnOf(problem)
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
    if (attempts > 0)
      this.#options.onWarning?.(`The audit log ${this.location} is open now, and has what was recorded meanwhile`)
  }

  /** Brings the log what was staged, then puts it in place. */
  async #handOver(log: L): Promise<void> {
    await handOver(log, {
      queue: this.#queue,
      givenUp: this.#givenUp,
      assertCurrent: () => {
        if (log !== this.#taking) throw this.#problem
      },
      onComplete: (journal) => {
        this.#log = log
        this.#taking = undefined
        this.#cleaning = this.#removeStaging(log, journal)
      },
    })
  }

  /** The staging journal goes once the log has all of it, whatever loses power. Otherwise the next opening compares the two. */
  async #removeStaging(log: L, journal: StagingJournal | undefined): Promise<void> {
    try {
      await log.flush()
      await journal?.remove()
    } catch {
      await journal?.release().catch(() => undefined)
    }
  }

  /** Says once why nothing gets into the log. */
  #warnOf(problem: unknown): void {
    const { journal, journalProblem } = this.#queue
    this.#options.onWarning?.(cannotOpen(this.location, problem, journal?.directory ?? { problem: journalProblem }))
  }
}
