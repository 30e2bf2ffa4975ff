import type { EventSource, Timestamp } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import type { Activity, Conclusion, Convention, Fact, RunActivity } from '../conventions/contract.js'
import { concludeError } from '../conventions/shared/error-endings.js'
import { errorOf, hasErrorStatus, withStackTrace } from '../conventions/shared/outcome.js'
import { type SpanLike, scopeOf } from '../span.js'
import type { CallRecorder } from './call-recorder.js'
import { type Emitter, type SpanOrigin, sourceOf, withConfidence } from './emitter.js'
import { type Ending, endOf, signEnd } from './endings.js'
import { type FactRecorder, runIdOf } from './fact-recorder.js'
import { nanosOf } from './interval.js'
import { lossOfOutcome } from './losses.js'
import type { Recognition } from './recognition.js'
import { isRepeatedError } from './repeated-errors.js'
import { isReportedInside, isSameRun, keepInnerEnd, withInnerEnd } from './repeated-spans.js'
import type { ReportedRuns } from './reported-runs.js'
import { notSuspended, type Run } from './run.js'
import type { RunBook } from './run-book.js'
import type { SpanNode } from './span-node.js'
import { endOf as endTimeOf, type ReadTime, startOf, TIME_MENDED } from './span-times.js'
import type { Reporter } from './usage-ledger.js'

/** Records the activities of recognised spans when they start, and their endings when they end. */
export class SpanRecorder {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #calls: CallRecorder
  readonly #reported: ReportedRuns
  readonly #nowMillis: () => number
  readonly #trustRemoteParents: boolean

  constructor(parts: {
    emitter: Emitter
    runs: RunBook
    facts: FactRecorder
    calls: CallRecorder
    reported: ReportedRuns
    nowMillis: () => number
    trustRemoteParents: boolean
  }) {
    this.#emitter = parts.emitter
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#calls = parts.calls
    this.#reported = parts.reported
    this.#nowMillis = parts.nowMillis
    this.#trustRemoteParents = parts.trustRemoteParents
  }

  start(node: SpanNode, { activity, convention }: Recognition, span: SpanLike): void {
    if (node.continueReplayed()) {
      this.touch(node.nearestRun())
      return
    }
    if (activity.enclosingRun) this.#becomeRun(node.recognisedParent(), activity.enclosingRun, convention)
    const { time: startedAt, isMended } = startOf(span, this.#nowMillis())
    if (activity.loggedRun && !node.nearestRun()) node.joinRun(this.#reported.find(activity.loggedRun, startedAt))
    const origin = this.#originOf(node, sourceOf(convention.name, span), isMended)
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, origin)
    else if (activity.kind === 'tool') this.#calls.startTool(node, activity, { span, startedAt, origin })
    else if (activity.kind === 'model') origin.run?.startModelCall()
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#originOf(node, origin.source, isMended))
    this.touch(origin.run)
  }

  end(node: SpanNode, recognition: Recognition, span: SpanLike, concluded: Conclusion): void {
    const { activity, convention } = recognition
    const conclusion = withInnerEnd(withReportedEnd(node, concluded), span, node.run?.signs.inner)
    if (conclusion.enclosingRun) this.#becomeRun(node.recognisedParent(), conclusion.enclosingRun, convention)
    const ending = endOf(node, recognition, span, conclusion)
    const error = ending.outcome === 'failed' ? (ending.error ?? errorOf(span)) : undefined
    this.#takeNames(node, ending)
    const start = startOf(span, this.#nowMillis())
    const { time: endedAt, isMended } = endTimeOf(span, node.run?.startedAt ?? start.time, this.#nowMillis())
    const origin = this.#originOf(node, sourceOf(convention.name, span), isMended)
    this.touch(origin.run)
    if (!node.ownRecord.conclude()) return
    const by = reporterOf(span, activity)
    const end = { conclusion, ending, error, span, start, endedAt, origin, by }
    this.#calls.recordUsage(node, recognition, end)
    if (!node.run)
      signEnd(origin.run, { conclusion, ending, loss: lossOfOutcome(span, recognition), kind: activity.kind })
    const isRepeated = error !== undefined && isCall(activity) && isRepeatedError(node, error, by)
    if (node.ownRecord.isRepeat) keepInnerEnd(node, activity.kind, { ...ending, error }, origin.run)
    else if (!isRepeated) this.#calls.end(node, activity, end)
    const facts = ending.facts?.filter(({ type }) => !(isRepeated && type === 'usage_limit_exceeded'))
    if (facts)
      this.#recordFacts(
        facts.map((fact) => mendedFact(fact, start)),
        endedAt,
        origin,
      )
    if (node.run) this.#runs.conclude(node.run, ending, { time: endedAt, origin, error: withStackTrace(error, span) })
    node.recognisedParent()?.run?.signs.endChild(ending, error)
  }

  /** A run that was recorded by hand on a span of no agent kind ends with it, by its status. */
  endRun(run: Run, node: SpanNode, span: SpanLike): void {
    const ending: Conclusion = hasErrorStatus(span) ? concludeError(errorOf(span), span) : { outcome: 'completed' }
    const { time, isMended } = endTimeOf(span, run.startedAt, this.#nowMillis())
    this.#runs.conclude(run, ending, { time, origin: this.#originOf(node, run.source, isMended) })
  }

  /**
   * Corrects the end of a run that was given up by that which was delivered for its span. Whoever has seen the ids of a span may
   * send it: it is taken for its end only, which is a claim, and gives way to the end of the span itself.
   */
  correct(
    run: Run,
    {
      node,
      recognition,
      span,
    }: {
      readonly node: SpanNode
      readonly recognition: Recognition
      readonly span: SpanLike
    },
    conclusion: Conclusion,
  ): void {
    const ending = endOf(node, recognition, span, conclusion)
    const { time, isMended } = endTimeOf(span, run.startedAt, this.#nowMillis())
    const origin = this.#originOf(node, sourceOf(recognition.convention.name, span), isMended)
    const error = ending.outcome === 'failed' ? (ending.error ?? errorOf(span)) : undefined
    const [confidence, grounds] = this.#trustRemoteParents
      ? ([ending.confidence, 'observed'] as const)
      : (['claimed', 'claimed'] as const)
    this.#runs.conclude(run, { ...ending, confidence }, { time, origin, grounds, error })
  }

  /** Something happened in the run. */
  touch(run: Run | undefined): void {
    run?.touch(this.#nowMillis())
  }

  /** Takes the names and the scope that came with the end of the span. */
  #takeNames(node: SpanNode, { scope, runScope, agent }: Ending): void {
    this.#emitter.identities.identifyBelow(node.ownScope.conclude(scope, runScope))
    if (agent) node.run?.renameAgent(agent)
  }

  #startRun(node: SpanNode, activity: RunActivity, startedAt: Timestamp, origin: SpanOrigin): void {
    if (node.run) return // recorded by hand on this very span
    const runId = this.#runs.idOf(runIdOf(node))
    const enclosing = besideSuspended(origin)
    if (enclosing.run?.runId === runId) return // the same run, reported at another level
    if (enclosing.run ? isSameRun(node, activity, enclosing.run) : isReportedInside(node, activity)) {
      node.ownRecord.becomeRepeat()
      return
    }
    const start = { activity, runId, startedAt, parentRunId: node.ownScope.explicit.parentRunId }
    const source = withConfidence(enclosing.source, activity.confidence)
    const reported = activity.keys && this.#reported.carriedBy(node, activity.keys, startedAt)
    if (reported) {
      node.becomeRun(reported)
      return
    }
    const { altered } = activity
    const run = node.context
      ? this.#runs.start(start, { ...enclosing, source }, { altered })
      : this.#runs.adopt(start, node, source)
    if (activity.keys) this.#reported.register(run, activity.keys)
  }

  /** A recognised span that is still open turns out to be a run. */
  #becomeRun(node: SpanNode | undefined, activity: RunActivity, convention: Convention): void {
    if (!node?.span || node.run || node.recognition?.convention !== convention) return
    const { span } = node
    node.recogniseAs({ convention, activity })
    const { time, isMended } = startOf(span, this.#nowMillis())
    this.#startRun(node, activity, time, this.#originOf(node, sourceOf(convention.name, span), isMended))
  }

  #recordFacts(facts: readonly Fact[], time: Timestamp, origin: SpanOrigin): void {
    for (const fact of facts) this.#facts.record(fact, time, origin)
  }

  /** Before a span is known as a run this is the origin around it, afterwards the one inside. */
  #originOf(node: SpanNode, source: EventSource, isTimeMended: boolean): SpanOrigin {
    const { context } = node
    const detached = context && contextScope(context)?.run
    const run = node.nearestRun() ?? (detached && this.#runs.find(detached.runId))
    return { node, context, source, run, isTimeMended }
  }
}

/** Takes the end of a run from log records and events where its span names none. */
function withReportedEnd({ run }: SpanNode, conclusion: Conclusion): Conclusion {
  const { reported } = run?.signs ?? {}
  if (conclusion.outcome !== undefined || !reported || reported.outcome === 'completed') return conclusion
  return { ...conclusion, ...reported }
}

/** Tells whether the error of the span is an event of its own. */
function isCall({ kind }: Activity): boolean {
  return kind === 'model' || kind === 'recall'
}

/** A fact of the span's start has the time that the span was given: mended, where that was. */
function mendedFact(fact: Fact, { time, isMended }: ReadTime): Fact {
  if (!isMended || fact.time === undefined) return fact
  return { ...fact, time, altered: [...(fact.altered ?? []), TIME_MENDED] }
}

function besideSuspended(origin: SpanOrigin): SpanOrigin {
  const run = notSuspended(origin.run)
  return run === origin.run ? origin : { ...origin, run }
}

function reporterOf(span: SpanLike, activity: Activity): Reporter {
  const interval = { start: nanosOf(span.startTime), end: nanosOf(span.endTime) }
  const model = activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
  return { scope: scopeOf(span).name, kind: activity.kind, model, interval }
}
