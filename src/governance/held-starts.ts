import { defineMember } from '../events/object-members.js'
import { statusAfter } from '../events/run-status.js'
import type { Timestamp } from '../events/time.js'
import type { RecordInput } from '../log/contract.js'
import { RecentRuns } from './recent-runs.js'

/** Starts that are held back. Further ones are recorded. */
export const MAX_HELD_STARTS = 10_000
/** Levels of objects and lists of a start that are copied. Those of the catalogue have no more. */
const MAX_COPIED_DEPTH = 4

/** The decision on an event that a rule leaves out. */
export type Outcome = 'leave_out' | 'hold' | 'record'

interface HeldStart {
  readonly event: RecordInput
  readonly rule: string
}

/**
 * Starts of runs that the policy leaves out. A run of which anything is recorded has its start and its end on record: its start is
 * held back until something of it is recorded, and given up where nothing is.
 *
 * ```
 * start ──held──▶ something is recorded ──▶ the start goes first, and the run is on record: so is its end
 *           └───▶ its end, and nothing was recorded ──▶ both are left out
 * ```
 *
 * An event that comes after the end of a run that was left out follows its own rule, and is recorded without that start.
 *
 * Never throws: what cannot be read has no run.
 */
export class HeldStarts {
  readonly #held = new Map<string, HeldStart>()
  /** Runs that are on record, and not at their end. */
  readonly #recorded = new RecentRuns()
  /** Runs that were left out as a whole: an end that comes once more is as well. */
  readonly #leftOut = new RecentRuns()
  readonly #now: () => Timestamp

  /** @param now - tells the time */
  constructor(now: () => Timestamp) {
    this.#now = now
  }

  /**
   * Decides on an event that a rule leaves out.
   *
   * @param leaveOut - called for a held start that is given up, with the rule that left it out
   */
  decide(event: RecordInput, rule: string, leaveOut: (rule: string) => void): Outcome {
    const { key, type } = identityOf(event)
    const status = statusAfter(type)
    if (status === undefined || key === undefined) return 'leave_out'
    const held = this.#held.get(key)
    if (held) {
      if (status === 'running' || status === 'suspended') return 'leave_out'
      this.#held.delete(key)
      this.#leftOut.add(key)
      leaveOut(held.rule)
      return 'leave_out'
    }
    if (this.#recorded.has(key)) return 'record'
    if (type === 'run_started') return this.#hold(key, event, rule)
    // Of a run that is unknown here, the start is on record: an earlier process recorded it, or there are too many.
    return this.#leftOut.has(key) ? 'leave_out' : 'record'
  }

  /** Returns the start that was held back of the run that an event is of, which is being recorded. */
  takeStart(event: RecordInput): RecordInput | undefined {
    const { key, type } = identityOf(event)
    if (key === undefined) return undefined
    const held = this.#held.get(key)
    if (held) this.#held.delete(key)
    const status = statusAfter(type)
    if (status === undefined || status === 'running' || status === 'suspended') this.#recorded.add(key)
    else this.#recorded.delete(key)
    this.#leftOut.delete(key)
    return held?.event
  }

  /** Gives all up. @returns the rule of each */
  takeRules(): readonly string[] {
    const rules = [...this.#held.values()].map(({ rule }) => rule)
    this.#held.clear()
    return rules
  }

  #hold(key: string, event: RecordInput, rule: string): Outcome {
    if (this.#held.size >= MAX_HELD_STARTS) return 'record'
    try {
      this.#held.set(key, { event: this.#copied(event), rule })
    } catch {
      // A getter threw.
      return 'record'
    }
    return 'hold'
  }

  /** Returns a copy with the present time: it may be recorded later, when the caller has changed the object. */
  #copied(event: RecordInput): RecordInput {
    const copy = plainCopy(event, 1) as RecordInput
    return copy.time === undefined ? { ...copy, time: this.#now() } : copy
  }
}

/** A run belongs to its tenant only where that is known from its start on, so that the id alone counts. */
function identityOf(event: RecordInput): { readonly key: string | undefined; readonly type: string } {
  try {
    const { runId, type } = event
    return { key: typeof runId === 'string' && runId !== '' ? runId : undefined, type }
  } catch {
    return { key: undefined, type: '' }
  }
}

function plainCopy(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_COPIED_DEPTH) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return value.map((each: unknown) => plainCopy(each, depth + 1))
  if (depth > 1 && prototype !== Object.prototype && prototype !== null) return value
  const copy: Record<string, unknown> = {}
  for (const name in value) {
    defineMember(copy, name, plainCopy((value as Record<string, unknown>)[name], depth + 1))
  }
  return copy
}
