import { type Timestamp, timestampFromMillis } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import { ABANDON, type AbandonableLog, type Abandoned } from '../log/abandoned.js'
import type { AuditLogWriter } from '../log/contract.js'
import type { Staged, StagedGap } from '../log/staging/staged.js'
import type { StagedIntake } from '../log/staging/staged-intake.js'
import type { StagedQueue } from '../log/staging/staged-queue.js'

type Counts = Readonly<Record<string, number>>

/** A log that was given up. */
interface GivenUp {
  /** `undefined` where the log did not say. */
  readonly left: Abandoned | undefined
  /** Events that it had recorded and another log does not get. */
  readonly gap: StagedGap
  /** Ids of events that it had not stored and that could not be carried over. */
  readonly unread: readonly string[]
  /** Id of the staged statement of the gap; `undefined` where none is staged. */
  stated: string | undefined
  /** The log that is open is this one, and has what was stored in it. */
  isBack: boolean
}

/**
 * Logs whose directories were removed or replaced, until another log has what they had not stored, and says what it does not have. The
 * gap of each is staged at once, so that it outlives the process.
 */
export class GivenUpLogs {
  readonly #queue: StagedQueue
  #logs: GivenUp[] = []
  /** Statements that could not be staged. */
  #unstaged: AuditEventInput<'events_dropped'>[] = []
  #present: ReadonlySet<string> = new Set()
  /** Ids of staged gaps that are none, since the log is back. */
  readonly #withdrawn = new Set<string>()
  #dropped: Counts = {}
  /** Nothing was given up since. */
  #since: Timestamp = now()
  #working: Promise<void> = Promise.resolve()

  /** @param queue - gets what a log had not stored, before what came since */
  constructor(queue: StagedQueue) {
    this.#queue = queue
  }

  /** Settles when nothing is being given up. Never rejects. */
  get settled(): Promise<void> {
    return this.#working
  }

  /** Events that these logs dropped, and those that were lost with them, by reason. */
  get dropped(): Counts {
    return this.#dropped
  }

  /** Gives a log up. */
  add(log: AuditLogWriter): void {
    this.#working = this.#working.then(() => this.#giveUp(log))
  }

  /** Looks what the log that is open has already: it may be one of these, whose directory is back. */
  async compareWith(intake: StagedIntake): Promise<void> {
    const sizes: number[] = []
    for (const each of this.#logs) {
      const { left, stated } = each
      each.isBack = left?.logId === intake.logId && (await hasAll(left, intake))
      if (left?.logId === intake.logId) sizes.push(left.size)
      if (!each.isBack || stated === undefined) continue
      this.#withdrawn.add(stated)
      each.stated = undefined
    }
    this.#present = sizes.length > 0 ? await intake.idsFrom(Math.min(...sizes)) : new Set()
  }

  /** Tells whether the log that is open is to get an event. */
  isMissing({ entry: { event } }: Staged): boolean {
    return !this.#present.has(event.id) && !this.#withdrawn.has(event.id)
  }

  /** Returns what the log that is open still has to say of what it does not have, and forgets these logs. */
  takeStatements(): readonly AuditEventInput<'events_dropped'>[] {
    const gaps = this.#logs.splice(0).flatMap(({ gap, isBack, unread, stated }) => {
      const count = isBack ? unread.filter((id) => !this.#present.has(id)).length : gap.count
      this.#count({ log_removed: count - gap.count })
      return count > 0 && stated === undefined ? [eventsDropped('log_removed', { ...gap, count })] : []
    })
    this.#withdrawn.clear()
    return [...this.#unstaged.splice(0), ...gaps]
  }

  /** Takes over what a log hands over. The rest is lost with it, for whatever reason. */
  async #giveUp(log: AuditLogWriter): Promise<void> {
    const left = await leftOf(log)
    const { staged, unread } = left ? this.#queue.carry(left.entries, left.origin) : { staged: [], unread: [] }
    const { recorded, dropped } = log.counters()
    const gap = { count: recorded - staged.length, from: left?.from ?? this.#since, to: left?.to ?? now() }
    this.#since = now()
    this.#count(dropped)
    this.#count({ log_removed: gap.count })
    for (const statement of left?.gaps ?? []) if (!this.#stage(statement)) this.#unstaged.push(statement)
    const stated = gap.count > 0 ? this.#stage(eventsDropped('log_removed', gap)) : undefined
    this.#logs.push({ left, gap, unread, stated, isBack: false })
  }

  /** @returns the id of the event; `undefined` where there is no room for it */
  #stage(statement: AuditEventInput<'events_dropped'>): string | undefined {
    return this.#queue.record(statement, true)?.id
  }

  #count(dropped: Counts): void {
    this.#dropped = sumOf(this.#dropped, dropped)
  }
}

/** Returns the statement of what a log does not have. */
export function eventsDropped(reason: string, gap: StagedGap): AuditEventInput<'events_dropped'> {
  return { type: 'events_dropped', data: { ...gap, reason }, source: { convention: 'spanledger', scope: 'spanledger' } }
}

/** Adds up counts by their names. Those that come to nothing are left out. */
export function sumOf(...counts: readonly Counts[]): Counts {
  const sum: Record<string, number> = {}
  for (const [name, count] of counts.flatMap(Object.entries)) sum[name] = (sum[name] ?? 0) + Number(count)
  return Object.fromEntries(Object.entries(sum).filter(([, count]) => count !== 0))
}

/** @returns `undefined` where the log does not say what it had not stored */
async function leftOf(log: AuditLogWriter): Promise<Abandoned | undefined> {
  try {
    return isAbandonable(log) ? await log[ABANDON]() : undefined
  } catch {
    return undefined
  }
}

/** Tells whether a log that is back has what was stored in it: a copy of it may be from before that. */
async function hasAll({ size, lastLeaf }: Abandoned, intake: StagedIntake): Promise<boolean> {
  return lastLeaf === undefined || (await intake.holds(size - 1, lastLeaf))
}

function isAbandonable(log: AuditLogWriter): log is AuditLogWriter & AbandonableLog {
  return ABANDON in log
}

function now(): Timestamp {
  return timestampFromMillis(Date.now())
}
