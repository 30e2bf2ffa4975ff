import { statusAfter } from '../events/run-status.js'
import type { Timestamp } from '../events/time.js'
import type { RecordInput } from '../log/contract.js'

/** Starts that are held back. Further ones are recorded. */
const MAX_HELD = 10_000

/** What becomes of an event that the policy leaves out. */
export type Outcome = 'leave_out' | 'hold' | 'record'

interface HeldStart {
  readonly event: RecordInput
  readonly rule: string
}

/**
 * Starts of runs that the policy leaves out. A run of which anything is recorded has its start and its end on record: its start is
 * held back until something of it is recorded, and given up where nothing is.
 */
export class HeldStarts {
  readonly #held = new Map<string, HeldStart>()
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
    const status = statusAfter(event.type)
    const key = keyOf(event)
    if (status === undefined || key === undefined) return 'leave_out'
    const held = this.#held.get(key)
    if (status === 'running') {
      if (held || event.type !== 'run_started') return held ? 'leave_out' : 'record'
      if (this.#held.size >= MAX_HELD) return 'record'
      this.#held.set(key, { event: this.#timed(event), rule })
      return 'hold'
    }
    // Without a start that is held back, the start is on record.
    if (!held) return 'record'
    if (status !== 'suspended') {
      this.#held.delete(key)
      leaveOut(held.rule)
    }
    return 'leave_out'
  }

  /** Returns the start that was held back of the run that an event is of, which is being recorded. */
  takeStart(event: RecordInput): RecordInput | undefined {
    if (this.#held.size === 0) return undefined
    const key = keyOf(event)
    const held = key === undefined ? undefined : this.#held.get(key)
    if (!held) return undefined
    this.#held.delete(key as string)
    return held.event
  }

  /** What is recorded later happened now. */
  #timed(event: RecordInput): RecordInput {
    if (event.time !== undefined) return event
    const time = { value: this.#now(), enumerable: true, configurable: true, writable: true }
    return Object.create(event, { time }) as RecordInput
  }

  /** Gives all up. @returns the rule of each */
  takeRules(): readonly string[] {
    const rules = [...this.#held.values()].map(({ rule }) => rule)
    this.#held.clear()
    return rules
  }
}

/** A run belongs to its tenant only where that is known from its start on, so that the id alone counts. */
function keyOf({ runId }: RecordInput): string | undefined {
  return typeof runId === 'string' && runId !== '' ? runId : undefined
}
