import type { Timestamp } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'

/** Why an event was not kept. */
export type DropReason = 'closed' | 'not_sealed' | 'queue_full' | 'write_failed'

const OWN_SOURCE = Object.freeze({ convention: 'spanledger', scope: 'spanledger' })

/** What was dropped since the log last said so. */
export class Gaps {
  readonly #gaps = new Map<DropReason, { count: number; from: Timestamp; to: Timestamp }>()

  get size(): number {
    return this.#gaps.size
  }

  add(reason: DropReason, at: Timestamp): void {
    const gap = this.#gaps.get(reason)
    if (gap) {
      gap.count++
      gap.to = at
    } else this.#gaps.set(reason, { count: 1, from: at, to: at })
  }

  /** The gaps as events; they are as good as recorded then. */
  take(): AuditEventInput<'events_dropped'>[] {
    const events = [...this.#gaps].map(
      ([reason, gap]): AuditEventInput<'events_dropped'> => ({
        type: 'events_dropped',
        data: { count: gap.count, reason, from: gap.from, to: gap.to },
        source: OWN_SOURCE,
      }),
    )
    this.#gaps.clear()
    return events
  }
}
