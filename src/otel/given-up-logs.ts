import type { AuditEventInput } from '../events/types.js'
import { ABANDON, type AbandonableLog, type Abandoned } from '../log/abandoned.js'
import type { AuditLogWriter } from '../log/contract.js'
import type { Staged, StagedGap } from '../log/staging/staged.js'
import type { StagedIntake } from '../log/staging/staged-intake.js'
import type { StagedQueue } from '../log/staging/staged-queue.js'

const NONE: ReadonlySet<string> = new Set()

/** Logs whose directories were removed or replaced, until another log has what they had not stored. */
export class GivenUpLogs {
  readonly #queue: StagedQueue
  #logs: Abandoned[] = []
  #present: ReadonlySet<string> = NONE
  #working: Promise<void> = Promise.resolve()

  /** @param queue - gets what a log had not stored, before what came since */
  constructor(queue: StagedQueue) {
    this.#queue = queue
  }

  /** Settles when nothing is being given up. Never rejects. */
  get settled(): Promise<void> {
    return this.#working
  }

  /** Gives a log up. */
  add(log: AuditLogWriter): void {
    this.#working = this.#working.then(() => this.#giveUp(log)).catch(() => undefined)
  }

  /** Looks what the log that is open has already: it may be one of these, whose directory is back. */
  async compareWith(intake: StagedIntake): Promise<void> {
    const sizes = this.#logs.filter(({ logId }) => logId === intake.logId).map(({ size }) => size)
    this.#present = sizes.length > 0 ? await intake.idsFrom(Math.min(...sizes)) : NONE
  }

  /** Tells whether the log that is open lacks an event. */
  isMissing({ entry }: Staged): boolean {
    return !this.#present.has(entry.event.id)
  }

  /** Returns what the log that is open does not have of these, and forgets them. */
  takeGaps(logId: string | undefined): readonly StagedGap[] {
    return this.#logs.splice(0).flatMap(({ logId: id, count, from, to }) => {
      const isGap = id !== logId && count > 0 && from !== undefined && to !== undefined
      return isGap ? [{ count, from, to }] : []
    })
  }

  async #giveUp(log: AuditLogWriter): Promise<void> {
    if (!isAbandonable(log)) return
    const abandoned = await log[ABANDON]()
    this.#logs.push(abandoned)
    this.#queue.carry(abandoned.entries, abandoned.origin)
  }
}

function isAbandonable(log: AuditLogWriter): log is AuditLogWriter & AbandonableLog {
  return ABANDON in log
}

/** Returns the statement of what a log does not have. */
export function eventsDropped(reason: string, gap: StagedGap): AuditEventInput<'events_dropped'> {
  return { type: 'events_dropped', data: { ...gap, reason }, source: { convention: 'spanledger', scope: 'spanledger' } }
}
