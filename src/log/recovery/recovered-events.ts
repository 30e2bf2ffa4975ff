import type { Timestamp } from '../../events/time.js'
import type { AuditEvent } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import type { ReplayedEntry } from '../journal/journal-replay.js'
import { OWN_SOURCE } from '../own-source.js'
import { isSetBack } from '../sealing/clock.js'
import { sealStatements } from '../sealing/clock-statement.js'
import type { Sealer } from '../sealing/seal.js'

interface Counted {
  count: number
  unattested: number
  readonly from: Timestamp
  to: Timestamp
}

/**
 * Counts what is taken over from the journal of a log that was not closed. Each commit that takes something over says so
 * itself: so nothing is counted twice, and nothing is left out, whenever the process dies.
 */
export class RecoveredEvents {
  events = 0
  unattested = 0
  readonly #sealer: Sealer
  readonly #origin: string
  #recordedAt: Timestamp
  #waiting: Counted | undefined = undefined

  /** @param recordedAt - of the entry before; empty where there is none */
  constructor(sealer: Sealer, origin: string, recordedAt: Timestamp) {
    this.#sealer = sealer
    this.#origin = origin
    this.#recordedAt = recordedAt
  }

  add({ event, isAttested }: ReplayedEntry): void {
    const { recordedAt } = event
    const isTrusted = isAttested && !(isSetBack(this.#recordedAt, recordedAt) && !this.#isClockStep(event))
    this.#recordedAt = recordedAt
    this.#waiting ??= { count: 0, unattested: 0, from: recordedAt, to: recordedAt }
    this.#waiting.count++
    this.#waiting.to = recordedAt
    this.events++
    if (isTrusted) return
    this.#waiting.unattested++
    this.unattested++
  }

  /** Some of the entries that were added were not stored after all: their ids are those of other events. */
  leaveOut(count: number): void {
    if (!this.#waiting || count === 0) return
    this.events -= count
    this.#waiting.count -= count
    const surplus = Math.max(0, this.#waiting.unattested - this.#waiting.count)
    this.#waiting.unattested -= surplus
    this.unattested -= surplus
    if (this.#waiting.count === 0) this.#waiting = undefined
  }

  /** Returns the log's statements on the entries added since the last call; none when no entries were added. */
  statements(): readonly SealedEntry[] {
    if (!this.#waiting) return []
    const data = this.#waiting
    this.#waiting = undefined
    this.#sealer.follow(data.to)
    return sealStatements(this.#sealer, { type: 'events_recovered', source: OWN_SOURCE, data })
  }

  /** Tells whether an event is a clock step. After one, an earlier time does not mark a record as foreign in time. */
  #isClockStep({ type, statementOf }: AuditEvent): boolean {
    return type === 'clock_stepped' && statementOf === this.#origin
  }
}
