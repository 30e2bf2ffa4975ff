import type { EventSource, Timestamp } from '../../events/index.js'
import type { Conclusion, RunReport, ScopeIds } from '../conventions/contract.js'
import { meaningOf } from '../conventions/shared/usage-meaning.js'
import type { CallBook } from './call-book.js'
import type { DuplicateCalls } from './duplicate-calls.js'
import type { Emitter, EventOrigin } from './emitter.js'
import type { FactRecorder } from './fact-recorder.js'
import { type NamedRun, type ReceivedReport, ReportedRun, ReportedRunIndex } from './reported-run.js'
import type { Run } from './run.js'
import type { RunBook } from './run-book.js'
import type { Senders } from './senders.js'
import type { SpanNode } from './span-node.js'

const MAX_OPEN = 4096
/** A run that has given its answer, and is silent for so long, has come to its end. */
const ANSWERED_PATIENCE_MILLIS = 5 * 60_000
/** Reports of a run wait so long for its start. */
const START_PATIENCE_MILLIS = 15_000

/** The end of a run whose user has gone on before the answer came. */
const INTERRUPTED: Conclusion = Object.freeze({
  outcome: 'cancelled',
  reason: 'followed by another prompt',
  confidence: 'heuristic',
})

type Begins = NonNullable<RunReport['begins']>

/**
 * The runs that log records report. A record names its run by keys, so that it finds it in whatever order the records
 * come, and whether or not a span is that run:
 *
 *     log record ──▶ keys ──▶ run ◀── keys ◀── span that is a run
 *                     └─▶ none yet: the report is held until the start comes
 *
 * Such a run has no end of its own: it ends by the record that says so, when the next one of its session has begun, or by
 * silence; by the last that was reported of it then.
 */
export class ReportedRuns {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #calls: CallBook
  readonly #duplicates: DuplicateCalls
  readonly #abandonAfterMillis: number
  readonly #nowMillis: () => number
  readonly #senders: Senders
  readonly #index: ReportedRunIndex
  readonly #open = new Set<ReportedRun>()

  constructor(parts: {
    emitter: Emitter
    senders: Senders
    runs: RunBook
    facts: FactRecorder
    calls: CallBook
    duplicates: DuplicateCalls
    abandonAfterMillis: number
    nowMillis: () => number
  }) {
    this.#emitter = parts.emitter
    this.#senders = parts.senders
    this.#index = new ReportedRunIndex(parts.senders)
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#calls = parts.calls
    this.#duplicates = parts.duplicates
    this.#abandonAfterMillis = parts.abandonAfterMillis
    this.#nowMillis = parts.nowMillis
  }

  /** Records the report of a log record, or of an event of a span. */
  take(received: ReceivedReport): void {
    const { report, time } = received
    if (report.begins) {
      const begun = this.#begin(received, report.begins)
      if (begun) this.#record(begun, begun.run as Run, received)
      return
    }
    const reported = this.#index.find(report, time)
    if (reported?.run) this.#record(reported, reported.run, received)
    else if (reported) reported.hold(received)
    else if (isOfARun(report)) this.#expect(received)
    else this.#recordFacts(received, undefined)
  }

  /** Returns the run, reported in log records already, that a span is; it carries the run from now on. */
  carriedBy(node: SpanNode, keys: readonly string[], startedAt: Timestamp): Run | undefined {
    const run = this.find({ sessionId: '', keys }, startedAt)
    if (!run || run.node) return undefined
    run.attachTo(node)
    return run
  }

  /** Enters a run that a span is, and that log records may report. */
  register(run: Run, keys: readonly string[]): void {
    const reported = this.#create({ sessionId: run.scope().sessionId ?? '', keys }, run.startedAt)
    reported.begin(run)
    this.#add(reported, run.parentRunId !== undefined)
  }

  /** Finds the run that something belongs to which is reported at this time. */
  find(named: NamedRun, time: Timestamp): Run | undefined {
    return this.#index.find(named, time)?.run
  }

  /** Ends the runs that are over, and begins those whose start nobody reports. */
  settle({ final, all }: { readonly final: boolean; readonly all: boolean }): void {
    const now = this.#nowMillis()
    for (const reported of this.#open) {
      if (!reported.run && (all || final || now - reported.sinceMillis >= START_PATIENCE_MILLIS)) {
        this.#senders.as(reported.sender, () => this.#startUnreported(reported))
      }
      const { run } = reported
      if (!run) continue
      if (run.hasEnded || run.node) this.#open.delete(reported)
      else if (final || reported.isFollowed || now - reported.seenMillis >= this.#patienceWith(reported))
        this.#conclude(reported, run)
    }
  }

  #patienceWith(reported: ReportedRun): number {
    return reported.isAtRest ? Math.min(this.#abandonAfterMillis, ANSWERED_PATIENCE_MILLIS) : this.#abandonAfterMillis
  }

  /** @returns nothing when this very start has been reported */
  #begin(received: ReceivedReport, begins: Begins): ReportedRun | undefined {
    const { report, time } = received
    const sameKey = report.keys.flatMap((key) => this.#index.withKey(key))
    const inSession = report.isOfRunInProgress ? this.#index.inSession(report.sessionId) : []
    const isSame = ({ marks }: ReportedRun) => marks.has(begins.mark)
    if (sameKey.some(isSame) || inSession.some(isSame)) return undefined
    const known =
      sameKey.find(({ run, marks }) => run && (marks.size === 0 || !begins.isNewRun)) ??
      inSession.find(({ run }) => !run) ??
      sameKey.find(({ run }) => !run)
    const reported = known ?? this.#create(report, time)
    reported.addMark(begins.mark)
    reported.addKeys(report.keys)
    const run = reported.run ?? this.#start(reported, received, begins)
    const isSubAgent = begins.parentKeys !== undefined
    if (!isSubAgent) this.#follow(reported)
    this.#add(reported, isSubAgent)
    for (const other of sameKey) if (!other.run) this.#merge(other, reported)
    this.#release(reported, run)
    return reported
  }

  #start(reported: ReportedRun, received: ReceivedReport, begins: Begins): Run {
    const { report, time } = received
    const enclosing = begins.parentKeys && {
      sessionId: report.sessionId,
      keys: begins.parentKeys,
      isOfRunInProgress: true,
    }
    reported.startAt(time)
    const run = this.#startRun(reported, received, { ...begins, parent: enclosing && this.find(enclosing, time) })
    reported.begin(run)
    return run
  }

  #startRun(
    reported: ReportedRun,
    { report, time, source }: ReceivedReport,
    { runId, trigger, parent }: Pick<Begins, 'runId' | 'trigger'> & { readonly parent?: Run | undefined },
  ): Run {
    const known = this.#runs.find(runId)
    if (known?.source.convention === source.convention) return known
    const scope: ScopeIds = { ...report.scope, sessionId: reported.session }
    const activity = { agent: report.agent, trigger }
    const origin = { run: parent, node: undefined, context: undefined, source }
    // Another kind of run has the id, which is none that records report.
    const ownId = known ? `${reported.session}-${runId}` : runId
    return this.#runs.start({ activity, runId: ownId, startedAt: time, scope }, origin)
  }

  /** Begins a run whose start nobody has reported: it was before the log was attached, or the record is lost. */
  #startUnreported(reported: ReportedRun): void {
    const held = reported.release()
    const [first] = held
    if (!first) {
      this.#open.delete(reported)
      return
    }
    const [key = first.time] = reported.keys
    reported.startAt(first.time)
    const run = this.#startRun(reported, first, { runId: `${reported.session}-${key}` })
    reported.begin(run)
    for (const received of held) this.#record(reported, run, received)
  }

  #release(reported: ReportedRun, run: Run): void {
    for (const received of reported.release()) this.#record(reported, run, received)
  }

  #merge(from: ReportedRun, into: ReportedRun): void {
    if (from === into) return
    into.holdAllOf(from)
    this.#index.replace(from, into)
    this.#open.delete(from)
  }

  /** Marks the runs before it in its session as over. */
  #follow(reported: ReportedRun): void {
    for (const other of this.#index.inSession(reported.session)) {
      if (other !== reported && other.startedAt <= reported.startedAt) other.follow()
    }
  }

  /** Enters a run whose start has not been reported. */
  #expect(received: ReceivedReport): void {
    const { report, time } = received
    const reported = this.#create(report, time)
    reported.hold(received)
    this.#add(reported, !report.isOfRunInProgress)
  }

  #create(named: NamedRun, startedAt: Timestamp): ReportedRun {
    return new ReportedRun(named, this.#senders.current, startedAt, this.#nowMillis())
  }

  #add(reported: ReportedRun, isApart: boolean): void {
    this.#index.add(reported, isApart)
    this.#open.add(reported)
    if (this.#open.size <= MAX_OPEN) return
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest)
    if (oldest.run && !oldest.run.hasEnded && !oldest.run.node) this.#conclude(oldest, oldest.run)
  }

  #record(reported: ReportedRun, run: Run, received: ReceivedReport): void {
    const { report, time, source, signal } = received
    const origin = { run, node: undefined, context: undefined, source }
    const now = this.#nowMillis()
    reported.see(received, now)
    run.touch(now)
    if (report.call) this.#calls.record({ report: report.call, signal, session: reported.session, time, origin })
    this.#countUsage(reported, received, origin)
    this.#recordFacts(received, run)
    if (report.progress) reported.updateProgress(report.progress)
    run.signs.report(reported.end)
    if (report.ends && !run.node) this.#runs.conclude(run, report.ends, { time, origin })
  }

  #countUsage(
    reported: ReportedRun,
    { report, time, signal: by, source }: ReceivedReport,
    origin: EventOrigin & { run: Run },
  ): void {
    const { run } = origin
    const { usage, sessionId } = report
    // A record that names the session alone belongs to a run on which others have reported more.
    const keys = [...new Set([...report.keys, ...reported.keys])]
    const meant = usage && meaningOf(usage, source.scope)
    if (!meant) return
    const { callKey, model, provider, responseId } = usage
    const counted = { ...meant.usage, model, provider, responseId }
    if (callKey === undefined) run.tally.addUsage(counted)
    const signalled = { by, keys, sessionId, usage: counted, run }
    const data = callKey === undefined ? counted : this.#duplicates.beyond({ ...signalled, callKey })
    if (data) this.#emitter.emit({ type: 'token_usage_updated', data }, time, origin, meant)
  }

  #recordFacts({ report, time, source }: ReceivedReport, run: Run | undefined): void {
    const origin = { run, node: undefined, context: undefined, source }
    const { sessionId, agent } = report
    for (const fact of report.facts ?? []) {
      const scope = run ? fact.scope : { ...report.scope, sessionId, agent, ...fact.scope }
      this.#facts.record({ ...fact, scope } as typeof fact, time, origin)
    }
  }

  #conclude(reported: ReportedRun, run: Run): void {
    this.#open.delete(reported)
    const source: EventSource = reported.last?.source ?? run.source
    const time = reported.last?.time ?? run.startedAt
    const origin = { run, node: undefined, context: undefined, source }
    const end = reported.end ?? (reported.isFollowed ? INTERRUPTED : undefined)
    if (end) this.#runs.conclude(run, end, { time, origin })
    else this.#runs.interrupt(run, { time, origin })
  }
}

/** Tells whether a report is of what happens in a run, so that it cannot be recorded without the run. */
function isOfARun({ call, usage, progress, ends }: RunReport): boolean {
  return (call ?? usage ?? progress ?? ends) !== undefined
}
