import type { Timestamp } from '../../events/time.js'
import type { AuditEventInput } from '../../events/types.js'
import type { DropReason } from '../contract.js'
import { OWN_SOURCE } from '../own-source.js'

/** Counts of dropped events: since the log was opened, and in the gaps that are not on record yet. */
export class Gaps {
  readonly #totals = new Map<DropReason, number>()
  readonly #gaps = new Map<DropReason, { count: number; from: Timestamp; to: Timestamp }>()

  /** Number of gaps that are not on record. */
  get size(): number {
    return this.#gaps.size
  }

  /** Events dropped, by reason. */
  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals)
  }

  /** Counts events that become no part of a gap. */
  count(reason: DropReason, events: number): void {
    this.#totals.set(reason, (this.#totals.get(reason) ?? 0) + events)
  }

  add(reason: DropReason, at: Timestamp): void {
    this.count(reason, 1)
    const gap = this.#gaps.get(reason)
    if (gap) {
      gap.count++
      gap.to = at
    } else this.#gaps.set(reason, { count: 1, from: at, to: at })
  }

  /** Returns the gaps as statements, and counts them as recorded. */
  take(): AuditEventInput<'events_dropped'>[] {
    const events = [...this.#gaps].map(([reason, gap]) => gapEvent(reason, gap))
    this.#gaps.clear()
    return events
  }
}

/** A number of events that were not kept, and the times of the first and the last of them. */
export interface Gap {
  readonly count: number
  readonly from: Timestamp
  readonly to: Timestamp
}

export function gapEvent(reason: DropReason, { count, from, to }: Gap): AuditEventInput<'events_dropped'> {
  return { type: 'events_dropped', data: { count, reason, from, to }, source: OWN_SOURCE }
}
