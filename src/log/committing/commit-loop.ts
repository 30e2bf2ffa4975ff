import type { AuditStore, CommitMarks, CommitResult, SealedEntry } from '../../store/contract.js'
import { monotonicMillis, type StartTimer } from '../../timers/real-timers.js'
import type { AppendResult } from '../contract.js'
import { AppendResults } from './append-results.js'
import type { Group } from './commit-group.js'
import type { CommitQueue } from './commit-queue.js'
import { CommitSchedule } from './commit-schedule.js'

/** A group that is committed. */
export interface Committed {
  readonly entries: readonly SealedEntry[]
  /** The marks that were stored with it. */
  readonly marks: CommitMarks
  /** Number of entries that the log has. */
  readonly size: number
  /** Leaf hash of the last of them, where the log has grown. */
  readonly lastLeaf: Uint8Array | undefined
  /** Entries of the group that were rejected, since their ids are those of other events. */
  readonly conflicts: number
  /** Time that the store took. */
  readonly durationMillis: number
}

/**
 * A part of the log that takes part in its commits. The loop calls the parts one after the other. But for `prepare`, none
 * of these throws.
 */
export interface CommitListener {
  /** Called before a group is taken from the queue, unless commits fail: it may add to the queue. */
  starting?(): void
  /**
   * Prepares the commit of a group.
   *
   * @returns marks to store with it
   * @throws what makes the commit fail
   */
  prepare?(group: Group<AppendResult>): CommitMarks | Promise<CommitMarks>
  /** Called when a group is committed, before those who wait for it go on. */
  committed?(commit: Committed): void
  /** Called when a commit has failed, whose group is to be tried again. @param attempts - that have failed in a row */
  failed?(cause: unknown, attempts: number): void
  /** Called when everything in the queue is committed. */
  idle?(): void
}

interface CommitLoopParts {
  readonly store: AuditStore
  readonly queue: CommitQueue<AppendResult>
  readonly listeners: readonly CommitListener[]
  /** Makes the error for those who wait, of the cause why a commit failed. */
  readonly errorOf: (cause: unknown) => Error
  readonly startTimer?: StartTimer | undefined
}

/**
 * Commits what is queued, by group commit: the entries of one tick become one commit, and whatever gathers while it is in
 * flight becomes the next. A group that could not be written stays at the head of the queue and is tried again. What is
 * done beside the commit itself is the affair of the listeners.
 */
export class CommitLoop {
  readonly #parts: CommitLoopParts
  readonly #queue: CommitQueue<AppendResult>
  readonly #results: AppendResults
  readonly #schedule: CommitSchedule
  #commits = 0
  #failedAttempts = 0
  #isCommitting = false
  #isStopped = false
  #committing: Promise<void> | undefined = undefined

  constructor(parts: CommitLoopParts) {
    this.#parts = parts
    this.#queue = parts.queue
    this.#results = new AppendResults(parts.store)
    this.#schedule = new CommitSchedule(() => this.#commitNow(), parts.startTimer)
  }

  /** Number of commits done. */
  get commits(): number {
    return this.#commits
  }

  /** Tells whether the last attempt has failed. */
  get isFailing(): boolean {
    return this.#failedAttempts > 0
  }

  /** Tells whether it is stopped: what fails from then on is not tried again by itself. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Commits at the end of the tick. While a commit is in flight none is scheduled: it goes on with what is queued by then. */
  commitSoon(): void {
    if (!this.#isCommitting) this.#schedule.atEndOfTick()
  }

  /** Tries at once again what has failed. @returns whether anything has */
  retry(): boolean {
    if (!this.isFailing) return false
    this.#commitNow()
    return true
  }

  /**
   * Resolves when everything that is queued or in flight now is committed.
   *
   * @throws the error of a commit that fails
   */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#queue.addBarrier({ resolve, reject })) this.retry()
      else resolve()
    })
  }

  /** Resolves when a commit has succeeded, of nothing where nothing waits. @throws the error of a commit that fails */
  probe(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.addProbe({ resolve, reject })
      if (!this.retry()) this.commitSoon()
    })
  }

  /** Stops trying again what fails. */
  stop(): void {
    this.#isStopped = true
  }

  /** Commits everything, with one more attempt if the one in flight fails. Never rejects: the queue has what is left. */
  async drain(): Promise<void> {
    await this.#committing
    this.#commitNow()
    await this.#committing
  }

  /** Waits for the commit in flight, and begins no other. Never rejects. */
  async halt(): Promise<void> {
    this.#schedule.cancel()
    await this.#committing
  }

  #commitNow(): void {
    if (this.#isCommitting) return
    this.#schedule.cancel()
    this.#isCommitting = true
    this.#committing = this.#commitGroups()
  }

  /** Commits group after group until the queue is empty or the store fails. Never rejects. */
  async #commitGroups(): Promise<void> {
    for (let group = this.#takeNext(); group; group = this.#takeNext()) {
      let stored: StoredGroup
      try {
        stored = await this.#store(group)
      } catch (cause) {
        this.#isCommitting = false
        this.#onFailed(cause)
        return
      }
      await this.#onStored(group, stored)
    }
    this.#isCommitting = false
    for (const listener of this.#parts.listeners) listener.idle?.()
  }

  #takeNext(): Group<AppendResult> | undefined {
    if (!this.isFailing) for (const listener of this.#parts.listeners) listener.starting?.()
    return this.#queue.take()
  }

  async #store(group: Group<AppendResult>): Promise<StoredGroup> {
    let marks: CommitMarks = {}
    for (const listener of this.#parts.listeners) {
      if (listener.prepare) marks = { ...marks, ...(await listener.prepare(group)) }
    }
    const startMillis = monotonicMillis()
    const result = await this.#parts.store.commit(group.entries, marks)
    return { result, marks, durationMillis: monotonicMillis() - startMillis }
  }

  async #onStored(group: Group<AppendResult>, { result, marks, durationMillis }: StoredGroup): Promise<void> {
    this.#failedAttempts = 0
    this.#commits++
    const { conflicts, lastLeaf, settleAppends } = await this.#results.outcomeOf(group, result)
    // From here on nothing is awaited: who asks for a flush meanwhile waits for this group.
    this.#queue.settle()
    const commit = { entries: group.entries, marks, size: result.size, lastLeaf, conflicts, durationMillis }
    for (const listener of this.#parts.listeners) listener.committed?.(commit)
    settleAppends()
    for (const barrier of group.barriers) barrier.resolve()
  }

  #onFailed(cause: unknown): void {
    this.#queue.putBack()
    this.#failedAttempts++
    this.#queue.rejectBarriers(this.#parts.errorOf(cause))
    if (!this.#isStopped) this.#schedule.retryAfter(this.#failedAttempts)
    for (const listener of this.#parts.listeners) listener.failed?.(cause, this.#failedAttempts)
  }
}

/** A group that the store has, and whose appends are not settled yet. */
interface StoredGroup extends Pick<Committed, 'marks' | 'durationMillis'> {
  readonly result: CommitResult
}
