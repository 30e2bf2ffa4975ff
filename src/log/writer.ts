import { AuditLogError } from '../events/errors.js'
import type { AuditEvent, AuditEventInput } from '../events/types.js'
import type { EventSchemas } from '../events/validate.js'
import type { AuditStore, CommitReceipt, SealedEntry } from '../store/contract.js'
import { CommitQueue, type Group, type Pending } from './commit-queue.js'
import type { AppendReceipt, AuditLogStats, AuditLogWriter, RecordInput } from './contract.js'
import { type DropReason, Gaps } from './gaps.js'
import { leafHashOf } from './leaf.js'
import type { Sealer } from './seal.js'

/** Wait after the first failed commit of an episode; it doubles with each further one. */
export const FIRST_RETRY_DELAY_MILLIS = 100
/** Longest wait between two attempts to write. */
export const LAST_RETRY_DELAY_MILLIS = 30_000

/** Calls back once after a delay, without keeping the process alive. @returns what cancels it */
export type StartTimer = (delayMillis: number, callback: () => void) => () => void

/** What a log is written with. */
export interface LogWriterParts {
  /** Open. The writer closes it. */
  readonly store: AuditStore
  readonly sealer: Sealer
  readonly schemas: EventSchemas
  readonly maxQueueBytes: number
  readonly onProblem: (problem: Error) => void
  readonly startTimer?: StartTimer
}

/**
 * Writes a log by group commit: the events of one tick become one commit, and whatever gathers while it is in flight
 * becomes the next. A group that could not be written stays at the head of the queue and is tried again.
 */
export class LogWriter implements AuditLogWriter {
  readonly location: string
  readonly #store: AuditStore
  readonly #sealer: Sealer
  readonly #schemas: EventSchemas
  readonly #maxQueueBytes: number
  readonly #onProblem: (problem: Error) => void
  readonly #startTimer: StartTimer
  readonly #queue = new CommitQueue<AppendReceipt>()
  readonly #gaps = new Gaps()
  readonly #dropped = new Map<DropReason, number>()
  #recorded = 0
  #committed = 0
  #commits = 0
  /** The highest position that is known: an entry at or below it was there before. */
  #lastSeq: number
  /** Cancels the next commit; `undefined` while none is scheduled. */
  #cancelScheduled: (() => void) | undefined = undefined
  #isCommitting = false
  #committing: Promise<void> | undefined = undefined
  #failedAttempts = 0
  #failureCause: unknown = undefined
  #toldFull = false
  #closed: Promise<void> | undefined = undefined

  constructor(parts: LogWriterParts) {
    this.#store = parts.store
    this.location = parts.store.location
    this.#sealer = parts.sealer
    this.#schemas = parts.schemas
    this.#maxQueueBytes = parts.maxQueueBytes
    this.#onProblem = parts.onProblem
    this.#startTimer = parts.startTimer ?? startUnrefTimer
    this.#lastSeq = parts.store.size - 1
  }

  record(event: RecordInput): AuditEvent | undefined {
    if (this.#closed) return this.#drop('closed')
    try {
      const entry = this.#sealer.seal(event, false)
      if (!this.#makeRoom(entry)) return this.#drop('queue_full')
      this.#push(entry)
      return entry.event
    } catch {
      return this.#drop('not_sealed')
    }
  }

  async append(event: AuditEventInput): Promise<AppendReceipt> {
    this.#assertOpen()
    const input = this.#schemas.parse(event)
    const entry = this.#sealer.seal(input, input.id !== undefined)
    if (!this.#hasRoom(entry)) throw this.#fullError('the event was not taken')
    return await new Promise((resolve, reject) => this.#push(entry, { resolve, reject }))
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    await new Promise<void>((resolve, reject) => {
      if (!this.#queue.addBarrier({ resolve, reject })) resolve()
      else if (this.#failedAttempts > 0) this.#commitNow()
    })
  }

  stats(): AuditLogStats {
    return {
      recorded: this.#recorded,
      committed: this.#committed,
      dropped: Object.fromEntries(this.#dropped),
      queuedEvents: this.#queue.events,
      queuedBytes: this.#queue.bytes,
      commits: this.#commits,
    }
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

  async #close(): Promise<void> {
    const problems: unknown[] = []
    try {
      await this.#drain()
    } catch (problem) {
      problems.push(problem)
    }
    try {
      await this.#store.close()
    } catch (problem) {
      problems.push(problem)
    }
    if (problems.length > 1)
      throw new AggregateError(problems, `The audit log ${this.location} was not closed properly`)
    if (problems.length === 1) throw problems[0]
  }

  /** Commits everything, with one more attempt if the one in flight fails. */
  async #drain(): Promise<void> {
    await this.#committing
    this.#commitNow()
    await this.#committing
    const lost = this.#queue.events
    if (lost === 0) return
    const error = this.#writeError(`was closed with ${lost} ${lost === 1 ? 'event' : 'events'} not written`)
    this.#count('write_failed', lost)
    this.#queue.clear(error)
    throw error
  }

  #push(entry: SealedEntry, append?: Pending<AppendReceipt>): void {
    this.#queue.push(entry, append)
    this.#recorded++
    this.#schedule()
  }

  /** At the end of the tick, so that its events share a commit. */
  #schedule(): void {
    if (this.#isCommitting || this.#cancelScheduled) return
    const immediate = setImmediate(() => this.#commitNow())
    this.#cancelScheduled = () => clearImmediate(immediate)
  }

  /** While a commit is in flight none is scheduled: it goes on with what is queued by then. */
  #commitNow(): void {
    if (this.#isCommitting) return
    this.#cancelScheduled?.()
    this.#cancelScheduled = undefined
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
        receipt = await this.#store.commit(group.entries)
      } catch (cause) {
        this.#isCommitting = false
        this.#onFailed(cause)
        return
      }
      await this.#onCommitted(group, receipt)
    }
    this.#isCommitting = false
  }

  async #onCommitted({ entries, appends, barriers }: Group<AppendReceipt>, { seqs }: CommitReceipt): Promise<void> {
    this.#queue.settle()
    this.#failedAttempts = 0
    this.#commits++
    this.#committed += entries.length
    const repeated: RepeatedAppend[] = []
    let nextAppend = 0
    for (let index = 0; index < entries.length; index++) {
      const seq = seqs[index] as number
      const isNew = seq > this.#lastSeq
      if (isNew) this.#lastSeq = seq
      const append = appends[nextAppend]
      if (append?.index !== index) continue
      nextAppend++
      if (isNew) append.resolve({ seq, leafHash: (entries[index] as SealedEntry).leafHash })
      else repeated.push({ append, seq })
    }
    if (repeated.length > 0) await this.#resolveRepeated(repeated)
    for (const barrier of barriers) barrier.resolve()
  }

  /** The leaf of a repeated id is that of the entry which was kept. */
  async #resolveRepeated(repeated: readonly RepeatedAppend[]): Promise<void> {
    try {
      const kept = await this.#store.read(repeated.map(({ seq }) => seq))
      repeated.forEach(({ append, seq }, at) => {
        append.resolve({ seq, leafHash: leafHashOf(kept[at] as Uint8Array) })
      })
    } catch (problem) {
      for (const { append } of repeated) append.reject(problem)
    }
  }

  #onFailed(cause: unknown): void {
    this.#queue.putBack()
    this.#failureCause = cause
    this.#failedAttempts++
    const problem = this.#writeError('cannot be written; its events are kept and tried again')
    this.#queue.rejectBarriers(problem)
    if (!this.#closed) {
      const delayMillis = Math.min(FIRST_RETRY_DELAY_MILLIS * 2 ** (this.#failedAttempts - 1), LAST_RETRY_DELAY_MILLIS)
      this.#cancelScheduled = this.#startTimer(delayMillis, () => this.#commitNow())
    }
    // Last, since the listener may call the log.
    if (this.#failedAttempts === 1) this.#tell(problem)
  }

  /** As soon as the store can write, the log says what it lacks. */
  #recordGaps(): void {
    if (this.#gaps.size === 0) return
    try {
      for (const event of this.#gaps.take()) this.#push(this.#sealer.seal(event, false))
    } catch {
      this.#count('not_sealed', 1)
    }
  }

  #hasRoom(entry: SealedEntry): boolean {
    return this.#queue.bytes + entry.bytes.length <= this.#maxQueueBytes
  }

  /** Loss is the last resort: while the store fails, events whose callers can be told make way for those without. */
  #makeRoom(entry: SealedEntry): boolean {
    if (this.#hasRoom(entry)) return true
    if (this.#failedAttempts === 0) return false
    this.#queue.rejectAppends(this.#writeError('cannot be written, and its queue is full: the event was not stored'))
    return this.#hasRoom(entry)
  }

  #drop(reason: DropReason): undefined {
    this.#count(reason, 1)
    if (reason === 'closed') return
    this.#gaps.add(reason, this.#sealer.now())
    this.#schedule()
    if (reason !== 'queue_full' || this.#toldFull) return
    this.#toldFull = true
    this.#tell(this.#fullError('events are dropped until there is room again'))
  }

  #count(reason: DropReason, events: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + events)
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

  #fullError(what: string): AuditLogError {
    const limit = `${this.#maxQueueBytes} bytes (maxQueueBytes)`
    return new AuditLogError('AUDIT_LOG_FULL', `The queue of the audit log ${this.location} is full, ${limit}: ${what}`)
  }

  #writeError(what: string): AuditLogError {
    const cause = this.#failureCause
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new AuditLogError('AUDIT_WRITE_FAILED', `The audit log ${this.location} ${what}: ${reason}`, { cause })
  }
}

interface RepeatedAppend {
  readonly append: Pending<AppendReceipt>
  readonly seq: number
}

function startUnrefTimer(delayMillis: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMillis)
  timer.unref()
  return () => clearTimeout(timer)
}
