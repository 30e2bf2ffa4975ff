import { statusAfter } from '../events/run-status.js'
import type { Timestamp } from '../events/time.js'
import type { RecordInput } from '../log/contract.js'
import { copyOf } from './event-copy.js'
import type { AuditPolicy } from './policy/policy.js'
import { RecentRuns } from './recent-runs.js'

/** Starts that are held back. Further ones are recorded. */
export const MAX_HELD_STARTS = 10_000
/** Bytes of memory of all of them, about. */
export const MAX_HELD_BYTES = 16 * 1024 * 1024
/** Statements that wait with one start: a run has a tenant and a session to be named, and few names that conflict. */
const MAX_HELD_STATEMENTS = 8
/** Statements on the identity of a run. They say nothing where nothing else of it is recorded. */
const ON_IDENTITY: ReadonlySet<string> = new Set(['run_identified', 'run_identity_conflict'])

/** The decision on an event that a rule leaves out. */
export type Outcome = 'leave_out' | 'hold' | 'record'

/** The start of a run that was held back. */
export interface HeldStart {
  readonly event: RecordInput
  /** Statements on the identity of the run since. */
  readonly statements: readonly RecordInput[]
}

/** A rule, and the policy that it is of. */
export interface LeftOutBy {
  readonly rule: string
  readonly policy: AuditPolicy
}

interface Held extends HeldStart {
  readonly by: LeftOutBy
  bytes: number
  readonly statements: RecordInput[]
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
 * An event that comes after the end of a run that was left out follows its own rule, and is recorded without that start. Beyond
 * {@link MAX_HELD_STARTS} and {@link MAX_HELD_BYTES} starts are recorded rather than held back, which is reported once.
 *
 * Never throws: what cannot be read has no run.
 */
export class HeldStarts {
  readonly #held = new Map<string, Held>()
  #bytes = 0
  /** Runs that are on record, and not at their end. */
  readonly #recorded = new RecentRuns()
  /** Runs that were left out as a whole: an end that comes once more is as well. */
  readonly #leftOut = new RecentRuns()
  readonly #now: () => Timestamp
  readonly #onFull: () => void
  #wasFull = false

  /**
   * @param now - tells the time
   * @param onFull - called once, when no more can be held back
   */
  constructor(now: () => Timestamp, onFull: () => void) {
    this.#now = now
    this.#onFull = onFull
  }

  /**
   * Decides on an event that a rule leaves out.
   *
   * @param by - the rule
   * @param leaveOut - called for a held start that is given up, with the rule that left it out
   */
  decide(event: RecordInput, by: LeftOutBy, leaveOut: (by: LeftOutBy) => void): Outcome {
    const { key, type } = identityOf(event)
    const status = statusAfter(type)
    if (status === undefined || key === undefined) return 'leave_out'
    const held = this.#held.get(key)
    if (held) {
      if (status === 'running' || status === 'suspended') return 'leave_out'
      this.#release(key, held)
      this.#leftOut.add(key)
      leaveOut(held.by)
      return 'leave_out'
    }
    if (this.#recorded.has(key)) return 'record'
    if (type === 'run_started') return this.#hold(key, event, by)
    // Of a run that is unknown here, the start is on record: an earlier process recorded it, or there are too many.
    return this.#leftOut.has(key) ? 'leave_out' : 'record'
  }

  /** Returns the start that was held back of the run that an event is of, which is being recorded. */
  takeStart(event: RecordInput): HeldStart | undefined {
    const { key, type } = identityOf(event)
    if (key === undefined) return undefined
    const held = this.#held.get(key)
    if (held) this.#release(key, held)
    const status = statusAfter(type)
    if (status === undefined || status === 'running' || status === 'suspended') this.#recorded.add(key)
    else this.#recorded.delete(key)
    this.#leftOut.delete(key)
    return held
  }

  /** Holds a statement back where it is one on the identity of a run whose start is. @returns whether it does */
  holdsBack(statement: RecordInput): boolean {
    const { key, type } = identityOf(statement)
    const held = key === undefined ? undefined : this.#held.get(key)
    if (!held || !ON_IDENTITY.has(type) || held.statements.length >= MAX_HELD_STATEMENTS) return false
    const { event, bytes } = this.#copied(statement)
    if (this.#bytes + bytes > MAX_HELD_BYTES) return false
    this.#bytes += bytes
    held.bytes += bytes
    held.statements.push(event)
    return true
  }

  /** Gives all up. @returns the rule of each */
  takeAll(): readonly LeftOutBy[] {
    const rules = [...this.#held.values()].map(({ by }) => by)
    this.#held.clear()
    this.#bytes = 0
    return rules
  }

  #hold(key: string, event: RecordInput, by: LeftOutBy): Outcome {
    if (this.#held.size >= MAX_HELD_STARTS) return this.#full()
    let copy: ReturnType<typeof copyOf>
    try {
      copy = this.#copied(event)
    } catch {
      // A getter threw.
      return 'record'
    }
    if (this.#bytes + copy.bytes > MAX_HELD_BYTES) return this.#full()
    this.#bytes += copy.bytes
    this.#held.set(key, { ...copy, by, statements: [] })
    return 'hold'
  }

  #release(key: string, { bytes }: Held): void {
    this.#held.delete(key)
    this.#bytes -= bytes
  }

  #full(): Outcome {
    if (!this.#wasFull) this.#onFull()
    this.#wasFull = true
    return 'record'
  }

  /** Returns a copy with the present time: it may be recorded later, when the caller has changed the object. */
  #copied(event: RecordInput): ReturnType<typeof copyOf> {
    const copy = copyOf(event)
    return copy.event.time === undefined ? { ...copy, event: { ...copy.event, time: this.#now() } } : copy
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
