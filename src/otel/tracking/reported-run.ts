import type { EventSource, Timestamp } from '../../events/index.js'
import type { Conclusion, RunProgress, RunReport } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import type { Signal } from './duplicate-calls.js'
import type { Run } from './run.js'
import type { Senders } from './senders.js'

const MAX_KEYS = 2048
const MAX_RUNS_OF_A_KEY = 64
const MAX_HELD = 256
const MAX_REQUESTS = 64

/** A report on a run, and its origin. */
export interface ReceivedReport {
  readonly report: RunReport
  readonly time: Timestamp
  readonly source: EventSource
  readonly signal: Signal
  /** The process that delivered it: see `senders.ts`. */
  readonly sender: string
}

/** The fields by which a record names its run. */
export type NamedRun = Pick<RunReport, 'sessionId' | 'keys' | 'isOfRunInProgress'>

/** A run that log records report, with or without a span of its own. */
export class ReportedRun {
  readonly session: string
  readonly sender: string
  readonly #keys: Set<string>
  readonly sinceMillis: number
  /** Starts that were reported. */
  readonly #marks = new Set<string>()
  #startedAt: Timestamp
  #run: Run | undefined = undefined
  #seenMillis: number
  #last: ReceivedReport | undefined = undefined
  #isFollowed = false
  #progress: RunProgress = { status: 'working' }
  /** Model calls that have asked for tools. */
  readonly #asked = new Set<string>()
  #held: ReceivedReport[] = []

  constructor({ sessionId, keys }: NamedRun, sender: string, startedAt: Timestamp, nowMillis: number) {
    this.session = sessionId
    this.sender = sender
    this.#keys = new Set(keys)
    this.#startedAt = startedAt
    this.sinceMillis = nowMillis
    this.#seenMillis = nowMillis
  }

  get keys(): ReadonlySet<string> {
    return this.#keys
  }

  addKeys(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.add(key)
  }

  /** Marks of its starts: see `RunReport.begins`. */
  get marks(): ReadonlySet<string> {
    return this.#marks
  }

  addMark(mark: string): void {
    this.#marks.add(mark)
  }

  get startedAt(): Timestamp {
    return this.#startedAt
  }

  /** None until its start is reported, or made up. */
  get run(): Run | undefined {
    return this.#run
  }

  /** The start is reported, or made up. */
  startAt(time: Timestamp): void {
    this.#startedAt = time
  }

  /** The start is recorded. */
  begin(run: Run): void {
    this.#run = run
  }

  /** The time at which it was reported on last. */
  get seenMillis(): number {
    return this.#seenMillis
  }

  /** The latest report by its own time. */
  get last(): ReceivedReport | undefined {
    return this.#last
  }

  /** A report on it is being recorded. */
  see(received: ReceivedReport, nowMillis: number): void {
    this.#seenMillis = nowMillis
    if (!this.#last || this.#last.time <= received.time) this.#last = received
  }

  /** The next run of the session has begun. */
  get isFollowed(): boolean {
    return this.#isFollowed
  }

  follow(): void {
    this.#isFollowed = true
  }

  /** Tells whether its answer, or its failure, was reported last. */
  get isAtRest(): boolean {
    return this.#progress.status !== 'working'
  }

  /** Its end if nothing follows. */
  get end(): Conclusion | undefined {
    const { status, error, reason } = this.#progress
    if (status === 'working') return undefined
    if (status === 'answered') return { outcome: 'completed', confidence: 'heuristic' }
    return { outcome: status, error, reason, confidence: 'heuristic' }
  }

  /** Takes the progress of the run by the latest report. */
  updateProgress(progress: RunProgress): void {
    const { request, status } = progress
    if (status === 'working' && request !== undefined) {
      if (this.#asked.size < MAX_REQUESTS) this.#asked.add(request)
      const { request: last } = this.#progress
      // Its tools belong to an earlier call than the last.
      if (last !== undefined && last !== request) return
    }
    const isNoAnswer = status === 'answered' && request !== undefined && this.#asked.has(request)
    this.#progress = isNoAnswer ? { status: 'working' } : progress
  }

  /** Keeps a report that came before the start. */
  hold(received: ReceivedReport): void {
    if (this.#held.length < MAX_HELD) this.#held.push(received)
    if (received.time < this.#startedAt) this.#startedAt = received.time
  }

  holdAllOf(other: ReportedRun): void {
    for (const received of other.release()) this.hold(received)
  }

  /** Returns what was held, in the order in which it was made. */
  release(): readonly ReceivedReport[] {
    const held = this.#held.sort(inOrder)
    this.#held = []
    return held
  }
}

/** Finds the runs of a sender by their keys, and by their session. Forgets the oldest. */
export class ReportedRunIndex {
  readonly #senders: Senders
  readonly #byKey = new RecentMap<string, ReportedRun[]>(MAX_KEYS)
  readonly #bySession = new RecentMap<string, ReportedRun[]>(MAX_KEYS)

  constructor(senders: Senders) {
    this.#senders = senders
  }

  /** @param isApart - it is not the one in progress in its session: a sub-agent */
  add(run: ReportedRun, isApart: boolean): void {
    for (const key of run.keys) append(this.#byKey, this.#senders.keyOf(key), run)
    if (!isApart) append(this.#bySession, this.#senders.keyOf(run.session), run)
  }

  /** Replaces a run by the one that it turns out to be. */
  replace(from: ReportedRun, into: ReportedRun): void {
    into.addKeys(from.keys)
    for (const key of from.keys) {
      this.#byKey.set(this.#senders.keyOf(key), [
        ...this.withKey(key).filter((one) => one !== from && one !== into),
        into,
      ])
    }
  }

  withKey(key: string): readonly ReportedRun[] {
    return this.#byKey.get(this.#senders.keyOf(key)) ?? []
  }

  inSession(sessionId: string): readonly ReportedRun[] {
    return this.#bySession.get(this.#senders.keyOf(sessionId)) ?? []
  }

  find({ sessionId, keys, isOfRunInProgress }: NamedRun, time: Timestamp): ReportedRun | undefined {
    for (const key of keys) {
      const last = lastBefore(this.withKey(key), time)
      if (last) return last
    }
    return isOfRunInProgress ? lastBefore(this.inSession(sessionId), time) : undefined
  }
}

/** Compares reports by the order in which they were made. */
export function inOrder(one: ReceivedReport, other: ReceivedReport): number {
  if (one.time !== other.time) return one.time < other.time ? -1 : 1
  return (one.report.sequence ?? 0) - (other.report.sequence ?? 0)
}

/** The last run that began before, else the first. */
function lastBefore(runs: readonly ReportedRun[], time: Timestamp): ReportedRun | undefined {
  let last = runs[0]
  for (const run of runs) if (run.startedAt <= time && run.startedAt >= (last?.startedAt ?? '')) last = run
  return last
}

function append(map: RecentMap<string, ReportedRun[]>, key: string, run: ReportedRun): void {
  const runs = map.get(key) ?? []
  if (!runs.includes(run)) map.set(key, [...runs, run].slice(-MAX_RUNS_OF_A_KEY))
}
