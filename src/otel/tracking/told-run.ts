import type { EventSource, Timestamp } from '../../events/index.js'
import type { Conclusion, RunProgress, RunReport } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import type { Run } from './run.js'
import type { Senders } from './senders.js'
import type { Signal } from './twice-told.js'

const MAX_KEYS = 2048
const MAX_RUNS_OF_A_KEY = 64
const MAX_HELD = 256
const MAX_REQUESTS = 64

/** A report, and where it comes from. */
export interface Reported {
  readonly report: RunReport
  readonly time: Timestamp
  readonly source: EventSource
  readonly signal: Signal
  /** Whoever delivered it: see `senders.ts`. */
  readonly sender: string
}

/** The words by which a record names its run. */
export type NamedRun = Pick<RunReport, 'sessionId' | 'keys' | 'isOfRunInProgress'>

/** A run that log records tell of, with or without a span of its own. */
export class ToldRun {
  readonly session: string
  readonly sender: string
  readonly keys: Set<string>
  startedAt: Timestamp
  /** None until its start is told. */
  run: Run | undefined = undefined
  /** Starts that were told. */
  readonly marks = new Set<string>()
  readonly sinceMillis: number
  seenMillis: number
  last: Reported | undefined = undefined
  /** The next run of the session has begun. */
  isFollowed = false
  #state: RunProgress = { status: 'working' }
  /** Model calls that have asked for tools. */
  readonly #asked = new Set<string>()
  #held: Reported[] = []

  constructor({ sessionId, keys }: NamedRun, sender: string, startedAt: Timestamp, nowMillis: number) {
    this.session = sessionId
    this.sender = sender
    this.keys = new Set(keys)
    this.startedAt = startedAt
    this.sinceMillis = nowMillis
    this.seenMillis = nowMillis
  }

  /** Tells whether its answer, or its failure, was told last. */
  get isAtRest(): boolean {
    return this.#state.status !== 'working'
  }

  /** Its end if nothing follows. */
  get end(): Conclusion | undefined {
    const { status, error, reason } = this.#state
    if (status === 'working') return undefined
    if (status === 'answered') return { outcome: 'completed', confidence: 'heuristic' }
    return { outcome: status, error, reason, confidence: 'heuristic' }
  }

  stand(state: RunProgress): void {
    const { request, status } = state
    if (status === 'working' && request !== undefined) {
      if (this.#asked.size < MAX_REQUESTS) this.#asked.add(request)
      const { request: last } = this.#state
      // Its tools belong to an earlier call than the last.
      if (last !== undefined && last !== request) return
    }
    const isNoAnswer = status === 'answered' && request !== undefined && this.#asked.has(request)
    this.#state = isNoAnswer ? { status: 'working' } : state
  }

  /** Keeps a report that came before the start. */
  hold(reported: Reported): void {
    if (this.#held.length < MAX_HELD) this.#held.push(reported)
    if (reported.time < this.startedAt) this.startedAt = reported.time
  }

  holdAllOf(other: ToldRun): void {
    for (const reported of other.release()) this.hold(reported)
  }

  /** Returns what was held, in the order in which it was made. */
  release(): readonly Reported[] {
    const held = this.#held.sort(inOrder)
    this.#held = []
    return held
  }
}

/** Finds the runs of a sender by their keys, and by their session. Forgets the oldest. */
export class ToldRunIndex {
  readonly #senders: Senders
  readonly #byKey = new RecentMap<string, ToldRun[]>(MAX_KEYS)
  readonly #bySession = new RecentMap<string, ToldRun[]>(MAX_KEYS)

  constructor(senders: Senders) {
    this.#senders = senders
  }

  /** @param isApart - it is not the one in progress in its session: a sub-agent */
  add(told: ToldRun, isApart: boolean): void {
    for (const key of told.keys) append(this.#byKey, this.#senders.keyOf(key), told)
    if (!isApart) append(this.#bySession, this.#senders.keyOf(told.session), told)
  }

  /** Replaces a run by the one that it turns out to be. */
  replace(from: ToldRun, into: ToldRun): void {
    for (const key of from.keys) {
      into.keys.add(key)
      this.#byKey.set(this.#senders.keyOf(key), [
        ...this.withKey(key).filter((one) => one !== from && one !== into),
        into,
      ])
    }
  }

  withKey(key: string): readonly ToldRun[] {
    return this.#byKey.get(this.#senders.keyOf(key)) ?? []
  }

  inSession(sessionId: string): readonly ToldRun[] {
    return this.#bySession.get(this.#senders.keyOf(sessionId)) ?? []
  }

  find({ sessionId, keys, isOfRunInProgress }: NamedRun, time: Timestamp): ToldRun | undefined {
    for (const key of keys) {
      const told = lastBefore(this.withKey(key), time)
      if (told) return told
    }
    return isOfRunInProgress ? lastBefore(this.inSession(sessionId), time) : undefined
  }
}

/** The order in which reports were made. */
export function inOrder(one: Reported, other: Reported): number {
  if (one.time !== other.time) return one.time < other.time ? -1 : 1
  return (one.report.sequence ?? 0) - (other.report.sequence ?? 0)
}

/** The last run that began before, else the first. */
function lastBefore(runs: readonly ToldRun[], time: Timestamp): ToldRun | undefined {
  let last = runs[0]
  for (const told of runs) if (told.startedAt <= time && told.startedAt >= (last?.startedAt ?? '')) last = told
  return last
}

function append(map: RecentMap<string, ToldRun[]>, key: string, told: ToldRun): void {
  const runs = map.get(key) ?? []
  if (!runs.includes(told)) map.set(key, [...runs, told].slice(-MAX_RUNS_OF_A_KEY))
}
