import type { AuditEvent, AuditEventInput } from '../../events/types.js'
import type { EventSchemas } from '../../events/validate.js'
import type { Governance } from '../../governance/contract.js'
import type { AuditStore } from '../../store/contract.js'
import { isIndexBehind } from '../../store/index-behind.js'
import type { StartTimer } from '../../timers/real-timers.js'
import { ABANDON, type AbandonableLog, type Abandoned } from '../abandoned.js'
import type { Checkpointer } from '../checkpoints/checkpointer.js'
import type {
  AppendResult,
  AuditLogCounters,
  AuditLogHealth,
  AuditLogWriter,
  DropReason,
  RecordInput,
} from '../contract.js'
import type { HeadFile } from '../journal/head-file.js'
import type { Journal } from '../journal/journal.js'
import { WriteAhead } from '../journal/write-ahead.js'
import type { LogEmitter } from '../log-emitter.js'
import type { Sealer } from '../sealing/seal.js'
import { StagedIntake } from '../staging/staged-intake.js'
import { RECORD_STATEMENT, type StatementWriter } from '../statements.js'
import { Closing } from './closing.js'
import { checkpointCommits, gapCommits, headCommits, journalCommits } from './commit-listeners.js'
import { type CommitListener, CommitLoop } from './commit-loop.js'
import { CommitQueue } from './commit-queue.js'
import { Drops } from './drops.js'
import { Failures } from './failures.js'
import { FlawMarks } from './flaw-marks.js'
import { GovernedEvents } from './governed-events.js'
import { Intake } from './intake.js'
import { LogErrors } from './log-errors.js'
import { type AuditLogMeter, LogMetrics } from './metrics.js'

/** The parts that a log is written with. */
export interface LogWriterParts {
  /** Open. The writer closes it. */
  readonly store: AuditStore
  readonly sealer: Sealer
  readonly schemas: EventSchemas
  readonly maxQueueBytes: number
  /** Applies the policy. @defaultValue everything is taken as it comes */
  readonly governance?: Governance | undefined
  readonly emitter: LogEmitter
  /** The writer closes these. */
  readonly journal?: Journal | undefined
  readonly head?: HeadFile | undefined
  readonly checkpointer?: Checkpointer | undefined
  readonly meter?: AuditLogMeter | undefined
  readonly startTimer?: StartTimer
  /** Called after each commit, and when the log is closed. */
  readonly onChange?: () => void
  /** Tells whether all is done that the next opening would have to do. @defaultValue it is */
  readonly isSettled?: () => boolean
  /** Returns the last statements of the log, once nothing else is taken any more. What it rejects with is ignored. */
  readonly lastStatements?: (() => Promise<readonly AuditEventInput[]>) | undefined
  /** Called before others can open the log, with whether it is closed in order. What it rejects with is ignored. */
  readonly onClosing?: ((isInOrder: boolean) => Promise<void>) | undefined
}

/**
 * The writing side of a log, put together from its parts:
 *
 * ```
 * record, append → Intake → CommitQueue → CommitLoop → store
 *                    │                        │
 *                 journal     listeners: failures, drops, journal, checkpoints, head, metrics
 * ```
 */
export class LogWriter implements AuditLogWriter, StatementWriter, AbandonableLog {
  readonly location: string
  /** Takes over what was staged before the log was open. */
  readonly stagedIntake: StagedIntake
  readonly #store: AuditStore
  readonly #sealer: Sealer
  readonly #schemas: EventSchemas
  readonly #flaws: FlawMarks
  readonly #governed: GovernedEvents
  readonly #errors: LogErrors
  readonly #writeAhead: WriteAhead | undefined
  readonly #checkpointer: Checkpointer | undefined
  readonly #queue: CommitQueue<AppendResult>
  readonly #failures: Failures
  readonly #drops: Drops
  readonly #intake: Intake
  readonly #loop: CommitLoop
  readonly #closing: Closing
  #committed = 0
  #lastLeaf: Uint8Array | undefined = undefined
  readonly #counting: CommitListener = {
    committed: ({ entries, conflicts, lastLeaf }) => {
      this.#committed += entries.length - conflicts
      this.#lastLeaf = lastLeaf ?? this.#lastLeaf
    },
  }

  constructor(parts: LogWriterParts) {
    const { store, sealer, emitter, journal, head, checkpointer, meter, onChange = () => {} } = parts
    const { location } = store
    const report = (problem: Error) => emitter.report(problem)
    const errors = new LogErrors(location, parts.maxQueueBytes)
    const queue = new CommitQueue<AppendResult>(parts.maxQueueBytes)
    const metrics = meter && new LogMetrics(meter, location, () => this.counters(), report)
    const shared = { store, queue, sealer, emitter, errors, checkpointer }
    const failures = new Failures({ ...shared, isClosed: () => loop.isStopped, retry: () => loop.retry() })
    const writeAhead =
      journal &&
      new WriteAhead(journal, {
        onChange: (failure) => failures.journalChanged(failure),
        onLost: (lost, end) => queue.lose(lost, end),
      })
    const governed = new GovernedEvents({
      ...shared,
      governance: parts.governance,
      state: (statement) => intake.state(statement),
    })
    const drops = new Drops({ ...shared, state: (statement) => intake.state(statement) })
    const listeners: readonly (CommitListener | undefined)[] = [
      failures,
      drops,
      writeAhead && journalCommits(writeAhead, queue),
      governed,
      head && headCommits(head),
      checkpointer && checkpointCommits(checkpointer, store),
      metrics,
      this.#counting,
      { committed: onChange },
      gapCommits(emitter, location, sealer.origin),
    ]
    const loop: CommitLoop = new CommitLoop({
      ...shared,
      startTimer: parts.startTimer,
      listeners: listeners.filter((listener) => listener !== undefined),
      errorOf: (cause) => errors.storeFailed(cause),
    })
    const writing = { ...shared, writeAhead, loop, drops, failures }
    const intake: Intake = new Intake(writing)
    this.#closing = new Closing({
      ...writing,
      intake,
      isSettled: parts.isSettled ?? (() => true),
      lastStatements: async () => {
        governed.stateDue(true)
        return (await parts.lastStatements?.()) ?? []
      },
      onClosing: parts.onClosing ?? (async () => {}),
      closeRest: [() => metrics?.close(), () => head?.close(), () => writeAhead?.close(), onChange],
    })
    this.location = location
    this.stagedIntake = new StagedIntake({ store, sealer, take: (entry) => !loop.isStopped && intake.take(entry) })
    this.#store = store
    this.#sealer = sealer
    this.#schemas = parts.schemas
    this.#flaws = new FlawMarks(parts.schemas, report)
    this.#governed = governed
    this.#errors = errors
    this.#queue = queue
    this.#failures = failures
    this.#writeAhead = writeAhead
    this.#checkpointer = checkpointer
    this.#drops = drops
    this.#loop = loop
    this.#intake = intake
  }

  record(event: RecordInput): AuditEvent | undefined {
    return this.#record(event, false)
  }

  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined {
    return this.#record(statement, true)
  }

  async append(event: AuditEventInput): Promise<AppendResult> {
    this.#assertOpen()
    const input = this.#schemas.parse(event)
    // Only the index can tell whether an id is a repeated one.
    if (input.id !== undefined && isIndexBehind(this.#store)) {
      await this.#store.indexReady?.()
      this.#assertOpen()
    }
    const sealed = this.#governed.sealAwaited(input)
    return await new Promise((resolve, reject) => {
      if (!this.#intake.takeAll(sealed, { resolve, reject })) reject(this.#errors.full('the event was not taken'))
    })
  }

  /** Tells that everything that was taken is committed, so that {@link flush} has nothing to wait for. */
  get isIdle(): boolean {
    return this.#queue.isIdle
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    await this.#loop.flush()
  }

  async assertWritable(): Promise<void> {
    this.#assertOpen()
    if (this.#writeAhead?.retry() === false) {
      throw this.#errors.write('has a journal that cannot be written', this.#failures.causeOf('journal'))
    }
    await this.#loop.probe()
  }

  async checkpoint(): Promise<string | undefined> {
    this.#assertOpen()
    if (!this.#checkpointer) throw this.#errors.noKey()
    await this.flush()
    return await this.#checkpointer.checkpoint()
  }

  counters(): AuditLogCounters {
    return {
      recorded: this.#intake.taken,
      committed: this.#committed,
      dropped: this.#drops.totals,
      queuedEvents: this.#queue.events,
      spilledEvents: this.#queue.spilledEvents,
      queuedBytes: this.#queue.bytes,
      journalBytes: this.#writeAhead?.journal.bytes ?? 0,
      commits: this.#loop.commits,
      journalWindow: this.#writeAhead?.journal.window,
    }
  }

  health(): AuditLogHealth {
    return this.#failures.health({
      hasJournal: this.#writeAhead !== undefined,
      isClosed: this.#loop.isStopped,
      checkpoints: !this.#checkpointer ? 'off' : this.#checkpointer.isFailing ? 'failing' : 'ok',
      index: this.#store.indexState ?? 'ok',
    })
  }

  /**
   * Commits what is queued and closes the store. From the call on, events are no longer taken. Calling it again returns
   * the same promise.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` with the number of events that were lost; what closing the store throws; an
   * `AggregateError` of both
   */
  close(): Promise<void> {
    return this.#closing.close()
  }

  async [ABANDON](): Promise<Abandoned> {
    const { id: logId } = this.#store
    const entries = await this.#closing.abandon()
    const { origin } = this.#sealer
    const { from, to } = this.#intake
    const gaps = this.#drops.take()
    return { logId, origin, size: this.#store.size, lastLeaf: this.#lastLeaf, entries, gaps, from, to }
  }

  /**
   * Notices that the directory of the log is gone or replaced, also while nothing is recorded, and that it is back.
   *
   * @returns whether the log is open
   */
  reviewDirectory(): boolean {
    this.#failures.reviewDirectory()
    return !this.#loop.isStopped
  }

  /** Records what the policy has to say by now, also while nothing else is recorded. @returns whether the log is open */
  stateDue(): boolean {
    if (this.#loop.isStopped) return false
    const before = this.#queue.events
    this.#governed.stateDue(false)
    if (this.#queue.events > before) this.#loop.commitSoon()
    return true
  }

  #record(input: RecordInput, isStatement: boolean): AuditEvent | undefined {
    if (this.#loop.isStopped) {
      this.#drops.addUnstated('closed', 1)
      return undefined
    }
    try {
      const sealed = isStatement ? [this.#governed.sealStatement(input)] : this.#governed.seal(this.#flaws.mark(input))
      // None where the policy leaves it out, or holds it back.
      if (this.#intake.takeAll(sealed)) return sealed.at(-1)?.event
    } catch {
      return this.#drop('not_sealed')
    }
    return this.#drop(this.#writeAhead ? 'journal_failed' : 'queue_full')
  }

  #drop(reason: DropReason): undefined {
    this.#drops.add(reason)
    this.#loop.commitSoon()
  }

  #assertOpen(): void {
    if (this.#loop.isStopped) throw this.#errors.closed()
  }
}
