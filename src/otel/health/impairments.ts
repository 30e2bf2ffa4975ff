import { type AuditEventInput, timestampFromMillis } from '../../events/index.js'
import type { AuditHealthCode, AuditHealthCounts } from './contract.js'

/** The shortest time between two events, unless it is the last. */
const INTERVAL_MILLIS = 60_000

type Impairment = AuditEventInput<'auditing_impaired'>

/**
 * Puts on the record which spans did not come to the processor: `auditing_impaired`, at once when that begins, then at
 * most once a minute, and at the end.
 */
export class Impairments {
  readonly #state: (event: Impairment) => void
  #foreign = 0
  #sampledAway = 0
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
   * @param isFinal - it cannot be told afterwards
   */
  look({ foreign, sampledAway }: AuditHealthCounts, nowMillis: number, isFinal: boolean): void {
    const reasons: AuditHealthCode[] = []
    if (foreign > this.#foreign) reasons.push('foreign_provider')
    if (sampledAway > this.#sampledAway) reasons.push('spans_sampled_away')
    const from = Math.min(this.#fromMillis, nowMillis)
    if (reasons.length > 0) {
      if (!isFinal && nowMillis - this.#toldAtMillis < INTERVAL_MILLIS) return
      const spans = foreign - this.#foreign + (sampledAway - this.#sampledAway)
      this.#foreign = foreign
      this.#sampledAway = sampledAway
      this.#toldAtMillis = nowMillis
      const data = { reasons, spans, from: timestampFromMillis(from), to: timestampFromMillis(nowMillis) }
      this.#state({ type: 'auditing_impaired', data })
    }
    this.#fromMillis = nowMillis
  }
}
