import { type AuditEventInput, timestampFromMillis } from '../../events/index.js'
import type { AuditHealthCode } from './contract.js'

/** The shortest time between two events, unless it is the last. */
const INTERVAL_MILLIS = 60_000

type Impairment = AuditEventInput<'auditing_impaired'>

/**
 * Puts on the record which spans did not come to the processor: `auditing_impaired`, at once when that begins, then at
 * most once a minute, and at the end.
 */
export class Impairments {
  readonly #state: (event: Impairment) => void
  #missed = 0
  /** Nothing was missing up to then. */
  #fromMillis: number
  #toldAtMillis = Number.NEGATIVE_INFINITY

  constructor(state: (event: Impairment) => void, nowMillis: number) {
    this.#state = state
    this.#fromMillis = nowMillis
  }

  /**
   * Tells what is new since it was last told.
   *
   * @param missed - spans that did not come, since the process began
   * @param isFinal - it cannot be told afterwards
   */
  look(missed: number, nowMillis: number, isFinal: boolean): void {
    const from = Math.min(this.#fromMillis, nowMillis)
    if (missed > this.#missed) {
      const reasons: AuditHealthCode[] = ['foreign_provider']
      if (!isFinal && nowMillis - this.#toldAtMillis < INTERVAL_MILLIS) return
      const spans = missed - this.#missed
      this.#missed = missed
      this.#toldAtMillis = nowMillis
      const data = { reasons, spans, from: timestampFromMillis(from), to: timestampFromMillis(nowMillis) }
      this.#state({ type: 'auditing_impaired', data })
    }
    this.#fromMillis = nowMillis
  }
}
