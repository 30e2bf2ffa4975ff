import type { EventSource, Timestamp } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import type { Activity, Conclusion, Convention, Fact, RunActivity } from '../conventions/contract.js'
import { concludeError } from '../conventions/shared/error-endings.js'
import { errorOf, hasErrorStatus } from '../conventions/shared/outcome.js'
import { type SpanLike, scopeOf } from '../span.js'
import type { CallRecorder } from './call-recorder.js'
import { type Emitter, type Place, sourceOf, withConfidence } from './emitter.js'
import { type Ending, endOf, notePause } from './endings.js'
import { isEcho } from './error-echo.js'
import { type FactRecorder, runIdOf } from './fact-recorder.js'
import { nanosOf } from './interval.js'
import { lossOfOutcome, noteDoubt } from './losses.js'
import { notSuspended, type Run } from './run.js'
import { noteEndOfChild, type RunBook } from './run-book.js'
import type { Claim, SpanNode } from './span-node.js'
import { endOf as endTimeOf, type ReadTime, startOf, TIME_MENDED } from './span-times.js'
import { isSameRun, isToldInside, noteInner, takeOver, withInner } from './told-again.js'
import type { ToldRuns } from './told-runs.js'
import type { Reporter } from './usage-ledger.js'

/** Records what claimed spans are when they start, and what came of them when they end. */
export class SpanRecorder {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #calls: CallRecorder
  readonly #told: ToldRuns
  readonly #nowMillis: () => number
  readonly #trustRemoteParents: boolean

  constructor(parts: {
    emitter: Emitter
    runs: RunBook
    facts: FactRecorder
    calls: CallRecorder
    told: ToldRuns
    nowMillis: () => number
    trustRemoteParents: boolean
  }) {
    this.#emitter = parts.emitter
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#calls = parts.calls
    this.#told = parts.told
    this.#nowMillis = parts.nowMillis
    this.#trustRemoteParents = parts.trustRemoteParents
  }

  start(node: SpanNode, { activity, convention }: Claim, span: SpanLike): void {
    const { replayed } = node
    node.replayed = undefined
    if (replayed && takeOver(node, replayed)) {
      this.touch(node.nearestRun())
      return
    }
    if (activity.enclosingRun) this.#becomeRun(node.claimedParent(), activity.enclosingRun, convention)
    const { time: startedAt, isMended } = startOf(span, this.#nowMillis())
    if (activity.loggedRun && !node.nearestRun()) node.toldRun = this.#told.find(activity.loggedRun, startedAt)
    const around = this.#placeOf(node, sourceOf(convention.name, span), isMended)
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, around)
    else if (activity.kind === 'tool') this.#calls.startTool(node, activity, { span, startedAt, place: around })
    else if (activity.kind === 'model' && around.run) around.run.noteModelCall()
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#placeOf(node, around.source, isMended))
    this.touch(around.run)
  }

  end(node: SpanNode, claim: Claim, span: SpanLike, concluded: Conclusion): void {
    const { activity, convention } = claim
    const said = withInner(withToldEnd(node, concluded), span, node.run?.inner)
    if (said.enclosingRun) this.#becomeRun(node.claimedParent(), said.enclosingRun, convention)
    const told = endOf(node, claim, span, said)
    const error = told.outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    this.#learn(node, told)
    const start = startOf(span, this.#nowMillis())
    const { time: endedAt, isMended } = endTimeOf(span, node.run?.startedAt ?? start.time, this.#nowMillis())
    const place = this.#placeOf(node, sourceOf(convention.name, span), isMended)
    this.touch(place.run)
    if (node.concluded) return
    node.concluded = true
    const by = reporterOf(span, activity)
    const ending = { said, told, error, span, start, endedAt, place, by }
    this.#calls.recordUsage(node, claim, ending)
    if (!node.run) noteInRun(place.run, claim, ending)
    const isTold = error !== undefined && isCall(activity) && isEcho(node, error, by)
    if (node.tellsAgain) noteInner(node, activity, { ...told, error }, place.run)
    else if (!isTold) this.#calls.end(node, activity, ending)
    const facts = told.facts?.filter(({ type }) => !(isTold && type === 'usage_limit_exceeded'))
    if (facts)
      this.#recordFacts(
        facts.map((fact) => mendedFact(fact, start)),
        endedAt,
        place,
      )
    if (node.run) this.#runs.conclude(node.run, told, endedAt, place, told.outcome, error)
    noteEndOfChild(node, told, told.outcome, error)
  }

  /** A run that was recorded by hand on a span of no agent kind ends with it, by its status. */
  endRun(run: Run, node: SpanNode, span: SpanLike): void {
    const told: Conclusion = hasErrorStatus(span) ? concludeError(errorOf(span), span) : { outcome: 'completed' }
    const { time, isMended } = endTimeOf(span, run.startedAt, this.#nowMillis())
    this.#runs.conclude(run, told, time, this.#placeOf(node, run.source, isMended))
  }

  /**
   * Corrects the end of a run that was given up by that which was delivered for its span. Whoever has seen the ids of a span may
   * send it: it is taken for its end only, which is a claim, and gives way to the end of the span itself.
   */
  correct(
    run: Run,
    { node, claim, span }: { readonly node: SpanNode; readonly claim: Claim; readonly span: SpanLike },
    said: Conclusion,
  ): void {
    const told = endOf(node, claim, span, said)
    const { time, isMended } = endTimeOf(span, run.startedAt, this.#nowMillis())
    const place = this.#placeOf(node, sourceOf(claim.convention.name, span), isMended)
    const error = told.outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    const isClaimed = !this.#trustRemoteParents
    const confidence = isClaimed ? 'claimed' : told.confidence
    this.#runs.conclude(run, { ...told, confidence }, time, place, told.outcome, error)
    run.isEndGuessed = isClaimed
    run.isEndClaimed = isClaimed
  }

  /** Something happened in the run. */
  touch(run: Run | undefined): void {
    if (run) run.lastSeenMillis = this.#nowMillis()
  }

  /** Names and scope that came with the end of the span. */
  #learn(node: SpanNode, told: Ending): void {
    const learned = node.learnScope(node.ownFacts(node.scopeSaid(told.scope)))
    const learnedOfRun = told.runScope && node.learnRunScope(node.ownFacts(told.runScope))
    this.#emitter.identities.learnBelow(learnedOfRun ?? learned)
    if (told.agent && node.run) node.run.agent = { ...node.run.agent, ...told.agent }
  }

  #startRun(node: SpanNode, activity: RunActivity, startedAt: Timestamp, place: Place): void {
    if (node.run) return // recorded by hand on this very span
    const runId = this.#runs.idOf(runIdOf(node))
    const around = besideSuspended(place)
    if (around.run?.runId === runId) return // the same run, told at another level
    if (around.run ? isSameRun(node, activity, around.run) : isToldInside(node, activity)) {
      node.tellsAgain = true
      return
    }
    const start = { activity, runId, startedAt, parentRunId: node.explicitScope.parentRunId }
    const source = withConfidence(around.source, activity.confidence)
    node.run = activity.keys && this.#told.carriedBy(node, activity.keys, startedAt)
    if (node.run) return
    const { altered } = activity
    const run = node.context
      ? this.#runs.start(start, { ...around, source }, { altered })
      : this.#runs.adopt(start, node, source)
    if (activity.keys) this.#told.register(run, activity.keys)
  }

  /** A claimed span that is still open turns out to be a run. */
  #becomeRun(node: SpanNode | undefined, activity: RunActivity, convention: Convention): void {
    if (!node?.span || node.run || node.claim?.convention !== convention) return
    const { span } = node
    node.claimAs({ convention, activity })
    const { time, isMended } = startOf(span, this.#nowMillis())
    this.#startRun(node, activity, time, this.#placeOf(node, sourceOf(convention.name, span), isMended))
  }

  #recordFacts(facts: readonly Fact[], time: Timestamp, place: Place): void {
    for (const fact of facts) this.#facts.record(fact, time, place)
  }

  /** Before a span is known as a run this is the place around it, afterwards the one inside. */
  #placeOf(node: SpanNode, source: EventSource, isTimeMended: boolean): Place {
    const { context } = node
    const detached = context && contextScope(context)?.run
    const run = node.nearestRun() ?? (detached && this.#runs.find(detached.runId))
    return { node, context, source, run, isTimeMended }
  }
}

/** Takes the end of a run from log records and events where its span tells none. */
function withToldEnd({ run }: SpanNode, told: Conclusion): Conclusion {
  if (told.outcome !== undefined || !run?.toldEnd || run.toldEnd.outcome === 'completed') return told
  return { ...told, ...run.toldEnd }
}

/** Notes what the end of a span means for the run around it. */
function noteInRun(
  run: Run | undefined,
  claim: Claim,
  { span, said, told }: { readonly span: SpanLike; readonly said: Conclusion; readonly told: Ending },
): void {
  noteDoubt(run, claim.activity.kind, lossOfOutcome(span, claim))
  notePause(run, said, told)
}

/** Tells whether the error of the span is an event of its own. */
function isCall({ kind }: Activity): boolean {
  return kind === 'model' || kind === 'recall'
}

/** A convention tells a fact of the span's start by the time that the span was given. */
function mendedFact(fact: Fact, { time, isMended }: ReadTime): Fact {
  if (!isMended || fact.time === undefined) return fact
  return { ...fact, time, altered: [...(fact.altered ?? []), TIME_MENDED] }
}

function besideSuspended(place: Place): Place {
  const run = notSuspended(place.run)
  return run === place.run ? place : { ...place, run }
}

function reporterOf(span: SpanLike, activity: Activity): Reporter {
  const interval = { start: nanosOf(span.startTime), end: nanosOf(span.endTime) }
  const model = activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
  return { scope: scopeOf(span).name, kind: activity.kind, model, interval }
}
