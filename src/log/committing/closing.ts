import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore, SealedEntry } from '../../store/contract.js'
import type { Checkpointer } from '../checkpoints/checkpointer.js'
import type { AppendResult } from '../contract.js'
import type { WriteAhead } from '../journal/write-ahead.js'
import type { CommitLoop } from './commit-loop.js'
import type { CommitQueue } from './commit-queue.js'
import type { Drops } from './drops.js'
import type { Failures } from './failures.js'
import type { Intake } from './intake.js'
import type { LogErrors } from './log-errors.js'

interface ClosingParts {
  readonly store: AuditStore
  readonly queue: CommitQueue<AppendResult>
  readonly loop: CommitLoop
  readonly intake: Intake
  readonly drops: Drops
  readonly errors: LogErrors
  readonly writeAhead: WriteAhead | undefined
  readonly checkpointer: Checkpointer | undefined
  readonly failures: Failures
  readonly isSettled: () => boolean
  readonly lastStatements: () => Promise<readonly AuditEventInput[]>
  readonly onClosing: (isInOrder: boolean) => Promise<void>
  /** Closes what the log has beside the store, in this order. */
  readonly closeRest: readonly (() => unknown)[]
}

/** Ends the writing of a log: in order, or without another write to where the log was. */
export class Closing {
  readonly #parts: ClosingParts
  #closed: Promise<void> | undefined = undefined
  #isInOrder = false

  constructor(parts: ClosingParts) {
    this.#parts = parts
  }

  /**
   * Commits what is queued and closes the store. Calling it again returns the same promise.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED` with the number of events that were lost; what closing the store throws; an
   * `AggregateError` of both
   */
  close(): Promise<void> {
    const { loop, onClosing } = this.#parts
    loop.stop()
    this.#closed ??= this.#closeAfter(
      () => this.#drain(),
      () => onClosing(this.#isInOrder).catch(() => {}),
    )
    return this.#closed
  }

  /** Closes the log and writes nothing more. Never rejects. @returns the entries that were not stored */
  async abandon(): Promise<readonly SealedEntry[]> {
    const { loop, queue, errors, checkpointer } = this.#parts
    let entries: readonly SealedEntry[] = []
    const giveUp = async () => {
      await loop.halt()
      entries = queue.entries
      queue.clear(errors.removed())
    }
    loop.stop()
    this.#closed ??= this.#closeAfter(giveUp, () => checkpointer?.close())
    // What cannot be closed there is lost with it.
    await this.#closed.catch(() => undefined)
    return entries
  }

  async #closeAfter(...first: readonly (() => unknown)[]): Promise<void> {
    const { store, closeRest } = this.#parts
    const problems: unknown[] = []
    for (const step of [...first, () => store.close(), ...closeRest]) {
      try {
        await step()
      } catch (problem) {
        problems.push(problem)
      }
    }
    if (problems.length > 1)
      throw new AggregateError(problems, `The audit log ${store.location} was not closed properly`)
    if (problems.length === 1) throw problems[0]
  }

  async #drain(): Promise<void> {
    const { lastStatements, intake, loop, checkpointer, writeAhead, queue } = this.#parts
    for (const statement of await lastStatements().catch(() => [])) intake.state(statement)
    await loop.drain()
    await checkpointer?.close()
    await writeAhead?.settled()
    if (queue.events > 0) throw this.#giveUpQueue()
    // Everything is stored: without the mark the next opening looks more closely, and that is all.
    await this.#markClosed().catch(() => {})
  }

  async #markClosed(): Promise<void> {
    const { store, writeAhead, checkpointer, isSettled } = this.#parts
    const closed = isSettled()
    await store.commit([], { journal: writeAhead?.journal.end, checkpoint: checkpointer?.unstored, closed })
    this.#isInOrder = closed
  }

  /** @returns the error with what becomes of the events that could not be stored */
  #giveUpQueue(): Error {
    const { queue, drops, errors, failures } = this.#parts
    const lost = queue.unjournaled
    const error = errors.write(`was closed with ${eventsLost(lost, queue.events - lost)}`, failures.causeOf('store'))
    if (lost > 0) drops.addUnstated('write_failed', lost)
    queue.clear(error)
    return error
  }
}

function eventsLost(lost: number, kept: number): string {
  const parts: string[] = []
  if (lost > 0) parts.push(`${lost} ${lost === 1 ? 'event' : 'events'} not written`)
  if (kept > 0)
    parts.push(`${kept} ${kept === 1 ? 'event' : 'events'} in the journal, to be stored when it is opened again`)
  return parts.join(' and ')
}
