import { AuditLogError } from '../../events/errors.js'
import type { Timestamp } from '../../events/time.js'
import type { AuditEvent, AuditEventInput } from '../../events/types.js'
import type { EventSchemas } from '../../events/validate.js'
import type { AuditStore, CommitReceipt, JournalPosition, SealedEntry } from '../../store/contract.js'
import { isIndexBehind } from '../../store/index-behind.js'
import { monotonicMillis, type StartTimer } from '../../timers/real-timers.js'
import { ABANDON, type AbandonableLog, type Abandoned } from '../abandoned.js'
import type { Checkpointer } from '../checkpoints/checkpointer.js'
import type { AppendReceipt, AuditLogHealth, AuditLogStats, AuditLogWriter, RecordInput } from '../contract.js'
import type { HeadFile } from '../journal/head-file.js'
import type { Journal } from '../journal/journal.js'
import { spanOf, WriteAhead } from '../journal/write-ahead.js'
import { clockStepped } from '../sealing/clock-statement.js'
import type { Sealer } from '../sealing/seal.js'
import { StagedIntake } from '../staging/staged-intake.js'
import { RECORD_STATEMENT, type StatementWriter } from '../statements.js'

import { CommitQueue, type Group, type Pending } from './commit-queue.js'
import { CommitSchedule } from './commit-schedule.js'
import { Episodes } from './episodes.js'
import { FlawMarks } from './flaw-marks.js'
import { type DropReason, Gaps } from './gaps.js'
import { type AuditLogMeter, LogMetrics } from './metrics.js'
import { Receipts } from './receipts.js'

/** What a log is written with. */
export interface LogWriterParts {
  /** Open. The writer closes it. */
  readonly store: AuditStore
  readonly sealer: Sealer
  readonly schemas: EventSchemas
  readonly maxQueueBytes: number
  readonly onProblem: (problem: Error) => void
  /** The writer closes these. */
  readonly journal?: Journal | undefined
  readonly head?: HeadFile | undefined
  /** Told of each commit; the writer closes it. */
  readonly checkpointer?: Checkpointer | undefined
  readonly meter?: AuditLogMeter | undefined
  readonly startTimer?: StartTimer
  /** Called after each commit, and when the log is closed. */
  readonly onChange?: () => void
  /** Tells whether all is done that the next opening would have to do. @defaultValue it is */
  readonly isSettled?: () => boolean
  /** Gives what the log says of itself last, once nothing else is taken any more. What it rejects with is ignored. */
  readonly lastStatements?: (() => Promise<readonly AuditEventInput[]>) | undefined
  /** Told whether the log is closed in order, before others can open it. What it rejects with is ignored. */
  readonly onClosing?: ((isInOrder: boolean) => Promise<void>) | undefined
}

/**
 * Writes a log by group commit: the events of one tick become one commit, and whatever gathers while it is in flight
 * becomes the next. A group that could not be written stays at the head of the queue and is tried again.
 */
export class LogWriter implements AuditLogWriter, StatementWriter, AbandonableLog {
  readonly location: string
  /** Takes over what was staged before the log was open. */
  readonly stagedIntake: StagedIntake
  readonly #store: AuditStore
  readonly #sealer: Sealer
  readonly #schemas: EventSchemas
  readonly #flaws: FlawMarks
  readonly #maxQueueBytes: number
  readonly #onProblem: (problem: Error) => void
  readonly #onChange: () => void
  readonly #isSettled: () => boolean
  readonly #lastStatements: () => Promise<readonly AuditEventInput[]>
  readonly #onClosing: (isInOrder: boolean) => Promise<void>
  readonly #schedule: CommitSchedule
  readonly #receipts: Receipts
  readonly #writeAhead: WriteAhead | undefined
  readonly #head: HeadFile | undefined
  readonly #checkpointer: Checkpointer | undefined
  readonly #metrics: LogMetrics | undefined
  readonly #queue: CommitQueue<AppendReceipt>
  readonly #gaps = new Gaps()
  readonly #episodes = new Episodes()
  #recorded = 0
  #committed = 0
  #commits = 0
  #isCommitting = false
  #committing: Promise<void> | undefined = undefined
  #failedAttempts = 0
  #toldFull = false
  #closed: Promise<void> | undefined = undefined
  #isClosedInOrder = false
  /** Its directory was found to be gone, or another one to be in its place. */
  #isRemoved = false
  #lastLeaf: Uint8Array | undefined = undefined
  #firstAt: Timestamp | undefined = undefined
  #lastAt: Timestamp | undefined = undefined

  constructor(parts: LogWriterParts) {
    const { store, journal, meter } = parts
    this.#store = store
    this.location = store.location
    this.#sealer = parts.sealer
    this.#schemas = parts.schemas
    this.#flaws = new FlawMarks(parts.schemas, (problem) => this.#tell(problem))
    this.#maxQueueBytes = parts.maxQueueBytes
    this.#onProblem = parts.onProblem
    this.#onChange = parts.onChange ?? (() => {})
    this.#isSettled = parts.isSettled ?? (() => true)
    this.#lastStatements = parts.lastStatements ?? (async () => [])
    this.#onClosing = parts.onClosing ?? (async () => {})
    this.#schedule = new CommitSchedule(() => this.#commitNow(), parts.startTimer)
    this.#receipts = new Receipts(store)
    this.#writeAhead =
      journal &&
      new WriteAhead(journal, {
        onChange: (failure) => this.#onJournalChange(failure),
        onLost: (lost, end) => this.#queue.lose(lost, end),
      })
    this.#head = parts.head
    this.#checkpointer = parts.checkpointer
    this.#metrics =
      meter &&
      new LogMetrics(
        meter,
        store.location,
        () => this.stats(),
        (problem) => this.#tell(problem),
      )
    this.#queue = new CommitQueue(parts.maxQueueBytes)
    this.stagedIntake = new StagedIntake({ ...parts, take: (entry) => !this.#closed && this.#take(entry) })
  }

  record(event: RecordInput): AuditEvent | undefined {
    return this.#record(event, false)
  }

  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined {
    return this.#record(statement, true)
  }

  #record(input: RecordInput, isStatement: boolean): AuditEvent | undefined {
    if (this.#closed) return this.#drop('closed')
    try {
      const { entry, event } = isStatement
        ? this.#sealer.sealStatement(input)
        : this.#sealer.seal(this.#flaws.mark(input), false)
      if (this.#take(entry)) return event
    } catch {
      return this.#drop('not_sealed')
    }
    return this.#drop(this.#writeAhead ? 'journal_failed' : 'queue_full')
  }

  async append(event: AuditEventInput): Promise<AppendReceipt> {
    this.#assertOpen()
    const input = this.#schemas.parse(event)
    // Whether an id is a repeated one, only the index tells.
    if (input.id !== undefined && isIndexBehind(this.#store)) {
      await this.#store.indexReady?.()
      this.#assertOpen()
    }
    const { entry } = this.#sealer.seal(input, input.id !== undefined)
    return await new Promise((resolve, reject) => {
      if (!this.#take(entry, { resolve, reject })) reject(this.#fullError('the event was not taken'))
    })
  }

  /** Tells that everything that was taken is committed, so that {@link flush} has nothing to wait for. */
  get isIdle(): boolean {
    return this.#queue.isIdle
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    await new Promise<void>((resolve, reject) => {
      if (!this.#queue.addBarrier({ resolve, reject })) resolve()
      else if (this.#failedAttempts > 0) this.#commitNow()
    })
  }

  async assertWritable(): Promise<void> {
    this.#assertOpen()
    if (this.#writeAhead?.retry() === false) throw this.#writeError('has a journal that cannot be written', 'journal')
    await new Promise<void>((resolve, reject) => {
      this.#queue.addProbe({ resolve, reject })
      if (this.#failedAttempts > 0) this.#commitNow()
      else this.#commitSoon()
    })
  }

  async checkpoint(): Promise<string | undefined> {
    this.#assertOpen()
    if (!this.#checkpointer) {
      throw new AuditLogError('AUDIT_SIGNING_FAILED', `The audit log ${this.location} has no key to sign checkpoints`)
    }
    await this.flush()
    return await this.#checkpointer.checkpoint()
  }

  stats(): AuditLogStats {
    return {
      recorded: this.#recorded,
      committed: this.#committed,
      dropped: this.#gaps.totals,
      queuedEvents: this.#queue.events,
      spilledEvents: this.#queue.spilledEvents,
      queuedBytes: this.#queue.bytes,
      journalBytes: this.#writeAhead?.journal.bytes ?? 0,
      commits: this.#commits,
      journalWindow: this.#writeAhead?.journal.window,
    }
  }

  health(): AuditLogHealth {
    const checkpoints = !this.#checkpointer ? 'off' : this.#checkpointer.isFailing ? 'failing' : 'ok'
    return this.#episodes.health({
      hasJournal: this.#writeAhead !== undefined,
      isClosed: this.#closed !== undefined,
      checkpoints,
      index: this.#store.indexState ?? 'ok',
    })
  }

  /**
   * Commits what is queued and closes the store. From the call on, events are no longer taken. Calling it again returns
   * the same promise.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` saying how many events were lost; what closing the store threw; an
   * `AggregateError` of both
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /**
   * Notices that what the log was opened in is gone or replaced, also while nothing is recorded, and that it is back.
   *
   * @returns whether the log is open
   */
  checkPlace(): boolean {
    const isRemoved = this.#store.isInPlace === false
    if (this.#closed || isRemoved === this.#isRemoved) return !this.#closed
    this.#isRemoved = isRemoved
    if (isRemoved) {
      const problem = this.#removedError()
      this.#episodes.begin('store', problem, this.#sealer.now())
      this.#tell(problem)
    } else if (this.#failedAttempts > 0) this.#commitNow()
    else this.#episodes.end('store')
    return true
  }

  async [ABANDON](): Promise<Abandoned> {
    let entries: readonly SealedEntry[] = []
    const giveUp = async () => {
      this.#schedule.cancel()
      await this.#committing
      entries = this.#queue.entries
      this.#queue.clear(this.#removedError())
    }
    const { id: logId } = this.#store
    this.#closed ??= this.#closeAll([giveUp, () => this.#checkpointer?.close()])
    // What cannot be closed there is lost with it.
    await this.#closed.catch(() => undefined)
    const { origin } = this.#sealer
    const [from, to, gaps] = [this.#firstAt, this.#lastAt, this.#gaps.take()]
    return { logId, origin, size: this.#store.size, lastLeaf: this.#lastLeaf, entries, gaps, from, to }
  }

  async #close(): Promise<void> {
    await this.#closeAll([() => this.#drain(), () => this.#onClosing(this.#isClosedInOrder).catch(() => {})])
  }

  async #closeAll(first: readonly (() => unknown)[]): Promise<void> {
    const problems: unknown[] = []
    for (const step of [
      ...first,
      () => this.#store.close(),
      () => this.#metrics?.close(),
      () => this.#head?.close(),
      () => this.#writeAhead?.close(),
    ]) {
      try {
        await step()
      } catch (problem) {
        problems.push(problem)
      }
    }
    this.#onChange()
    if (problems.length > 1)
      throw new AggregateError(problems, `The audit log ${this.location} was not closed properly`)
    if (problems.length === 1) throw problems[0]
  }

  /** Commits everything, with one more attempt if the one in flight fails. */
  async #drain(): Promise<void> {
    for (const statement of await this.#lastStatements().catch(() => [])) this.#state(statement)
    await this.#committing
    this.#commitNow()
    await this.#committing
    await this.#checkpointer?.close()
    await this.#writeAhead?.settled()
    const waiting = this.#queue.events
    if (waiting === 0) {
      // Everything is stored: without the mark the next opening looks more closely, and that is all.
      await this.#markClosed().catch(() => {})
      return
    }
    const lost = this.#queue.unjournaled
    const error = this.#writeError(`was closed with ${eventsLost(lost, waiting - lost)}`)
    if (lost > 0) this.#gaps.count('write_failed', lost)
    this.#queue.clear(error)
    throw error
  }

  async #markClosed(): Promise<void> {
    const closed = this.#isSettled()
    await this.#store.commit([], {
      journal: this.#writeAhead?.journal.end,
      checkpoint: this.#checkpointer?.unstored,
      closed,
    })
    this.#isClosedInOrder = closed
  }

  /** @returns whether the event is kept, in the journal, in memory or both */
  #take(entry: SealedEntry, append?: Pending<AppendReceipt>): boolean {
    this.#recordClockStep()
    return this.#keep(entry, append)
  }

  /** The log says that its clock was set before it has anything with the new time. */
  #recordClockStep(): void {
    const step = this.#sealer.takeStep()
    if (step && !this.#keep(this.#sealer.sealStatement(clockStepped(step)).entry)) this.#sealer.putBackStep(step)
  }

  #keep(entry: SealedEntry, append?: Pending<AppendReceipt>): boolean {
    const written = this.#writeAhead?.write(entry)
    if (written && this.#queue.shouldSpill(entry)) this.#queue.spill(entry, spanOf(entry, written), append)
    else if (written || this.#makeRoom(entry, append !== undefined)) this.#push(entry, written, append)
    else return false
    this.#recorded++
    this.#lastAt = entry.event.recordedAt
    this.#firstAt ??= this.#lastAt
    this.#commitSoon()
    return true
  }

  #push(entry: SealedEntry, written: JournalPosition | undefined, append?: Pending<AppendReceipt>): void {
    this.#queue.push(entry, written !== undefined, written ?? this.#writeAhead?.journal.end, append)
  }

  /** While a commit is in flight none is scheduled: it goes on with what is queued by then. */
  #commitSoon(): void {
    if (!this.#isCommitting) this.#schedule.atEndOfTick()
  }

  #commitNow(): void {
    if (this.#isCommitting) return
    this.#schedule.cancel()
    this.#isCommitting = true
    this.#committing = this.#commitGroups()
  }

  /** Commits group after group until the queue is empty or the store fails. Never rejects. */
  async #commitGroups(): Promise<void> {
    for (;;) {
      if (this.#failedAttempts === 0) this.#recordGaps()
      const group = this.#queue.take()
      if (!group) {
        this.#toldFull = false
        break
      }
      let receipt: CommitReceipt
      try {
        receipt = await this.#commit(group)
      } catch (cause) {
        this.#isCommitting = false
        this.#onFailed(cause)
        return
      }
      await this.#onCommitted(group, receipt)
    }
    this.#isCommitting = false
  }

  /** The store never says that it has the journal up to where that is not written yet: recovery would miss what is not there. */
  async #commit(group: Group<AppendReceipt>): Promise<CommitReceipt> {
    await this.#writeAhead?.settled()
    if (group.span && this.#writeAhead) {
      this.#queue.load(group, await this.#writeAhead.journal.read(group.span))
    }
    this.#writeAhead?.check()
    await this.#writeAhead?.journal.listed
    const startMillis = monotonicMillis()
    const journal = group.end && this.#writeAhead?.journal.settled(group.end)
    const checkpoint = this.#checkpointer?.unstored
    const receipt = await this.#store.commit(group.entries, { journal, checkpoint })
    if (checkpoint !== undefined) this.#checkpointer?.stored(checkpoint)
    this.#metrics?.committed(monotonicMillis() - startMillis)
    if (journal) this.#writeAhead?.journal.release(journal)
    return receipt
  }

  async #onCommitted(group: Group<AppendReceipt>, receipt: CommitReceipt): Promise<void> {
    this.#queue.settle()
    this.#failedAttempts = 0
    this.#isRemoved = false
    this.#episodes.end('store')
    this.#commits++
    const { conflicts, lastLeaf } = await this.#receipts.settle(group, receipt)
    this.#committed += group.length - conflicts
    if (conflicts > 0) this.#gaps.count('id_conflict', conflicts)
    if (lastLeaf) {
      this.#lastLeaf = lastLeaf
      this.#head?.write(receipt.size, lastLeaf)
      this.#checkpointer?.committed(receipt.size, this.#store.root)
    }
    for (const barrier of group.barriers) barrier.resolve()
    this.#onChange()
  }

  #onFailed(cause: unknown): void {
    this.#queue.putBack()
    this.#failedAttempts++
    this.#episodes.begin('store', cause, this.#sealer.now())
    const problem = this.#writeError('cannot be written; its events are kept and tried again')
    this.#queue.rejectBarriers(problem)
    if (!this.#closed) this.#schedule.retryAfter(this.#failedAttempts)
    // Last, since the listener may call the log.
    this.checkPlace()
    if (this.#failedAttempts === 1 && !this.#isRemoved) this.#tell(problem)
  }

  #onJournalChange(failure: { readonly cause: unknown } | undefined): void {
    if (!failure) {
      this.#episodes.end('journal')
      return
    }
    this.#episodes.begin('journal', failure.cause, this.#sealer.now())
    this.checkPlace()
    if (this.#isRemoved) return
    this.#tell(
      this.#writeError(
        'has a journal that cannot be written: until then, events that are not committed die with the process',
        'journal',
      ),
    )
  }

  /** As soon as the store can write, the log says what it lacks. */
  #recordGaps(): void {
    if (this.#gaps.size === 0) return
    try {
      for (const event of this.#gaps.take()) this.#state(event)
    } catch {
      this.#gaps.count('not_sealed', 1)
    }
  }

  /** Takes what the log says of itself, also where there is no room for more. */
  #state(statement: AuditEventInput): void {
    const { entry } = this.#sealer.sealStatement(statement)
    this.#recordClockStep()
    this.#push(entry, this.#writeAhead?.write(entry))
    this.#recorded++
  }

  /** Loss is the last resort: while the store fails, events whose callers can be told make way for those without. */
  #makeRoom(entry: SealedEntry, isAppend: boolean): boolean {
    if (this.#queue.hasRoom(entry)) return true
    if (this.#failedAttempts === 0 || isAppend) return false
    this.#queue.rejectAppends(this.#writeError('cannot be written, and its queue is full: the event was not stored'))
    return this.#queue.hasRoom(entry)
  }

  #drop(reason: DropReason): undefined {
    if (reason === 'closed') {
      this.#gaps.count(reason, 1)
      return
    }
    this.#gaps.add(reason, this.#sealer.now())
    this.#commitSoon()
    if (reason === 'not_sealed' || this.#toldFull) return
    this.#toldFull = true
    this.#tell(this.#fullError('events are dropped until there is room again'))
  }

  #tell(problem: Error): void {
    try {
      this.#onProblem(problem)
    } catch {
      // The listener's own failure is no concern of the log's.
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new AuditLogError('AUDIT_LOG_CLOSED', `The audit log ${this.location} is closed`)
  }

  #removedError(): AuditLogError {
    const what = `The directory of the audit log ${this.location} was removed, or another one is in its place`
    return new AuditLogError('AUDIT_LOG_REMOVED', `${what}: nothing gets into this log until it is back`)
  }

  #fullError(what: string): AuditLogError {
    const limit = `${this.#maxQueueBytes} bytes (maxQueueBytes)`
    return new AuditLogError('AUDIT_LOG_FULL', `The queue of the audit log ${this.location} is full, ${limit}: ${what}`)
  }

  #writeError(what: string, of: 'journal' | 'store' = 'store'): AuditLogError {
    const cause = this.#episodes.causeOf(of)
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new AuditLogError('AUDIT_WRITE_FAILED', `The audit log ${this.location} ${what}: ${reason}`, { cause })
  }
}

function eventsLost(lost: number, kept: number): string {
  const parts: string[] = []
  if (lost > 0) parts.push(`${lost} ${lost === 1 ? 'event' : 'events'} not written`)
  if (kept > 0)
    parts.push(`${kept} ${kept === 1 ? 'event' : 'events'} in the journal, to be stored when it is opened again`)
  return parts.join(' and ')
}
