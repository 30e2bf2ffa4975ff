import type { Timestamp } from '../events/time.js'
import type { AuditEventData } from '../events/types.js'
import type { AuditPolicy } from './policy/policy.js'

/** Counts what a policy leaves out, rule by rule. */
export class LeftOutEvents {
  #counts = new Map<string, number>()
  #from: Timestamp | undefined

  /** @param now - tells the time */
  add(rule: string, now: () => Timestamp): void {
    this.#from ??= now()
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1)
  }

  /** The time of the first that is counted. */
  get from(): Timestamp | undefined {
    return this.#from
  }

  /** Returns the counts, and begins anew; `undefined` where nothing was left out. */
  take({ name, version }: AuditPolicy, now: Timestamp): AuditEventData<'events_left_out'> | undefined {
    const from = this.#from
    if (from === undefined) return undefined
    const rules = [...this.#counts].map(([rule, count]) => ({ rule, count }))
    this.#counts = new Map()
    this.#from = undefined
    const to = now < from ? from : now
    return { policy: name, ...(version !== undefined && { version }), rules, from, to }
  }
}
