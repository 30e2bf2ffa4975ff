import type { Timestamp } from '../../events/time.js'
import type { AuditEventInput } from '../../events/types.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import type { AppendResult } from '../contract.js'
import { spanOf, type WriteAhead } from '../journal/write-ahead.js'
import { clockStepped } from '../sealing/clock-statement.js'
import type { Sealer } from '../sealing/seal.js'
import type { Pending } from './commit-group.js'
import type { CommitLoop } from './commit-loop.js'
import type { CommitQueue } from './commit-queue.js'
import type { Failures } from './failures.js'
import type { LogErrors } from './log-errors.js'

interface IntakeParts {
  readonly queue: CommitQueue<AppendResult>
  readonly loop: CommitLoop
  readonly sealer: Sealer
  readonly writeAhead: WriteAhead | undefined
  readonly errors: LogErrors
  readonly failures: Failures
}

/** Takes entries into the journal, where there is one, and into the queue. */
export class Intake {
  readonly #parts: IntakeParts
  readonly #queue: CommitQueue<AppendResult>
  readonly #writeAhead: WriteAhead | undefined
  #taken = 0
  #from: Timestamp | undefined = undefined
  #to: Timestamp | undefined = undefined

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#queue = parts.queue
    this.#writeAhead = parts.writeAhead
  }

  /** Number of entries that were taken. */
  get taken(): number {
    return this.#taken
  }

  /** Time of the first that was taken for a caller. */
  get from(): Timestamp | undefined {
    return this.#from
  }

  /** Time of the last that was taken for a caller. */
  get to(): Timestamp | undefined {
    return this.#to
  }

  /**
   * Takes an entry.
   *
   * @param append - waits for it
   * @returns whether it is kept, in the journal, in memory or both
   */
  take(entry: SealedEntry, append?: Pending<AppendResult>): boolean {
    this.#stateClockStep()
    return this.#keep(entry, append)
  }

  /**
   * Takes events one behind the other, up to the first that is not kept.
   *
   * @param append - waits for the last of them
   * @returns the number of those that are not kept
   */
  takeAll(events: readonly { readonly entry: SealedEntry }[], append?: Pending<AppendResult>): number {
    const last = events.length - 1
    const firstMissing = events.findIndex(({ entry }, at) => !this.take(entry, at === last ? append : undefined))
    return firstMissing === -1 ? 0 : events.length - firstMissing
  }

  /** Takes a statement of the log, also where there is no room for more. @throws what sealing throws */
  state(statement: AuditEventInput): void {
    const { entry } = this.#parts.sealer.sealStatement(statement)
    this.#stateClockStep()
    this.#push(entry, this.#writeAhead?.write(entry))
    this.#taken++
  }

  /** States that the clock was set before the log has anything with the new time. */
  #stateClockStep(): void {
    const { sealer } = this.#parts
    const step = sealer.takeStep()
    if (step && !this.#keep(sealer.sealStatement(clockStepped(step)).entry)) sealer.putBackStep(step)
  }

  #keep(entry: SealedEntry, append?: Pending<AppendResult>): boolean {
    const written = this.#writeAhead?.write(entry)
    if (written && this.#queue.shouldSpill(entry)) this.#queue.spill(entry, spanOf(entry, written), append)
    else if (written || this.#freeRoom(entry, append !== undefined)) this.#push(entry, written, append)
    else return false
    this.#taken++
    this.#to = entry.event.recordedAt
    this.#from ??= this.#to
    this.#parts.loop.commitSoon()
    return true
  }

  #push(entry: SealedEntry, written: JournalPosition | undefined, append?: Pending<AppendResult>): void {
    this.#queue.push(entry, written !== undefined, written ?? this.#writeAhead?.journal.end, append)
  }

  /** Loss is the last resort: while the store fails, events whose callers get to know make way for those without. */
  #freeRoom(entry: SealedEntry, isAppend: boolean): boolean {
    if (this.#queue.hasRoom(entry)) return true
    const { loop, errors, failures } = this.#parts
    if (!loop.isFailing || isAppend) return false
    const what = 'cannot be written, and its queue is full: the event was not stored'
    this.#queue.rejectAppends(errors.write(what, failures.causeOf('store')))
    return this.#queue.hasRoom(entry)
  }
}
