import type { EventSource, Timestamp } from '../../events/index.js'
import type { Conclusion, RunReport, ScopeIds } from '../conventions/contract.js'
import { meaningOf } from '../conventions/shared/usage-meaning.js'
import type { CallBook } from './call-book.js'
import type { Emitter, Place } from './emitter.js'
import type { FactRecorder } from './fact-recorder.js'
import type { Run } from './run.js'
import type { RunBook } from './run-book.js'
import type { Senders } from './senders.js'
import type { SpanNode } from './span-node.js'
import { type NamedRun, type Reported, ToldRun, ToldRunIndex } from './told-run.js'
import type { TwiceTold } from './twice-told.js'

const MAX_OPEN = 4096
/** A run that has given its answer, and is silent for so long, has come to its end. */
const ANSWERED_PATIENCE_MILLIS = 5 * 60_000
/** Reports of a run wait so long for its start. */
const START_PATIENCE_MILLIS = 15_000

/** The user has gone on before the answer came. */
const INTERRUPTED: Conclusion = Object.freeze({
  outcome: 'cancelled',
  reason: 'followed by another prompt',
  confidence: 'heuristic',
})

type Begins = NonNullable<RunReport['begins']>

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
  readonly #senders: Senders
  readonly #index: ToldRunIndex
  readonly #open = new Set<ToldRun>()

  constructor(parts: {
    emitter: Emitter
    senders: Senders
    runs: RunBook
    facts: FactRecorder
    calls: CallBook
    usage: TwiceTold
    abandonAfterMillis: number
    nowMillis: () => number
  }) {
    this.#emitter = parts.emitter
    this.#senders = parts.senders
    this.#index = new ToldRunIndex(parts.senders)
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#calls = parts.calls
    this.#usage = parts.usage
    this.#abandonAfterMillis = parts.abandonAfterMillis
    this.#nowMillis = parts.nowMillis
  }

  /** Records what a log record, or an event of a span, tells. */
  take(reported: Reported): void {
    const { report, time } = reported
    if (report.begins) {
      const begun = this.#begin(reported, report.begins)
      if (begun) this.#record(begun, begun.run as Run, reported)
      return
    }
    const told = this.#index.find(report, time)
    if (told?.run) this.#record(told, told.run, reported)
    else if (told) told.hold(reported)
    else if (isOfARun(report)) this.#expect(reported)
    else this.#recordFacts(reported, undefined)
  }

  /** The run, told in log records already, that a span is; it carries the run from now on. */
  carriedBy(node: SpanNode, keys: readonly string[], startedAt: Timestamp): Run | undefined {
    const run = this.find({ sessionId: '', keys }, startedAt)
    if (!run || run.node) return undefined
    run.carry(node)
    return run
  }

  /** A span is a run that log records may tell of. */
  register(run: Run, keys: readonly string[]): void {
    const told = this.#create({ sessionId: run.scope().sessionId ?? '', keys }, run.startedAt)
    told.run = run
    this.#add(told, run.parentRunId !== undefined)
  }

  /** The run that something belongs to which is told at this time. */
  find(named: NamedRun, time: Timestamp): Run | undefined {
    return this.#index.find(named, time)?.run
  }

  /** Ends the runs that are over, and begins those whose start nobody tells. */
  settle({ final, all }: { readonly final: boolean; readonly all: boolean }): void {
    const now = this.#nowMillis()
    for (const told of this.#open) {
      if (!told.run && (all || final || now - told.sinceMillis >= START_PATIENCE_MILLIS)) {
        this.#senders.as(told.sender, () => this.#beginUntold(told))
      }
      const { run } = told
      if (!run) continue
      if (run.ended || run.node) this.#open.delete(told)
      else if (final || told.isFollowed || now - told.seenMillis >= this.#patienceWith(told)) this.#conclude(told, run)
    }
  }

  #patienceWith(told: ToldRun): number {
    return told.isAtRest ? Math.min(this.#abandonAfterMillis, ANSWERED_PATIENCE_MILLIS) : this.#abandonAfterMillis
  }

  /** @returns nothing when this very start has been told */
  #begin(reported: Reported, begins: Begins): ToldRun | undefined {
    const { report, time } = reported
    const sameKey = report.keys.flatMap((key) => this.#index.withKey(key))
    const inSession = report.isOfRunInProgress ? this.#index.inSession(report.sessionId) : []
    const isSame = ({ marks }: ToldRun) => marks.has(begins.mark)
    if (sameKey.some(isSame) || inSession.some(isSame)) return undefined
    const known =
      sameKey.find(({ run, marks }) => run && (marks.size === 0 || !begins.isNewRun)) ??
      inSession.find(({ run }) => !run) ??
      sameKey.find(({ run }) => !run)
    const told = known ?? this.#create(report, time)
    told.marks.add(begins.mark)
    for (const key of report.keys) told.keys.add(key)
    told.run ??= this.#start(told, reported, begins)
    const isSubAgent = begins.parentKeys !== undefined
    if (!isSubAgent) this.#follow(told)
    this.#add(told, isSubAgent)
    for (const other of sameKey) if (!other.run) this.#merge(other, told)
    this.#release(told, told.run)
    return told
  }

  #start(told: ToldRun, reported: Reported, begins: Begins): Run {
    const { report, time } = reported
    const around = begins.parentKeys && {
      sessionId: report.sessionId,
      keys: begins.parentKeys,
      isOfRunInProgress: true,
    }
    told.startedAt = time
    return this.#startRun(told, reported, { ...begins, parent: around && this.find(around, time) })
  }

  #startRun(
    told: ToldRun,
    { report, time, source }: Reported,
    { runId, trigger, parent }: Pick<Begins, 'runId' | 'trigger'> & { readonly parent?: Run | undefined },
  ): Run {
    const known = this.#runs.find(runId)
    if (known?.source.convention === source.convention) return known
    const scope: ScopeIds = { ...report.scope, sessionId: told.session }
    const activity = { agent: report.agent, trigger }
    const place = { run: parent, node: undefined, context: undefined, source }
    // Another kind of run has the id, which is none of what records tell of.
    const ownId = known ? `${told.session}-${runId}` : runId
    return this.#runs.start({ activity, runId: ownId, startedAt: time, scope }, place)
  }

  /** Begins a run whose start nobody has told: somebody has begun to listen in between, or the record is lost. */
  #beginUntold(told: ToldRun): void {
    const held = told.release()
    const [first] = held
    if (!first) {
      this.#open.delete(told)
      return
    }
    const [key = first.time] = told.keys
    told.startedAt = first.time
    const run = this.#startRun(told, first, { runId: `${told.session}-${key}` })
    told.run = run
    for (const reported of held) this.#record(told, run, reported)
  }

  #release(told: ToldRun, run: Run): void {
    for (const reported of told.release()) this.#record(told, run, reported)
  }

  #merge(from: ToldRun, into: ToldRun): void {
    if (from === into) return
    into.holdAllOf(from)
    this.#index.replace(from, into)
    this.#open.delete(from)
  }

  /** Marks the runs before it in its session as over. */
  #follow(told: ToldRun): void {
    for (const other of this.#index.inSession(told.session)) {
      if (other !== told && other.startedAt <= told.startedAt) other.isFollowed = true
    }
  }

  /** Enters a run whose start has not been told. */
  #expect(reported: Reported): void {
    const { report, time } = reported
    const told = this.#create(report, time)
    told.hold(reported)
    this.#add(told, !report.isOfRunInProgress)
  }

  #create(named: NamedRun, startedAt: Timestamp): ToldRun {
    return new ToldRun(named, this.#senders.current, startedAt, this.#nowMillis())
  }

  #add(told: ToldRun, isApart: boolean): void {
    this.#index.add(told, isApart)
    this.#open.add(told)
    if (this.#open.size <= MAX_OPEN) return
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest)
    if (oldest.run && !oldest.run.ended && !oldest.run.node) this.#conclude(oldest, oldest.run)
  }

  #record(told: ToldRun, run: Run, reported: Reported): void {
    const { report, time, source, signal } = reported
    const place = { run, node: undefined, context: undefined, source }
    told.seenMillis = this.#nowMillis()
    run.lastSeenMillis = told.seenMillis
    if (!told.last || told.last.time <= time) told.last = reported
    if (report.call) this.#calls.hear({ report: report.call, signal, session: told.session, time, place })
    this.#countUsage(told, reported, place)
    this.#recordFacts(reported, run)
    if (report.progress) told.stand(report.progress)
    run.toldEnd = told.end
    if (report.ends && !run.node) this.#runs.conclude(run, report.ends, time, place)
  }

  #countUsage(told: ToldRun, { report, time, signal: by, source }: Reported, place: Place & { run: Run }): void {
    const { run } = place
    const { usage, sessionId } = report
    // A record that names the session alone belongs to a run of which others have told more.
    const keys = [...new Set([...report.keys, ...told.keys])]
    const meant = usage && meaningOf(usage, source.scope)
    if (!meant) return
    const { callKey, model, provider, responseId } = usage
    const counted = { ...meant.usage, model, provider, responseId }
    if (callKey === undefined) run.addUsage(counted)
    const telling = { by, keys, sessionId, usage: counted, run }
    const data = callKey === undefined ? counted : this.#usage.beyond({ ...telling, callKey })
    if (data) this.#emitter.emit('token_usage_updated', data, time, place, meant)
  }

  #recordFacts({ report, time, source }: Reported, run: Run | undefined): void {
    const place: Place = { run, node: undefined, context: undefined, source }
    const { sessionId, agent } = report
    for (const fact of report.facts ?? []) {
      const scope = run ? fact.scope : { ...report.scope, sessionId, agent, ...fact.scope }
      this.#facts.record({ ...fact, scope } as typeof fact, time, place)
    }
  }

  #conclude(told: ToldRun, run: Run): void {
    this.#open.delete(told)
    const source: EventSource = told.last?.source ?? run.source
    const time = told.last?.time ?? run.startedAt
    const place: Place = { run, node: undefined, context: undefined, source }
    const end = told.end ?? (told.isFollowed ? INTERRUPTED : undefined)
    if (end) this.#runs.conclude(run, end, time, place)
    else this.#runs.end(run, 'run_interrupted', { reason: 'abandoned', lastEvent: run.lastEvent }, time, place)
  }
}

/** Tells whether a report is of a run's course, so that it cannot be recorded without the run. */
function isOfARun({ call, usage, progress, ends }: RunReport): boolean {
  return (call ?? usage ?? progress ?? ends) !== undefined
}
