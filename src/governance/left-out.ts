import type { Timestamp } from '../events/time.js'
import type { AuditEventData } from '../events/types.js'
import type { AuditPolicy } from './policy/policy.js'

type LeftOut = AuditEventData<'events_left_out'>

/** JSON bytes of the rules of one statement: an entry holds no more than twice as much, and would be cut. */
const MAX_STATED_BYTES = 32 * 1024

interface Counts {
  readonly from: Timestamp
  readonly rules: Map<string, number>
}

/** Counts what policies leave out, rule by rule. */
export class LeftOutEvents {
  #counts = new Map<AuditPolicy, Counts>()

  /**
   * @param policy - the one whose rule it is: not the one in force, where a start was held back under an earlier one
   * @param now - tells the time
   */
  add(rule: string, policy: AuditPolicy, now: () => Timestamp): void {
    const counts = this.#counts.get(policy) ?? { from: now(), rules: new Map<string, number>() }
    this.#counts.set(policy, counts)
    counts.rules.set(rule, (counts.rules.get(rule) ?? 0) + 1)
  }

  /** The time of the first that is counted. */
  get from(): Timestamp | undefined {
    for (const { from } of this.#counts.values()) return from
    return undefined
  }

  /** Returns the counts, each statement those of one policy, and begins anew. */
  take(now: Timestamp): readonly LeftOut[] {
    const counts = this.#counts
    if (counts.size === 0) return NOTHING
    this.#counts = new Map()
    return [...counts].flatMap(([{ name, version }, { from, rules }]) => {
      const to = now < from ? from : now
      return chunks(rules).map((chunk) => ({
        policy: name,
        ...(version !== undefined && { version }),
        rules: chunk,
        from,
        to,
      }))
    })
  }
}

const NOTHING: readonly LeftOut[] = []

/** Divides counts among statements that fit into entries. */
function chunks(rules: ReadonlyMap<string, number>): LeftOut['rules'][] {
  const all: LeftOut['rules'][] = []
  let left = 0
  for (const [rule, count] of rules) {
    const stated = { rule, count }
    const bytes = Buffer.byteLength(JSON.stringify(stated)) + 1
    if (bytes > left) {
      all.push([])
      left = MAX_STATED_BYTES
    }
    left -= bytes
    all.at(-1)?.push(stated)
  }
  return all
}
