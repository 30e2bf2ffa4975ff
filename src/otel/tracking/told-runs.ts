import type { EventSource, Timestamp } from '../../events/index.js'
import type { Conclusion, RunReport, RunState, ScopeFacts } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import type { CallBook } from './call-book.js'
import type { Emitter, Place } from './emitter.js'
import type { FactRecorder } from './fact-recorder.js'
import type { Run } from './run.js'
import type { RunBook } from './run-book.js'
import type { SpanNode } from './span-node.js'
import { countedUsage, type Signal, type TwiceTold } from './twice-told.js'

const MAX_KEYS = 2048
const MAX_RUNS_OF_A_KEY = 64
const MAX_OPEN = 4096
const MAX_HELD = 256
const MAX_REQUESTS = 64
/** A run that has given its answer, and is silent for so long, has come to its end. */
const ANSWERED_PATIENCE_MILLIS = 5 * 60_000
/** Reports of a run wait so long for its start. */
const START_PATIENCE_MILLIS = 15_000

/** A report, and where it comes from. */
export interface Reported {
  readonly report: RunReport
  readonly time: Timestamp
  readonly source: EventSource
  readonly signal: Signal
}

/** A run that log records tell of, with or without a span of its own. */
interface ToldRun {
  run: Run | undefined
  readonly session: string
  /** Under which it is found; the session's list is apart. */
  readonly keys: Set<string>
  startedAt: Timestamp
  /** Starts that were told. */
  readonly marks: Set<string>
  /** Reports that came before the start. */
  held: Reported[]
  readonly heldSinceMillis: number
  last: Reported | undefined
  seenMillis: number
  state: RunState
  /** Model calls that have asked for tools. */
  readonly asked: Set<string>
  /** The next run of the session has begun. */
  isFollowed: boolean
}

/**
 * The runs that log records tell of. A record names its run by keys, so that it finds it in whatever order the records
 * come, and whether or not a span is that run:
 *
 *     log record ──▶ keys ──▶ run ◀── keys ◀── span that is a run
 *                     └─▶ none yet: the report is held until the start comes
 *
 * Such a run has no end of its own: it ends by the record that says so, when the next one of its session has begun, or by
 * silence; by the last that was told of it then.
 */
export class ToldRuns {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #calls: CallBook
  readonly #usage: TwiceTold
  readonly #abandonAfterMillis: number
  readonly #nowMillis: () => number
  readonly #byKey = new RecentMap<string, ToldRun[]>(MAX_KEYS)
  readonly #bySession = new RecentMap<string, ToldRun[]>(MAX_KEYS)
  readonly #open = new Set<ToldRun>()

  constructor(parts: {
    emitter: Emitter
    runs: RunBook
    facts: FactRecorder
    calls: CallBook
    usage: TwiceTold
    abandonAfterMillis: number
    nowMillis: () => number
  }) {
    this.#emitter = parts.emitter
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#calls = parts.calls
    this.#usage = parts.usage
    this.#abandonAfterMillis = parts.abandonAfterMillis
    this.#nowMillis = parts.nowMillis
  }

  /** Records what a log record, or an event of a span, tells. */
  take(reported: Reported): void {
    const { report } = reported
    if (report.begins) {
      const begun = this.#begin(reported)
      if (begun) this.#record(begun, reported)
      return
    }
    const told = this.#find(report, reported.time)
    if (told?.run) this.#record(told, reported)
    else if (told) hold(told, reported)
    else if (isOfARun(report)) hold(this.#expect(reported), reported)
    else this.#recordFacts(reported, undefined)
  }

  /** The run, told in log records already, that a span is; it carries the run from now on. */
  carriedBy(node: SpanNode, keys: readonly string[], startedAt: Timestamp): Run | undefined {
    const told = keys.map((key) => lastBefore(this.#byKey.get(key), startedAt)).find((found) => found?.run)
    if (!told?.run || told.run.node) return undefined
    told.run.carry(node)
    return told.run
  }

  /** A span is a run that log records may tell of. */
  register(run: Run, keys: readonly string[], source: EventSource): void {
    const session = run.scope().sessionId ?? ''
    const told = this.#create(session, run.startedAt, keys)
    told.run = run
    this.#index(told, source, run.parentRunId !== undefined)
  }

  /** The run that something belongs to which is told at this time. */
  find(named: Pick<RunReport, 'sessionId' | 'keys' | 'isOfRunInProgress'>, time: Timestamp): Run | undefined {
    return this.#find(named, time)?.run
  }

  /** Ends the runs that are over, and begins those whose start nobody tells. */
  settle({ final, all }: { readonly final: boolean; readonly all: boolean }): void {
    const now = this.#nowMillis()
    for (const told of this.#open) {
      if (!told.run && (all || final || now - told.heldSinceMillis >= START_PATIENCE_MILLIS)) this.#beginUntold(told)
      const { run } = told
      if (!run) continue
      if (run.ended || run.node) this.#open.delete(told)
      else if (final || told.isFollowed || now - told.seenMillis >= this.#patience(told)) this.#conclude(told, run)
    }
  }

  #patience({ state }: ToldRun): number {
    if (state.stands === 'working') return this.#abandonAfterMillis
    return Math.min(this.#abandonAfterMillis, ANSWERED_PATIENCE_MILLIS)
  }

  /** @returns nothing when this very start has been told */
  #begin(reported: Reported): ToldRun | undefined {
    const { report, time, source } = reported
    const begins = report.begins as NonNullable<RunReport['begins']>
    const sameKey = report.keys.flatMap((key) => this.#byKey.get(key) ?? [])
    if (sameKey.some(({ marks }) => marks.has(begins.mark))) return undefined
    const inSession = this.#bySession.get(report.sessionId) ?? []
    if (report.isOfRunInProgress && inSession.some(({ marks }) => marks.has(begins.mark))) return undefined
    const joined =
      sameKey.find(({ run, marks }) => run && (marks.size === 0 || !begins.isNewRun)) ??
      (report.isOfRunInProgress ? inSession.find(({ run }) => !run) : undefined)
    const waiting = sameKey.filter(({ run }) => !run)
    const told = joined ?? waiting[0] ?? this.#create(report.sessionId, time, report.keys)
    told.marks.add(begins.mark)
    for (const key of report.keys) told.keys.add(key)
    if (!told.run) this.#start(told, reported)
    if (!begins.parentKeys) this.#follow(told)
    this.#index(told, source, begins.parentKeys !== undefined)
    for (const other of waiting) this.#merge(other, told)
    this.#release(told)
    return told
  }

  #start(told: ToldRun, { report, time, source }: Reported): void {
    const { runId, trigger, parentKeys } = report.begins as NonNullable<RunReport['begins']>
    const { sessionId } = report
    const parent = parentKeys && this.find({ sessionId, keys: parentKeys, isOfRunInProgress: true }, time)
    told.startedAt = time
    told.run = this.#runs.find(runId) ?? this.#startRun(told, { report, time, source, runId, trigger, parent })
  }

  #startRun(
    told: ToldRun,
    start: {
      readonly report: RunReport
      readonly time: Timestamp
      readonly source: EventSource
      readonly runId: string
      readonly trigger?: string | undefined
      readonly parent?: Run | undefined
    },
  ): Run {
    const { report, time, source, runId, trigger, parent } = start
    const scope: ScopeFacts = { ...report.scope, sessionId: told.session }
    const activity = { agent: report.agent, trigger }
    const place = { run: parent, node: undefined, context: undefined, source }
    return this.#runs.start({ activity, runId, startedAt: time, scope }, place)
  }

  /** Nobody has told the start: somebody has begun to listen in between, or the record is lost. */
  #beginUntold(told: ToldRun): void {
    const [first] = told.held.sort(inOrder)
    if (!first) {
      this.#open.delete(told)
      return
    }
    const { report, time, source } = first
    told.startedAt = time
    const runId = `${told.session}-${[...told.keys][0] ?? time}`
    told.run = this.#runs.find(runId) ?? this.#startRun(told, { report, time, source, runId })
    this.#release(told)
  }

  #release(told: ToldRun): void {
    const held = told.held.sort(inOrder)
    told.held = []
    for (const one of held) this.#record(told, one)
  }

  #merge(from: ToldRun, into: ToldRun): void {
    if (from === into) return
    into.held.push(...from.held)
    for (const key of from.keys) {
      into.keys.add(key)
      this.#byKey.set(key, [...(this.#byKey.get(key) ?? []).filter((one) => one !== from && one !== into), into])
    }
    this.#open.delete(from)
  }

  /** The runs before it in its session are over. */
  #follow(told: ToldRun): void {
    for (const other of this.#bySession.get(told.session) ?? []) {
      if (other !== told && other.startedAt <= told.startedAt) other.isFollowed = true
    }
  }

  #find(
    { sessionId, keys, isOfRunInProgress }: Pick<RunReport, 'sessionId' | 'keys' | 'isOfRunInProgress'>,
    time: Timestamp,
  ): ToldRun | undefined {
    for (const key of keys) {
      const told = lastBefore(this.#byKey.get(key), time)
      if (told) return told
    }
    return isOfRunInProgress ? this.#inProgress(sessionId, time) : undefined
  }

  #inProgress(session: string, time: Timestamp): ToldRun | undefined {
    return lastBefore(this.#bySession.get(session), time)
  }

  /** A run whose start has not been told. */
  #expect({ report, time, source }: Reported): ToldRun {
    const told = this.#create(report.sessionId, time, report.keys)
    this.#index(told, source, !report.isOfRunInProgress)
    return told
  }

  #create(session: string, startedAt: Timestamp, keys: readonly string[]): ToldRun {
    const now = this.#nowMillis()
    return {
      run: undefined,
      session,
      keys: new Set(keys),
      startedAt,
      marks: new Set(),
      held: [],
      heldSinceMillis: now,
      last: undefined,
      seenMillis: now,
      state: { stands: 'working' },
      asked: new Set(),
      isFollowed: false,
    }
  }

  #index(told: ToldRun, source: EventSource, isApart = false): void {
    for (const key of told.keys) add(this.#byKey, key, told)
    if (!isApart) add(this.#bySession, told.session, told)
    this.#open.add(told)
    if (this.#open.size <= MAX_OPEN) return
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest)
    if (oldest.run && !oldest.run.ended && !oldest.run.node) this.#conclude(oldest, oldest.run, source)
  }

  #record(told: ToldRun, reported: Reported): void {
    const { report, time, source, signal } = reported
    const run = told.run as Run
    const place: Place = { run, node: undefined, context: undefined, source }
    told.seenMillis = this.#nowMillis()
    run.lastSeenMillis = told.seenMillis
    if (!told.last || told.last.time <= time) told.last = reported
    if (report.call) this.#calls.hear({ report: report.call, signal, session: told.session, time, place })
    this.#countUsage(reported, run, place)
    this.#recordFacts(reported, run)
    if (report.state) this.#stand(told, report.state)
    if (report.ends && !run.node) this.#runs.conclude(run, report.ends, time, place)
  }

  #countUsage({ report, time, signal }: Reported, run: Run, place: Place): void {
    const counted = report.usage && countedUsage(report.usage)
    if (!counted) return
    const key = report.usage?.toldAs
    if (key === undefined) run.addUsage(counted)
    const usage = key === undefined ? counted : this.#usage.beyond(`${report.sessionId}|${key}`, signal, counted, run)
    if (usage) this.#emitter.emit('token_usage_updated', usage, time, place)
  }

  #recordFacts({ report, time, source }: Reported, run: Run | undefined): void {
    const place: Place = { run, node: undefined, context: undefined, source }
    for (const fact of report.facts ?? []) {
      const scope = run
        ? fact.scope
        : { ...report.scope, sessionId: report.sessionId, agent: report.agent, ...fact.scope }
      this.#facts.record({ ...fact, scope } as typeof fact, time, place)
    }
  }

  #stand(told: ToldRun, state: RunState): void {
    const { request, stands } = state
    const { asked } = told
    if (stands === 'working') {
      if (request !== undefined && asked.size < MAX_REQUESTS) asked.add(request)
      // Its tools belong to an earlier call than the last.
      const isOfAnother = request !== undefined && told.state.request !== undefined && told.state.request !== request
      if (isOfAnother) return
    }
    told.state = stands === 'answered' && request !== undefined && asked.has(request) ? { stands: 'working' } : state
    if (told.run) told.run.toldEnd = endOf(told.state)
  }

  #conclude(told: ToldRun, run: Run, source = told.last?.source ?? run.source): void {
    this.#open.delete(told)
    const time = told.last?.time ?? run.startedAt
    const place: Place = { run, node: undefined, context: undefined, source }
    const end = endOf(told.state) ?? (told.isFollowed ? INTERRUPTED : undefined)
    if (end) this.#runs.conclude(run, end, time, place)
    else this.#runs.end(run, 'run_interrupted', { reason: 'abandoned', lastEvent: run.lastEvent }, time, place)
  }
}

/** The user has gone on before the answer came. */
const INTERRUPTED: Conclusion = Object.freeze({
  outcome: 'cancelled',
  reason: 'followed by another prompt',
  confidence: 'heuristic',
})

/** How a run ended that stands so, when nothing has followed. */
function endOf({ stands, error, reason }: RunState): Conclusion | undefined {
  if (stands === 'working') return undefined
  if (stands === 'answered') return { outcome: 'completed', confidence: 'heuristic' }
  return { outcome: stands, error, reason, confidence: 'heuristic' }
}

/** Of the runs in the order of their start, the last that began before; else the first. */
function lastBefore(runs: readonly ToldRun[] | undefined, time: Timestamp): ToldRun | undefined {
  if (!runs) return undefined
  let last = runs[0]
  for (const told of runs) if (told.startedAt <= time && told.startedAt >= (last?.startedAt ?? '')) last = told
  return last
}

function add(map: RecentMap<string, ToldRun[]>, key: string, told: ToldRun): void {
  const runs = map.get(key) ?? []
  if (!runs.includes(told)) map.set(key, [...runs, told].slice(-MAX_RUNS_OF_A_KEY))
}

/** What tells of a run's course cannot be recorded without it. */
function isOfARun({ call, usage, state, ends }: RunReport): boolean {
  return (call ?? usage ?? state ?? ends) !== undefined
}

function hold(told: ToldRun, reported: Reported): void {
  if (told.held.length < MAX_HELD) told.held.push(reported)
  if (reported.time < told.startedAt) told.startedAt = reported.time
}

/** The order in which reports were made. */
export function inOrder(one: Reported, other: Reported): number {
  if (one.time !== other.time) return one.time < other.time ? -1 : 1
  return (one.report.sequence ?? 0) - (other.report.sequence ?? 0)
}
