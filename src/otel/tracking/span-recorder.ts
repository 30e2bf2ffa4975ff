import { type Alteration, type EventSource, millisBetween, type Timestamp } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import type {
  Activity,
  Conclusion,
  Convention,
  Fact,
  Outcome,
  RunActivity,
  UsageReport,
} from '../conventions/contract.js'
import { concludeError } from '../conventions/shared/error-endings.js'
import { errorOf, hasErrorStatus, type SpanError } from '../conventions/shared/outcome.js'
import { hasDropped, type SpanLike } from '../span.js'
import { type Emitter, type Extras, type Place, sourceOf, withConfidence } from './emitter.js'
import { type Ending, endOf, notePause } from './endings.js'
import { isEcho } from './error-echo.js'
import { type FactRecorder, runIdOf } from './fact-recorder.js'
import { type Loss, lossOfOutcome, lossOfUsage, lostAt, noteDoubt } from './losses.js'
import { notSuspended, type Run } from './run.js'
import { noteEndOfChild, type RunBook } from './run-book.js'
import type { Claim, SpanNode } from './span-node.js'
import { DURATION_MENDED, endOf as endTimeOf, type ReadTime, startOf, TIME_MENDED } from './span-times.js'
import type { UsageLedger } from './usage-ledger.js'

/** Records what claimed spans are when they start, and what came of them when they end. */
export class SpanRecorder {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #ledger: UsageLedger
  readonly #nowMillis: () => number

  constructor(parts: {
    emitter: Emitter
    runs: RunBook
    facts: FactRecorder
    ledger: UsageLedger
    nowMillis: () => number
  }) {
    this.#emitter = parts.emitter
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#ledger = parts.ledger
    this.#nowMillis = parts.nowMillis
  }

  start(node: SpanNode, { activity, convention }: Claim, span: SpanLike): void {
    if (activity.around) this.#becomeRun(node.claimedParent(), activity.around, convention)
    const { time: startedAt, isMended } = startOf(span, this.#nowMillis())
    const around = this.#placeOf(node, sourceOf(convention.name, span), isMended)
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, around)
    else if (activity.kind === 'tool') {
      node.callId = activity.callId ?? node.spanId
      const data = { callId: node.callId, tool: activity.tool }
      if (node.context) this.#emitter.emit('tool_call_started', data, startedAt, around)
    } else if (activity.kind === 'model' && around.run) around.run.pause = undefined
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#placeOf(node, around.source, isMended))
    this.touch(around.run)
  }

  end(node: SpanNode, claim: Claim, span: SpanLike, conclusion: Conclusion): void {
    const { convention, activity } = claim
    if (conclusion.around) this.#becomeRun(node.claimedParent(), conclusion.around, convention)
    const told = endOf(node, claim, span, conclusion)
    const { outcome } = told
    const error = outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    node.learnScope(node.ownFacts(node.scopeSaid(told.scope)))
    if (told.runScope) node.learnRunScope(node.ownFacts(told.runScope))
    if (told.agent && node.run) node.run.agent = { ...node.run.agent, ...told.agent }

    const start = startOf(span, this.#nowMillis())
    const { time: endedAt, isMended } = endTimeOf(span, node.run?.startedAt ?? start.time, this.#nowMillis())
    const place = this.#placeOf(node, sourceOf(convention.name, span), isMended)
    if (told.usage) this.#recordUsage(node, claim, told.usage, lostCountsOf(span, told.usage), endedAt, place)
    else if (activity.kind === 'model' && !error) this.#recordLostUsage(node, claim, span, endedAt, place)
    if (!node.run) this.#noteInRun(place.run, claim, span, conclusion, told)
    this.#recordEnd(node, activity, told, outcome, error, span, endedAt, place)
    if (told.facts)
      this.#recordFacts(
        told.facts.map((fact) => mendedFact(fact, start)),
        endedAt,
        place,
      )
    if (node.run) this.#runs.conclude(node.run, told, endedAt, place, outcome, error)
    noteEndOfChild(node, told, outcome, error)
    this.touch(place.run)
  }

  /** A run that was recorded by hand on a span of no agent kind ends with it, by its status. */
  endRun(run: Run, node: SpanNode, span: SpanLike): void {
    const told: Conclusion = hasErrorStatus(span) ? concludeError(errorOf(span), span) : { outcome: 'completed' }
    const { time, isMended } = endTimeOf(span, run.startedAt, this.#nowMillis())
    this.#runs.conclude(run, told, time, this.#placeOf(node, run.source, isMended))
  }

  /** Something happened in the run. */
  touch(run: Run | undefined): void {
    if (run) run.lastSeenMillis = this.#nowMillis()
  }

  #startRun(node: SpanNode, activity: RunActivity, startedAt: Timestamp, place: Place): void {
    if (node.run) return // recorded by hand on this very span
    const runId = runIdOf(node)
    const around = besideSuspended(place)
    if (around.run?.runId === runId) return // the same run, told at another level
    const start = { activity, runId, startedAt, parentRunId: node.explicitScope.parentRunId }
    const source = withConfidence(around.source, activity.confidence)
    if (node.context) this.#runs.start(start, { ...around, source })
    else this.#runs.adopt(start, node, source)
  }

  /** A claimed span that is still open turns out to be a run. */
  #becomeRun(node: SpanNode | undefined, activity: RunActivity, convention: Convention): void {
    if (!node?.span || node.run || node.claim?.convention !== convention) return
    const { span } = node
    node.claimAs({ convention, activity })
    const { time, isMended } = startOf(span, this.#nowMillis())
    this.#startRun(node, activity, time, this.#placeOf(node, sourceOf(convention.name, span), isMended))
  }

  /** The event, if any, that the end of a span of this kind is. */
  #recordEnd(
    node: SpanNode,
    activity: Activity,
    told: Conclusion,
    outcome: Outcome,
    error: Conclusion['error'],
    span: SpanLike,
    endedAt: Timestamp,
    place: Place,
  ): void {
    switch (activity.kind) {
      case 'tool': {
        if (outcome === 'suspended') return // it will be called again when the run goes on
        const start = startOf(span, this.#nowMillis())
        const durationMs = millisBetween(start.time, endedAt)
        const data = { callId: node.callId ?? node.spanId, tool: told.tool ?? activity.tool, durationMs }
        const marks = start.isMended || place.isTimeMended ? withMark(marksOf(told), DURATION_MENDED) : marksOf(told)
        if (outcome === 'completed') this.#emitter.emit('tool_call_completed', data, endedAt, place, marks)
        else this.#emitter.emit('tool_call_failed', { ...data, error: error ?? errorOf(span) }, endedAt, place, marks)
        return
      }
      case 'recall': {
        const { tier, namespaceKey } = activity
        if (error) this.#recordError(node, error, 'memory_recall', endedAt, place)
        else {
          const marks = told.hits === undefined ? marksOf(told, 'data.hits') : undefined
          this.#emitter.emit('memory_recall', { tier, namespaceKey, hits: told.hits }, endedAt, place, marks)
        }
        return
      }
      case 'model':
        if (error) this.#recordError(node, error, activity.operation, endedAt, place)
        return
      default:
        return
    }
  }

  #recordError(node: SpanNode, error: SpanError, operation: string, time: Timestamp, place: Place): void {
    if (!isEcho(node, error)) this.#emitter.emit('error_occurred', { error, operation }, time, place)
  }

  #recordUsage(
    node: SpanNode,
    { activity }: Claim,
    report: UsageReport,
    altered: readonly Alteration[] | undefined,
    time: Timestamp,
    place: Place,
  ): void {
    const data = this.#ledger.count(node, report, place.source.scope)
    if (!data) return
    data.model ??= modelOf(activity)
    place.run?.addUsage(data)
    if (altered && place.run) place.run.usageLoss = 'missing'
    this.#emitter.emit('token_usage_updated', data, time, place, altered && { altered })
  }

  /** The tokens of a call are lost: they are recorded as not known, and so is the sum of the run. */
  #recordLostUsage(node: SpanNode, claim: Claim, span: SpanLike, time: Timestamp, place: Place): void {
    const loss = lossOfUsage(span, claim)
    if (!loss || node.counted) return
    if (place.run) place.run.usageLoss = loss
    const data = { model: modelOf(claim.activity), inputTokens: 0, outputTokens: 0, totalTokens: 0 }
    this.#emitter.emit('token_usage_updated', data, time, place, { altered: LOST_COUNTS[loss] })
  }

  /** What the end of a span means for the run around it. */
  #noteInRun(run: Run | undefined, claim: Claim, span: SpanLike, said: Conclusion, told: Ending): void {
    noteDoubt(run, claim.activity.kind, lossOfOutcome(span, claim))
    notePause(run, said, told)
  }

  #recordFacts(facts: readonly Fact[], time: Timestamp, place: Place): void {
    for (const fact of facts) this.#facts.record(fact, time, place)
  }

  /** Before a span is known as a run this is the place around it, afterwards the one inside. */
  #placeOf(node: SpanNode, source: EventSource, isTimeMended?: boolean): Place {
    const { context } = node
    const detached = context && contextScope(context)?.run
    return {
      node,
      context,
      source,
      isTimeMended,
      run: node.nearestRun() ?? (detached && this.#runs.find(detached.runId)),
    }
  }
}

/** What an event that is not a run's says of its own completeness: for a completed call, whether it has completed. */
function marksOf({ altered, confidence }: Conclusion, field?: string): Extras | undefined {
  if (!altered?.length) return undefined
  return field === undefined ? { altered, confidence } : { altered: altered.map(({ reason }) => ({ field, reason })) }
}

/** A convention tells a fact of the span's start by the time that the span was given. */
function mendedFact(fact: Fact, { time, isMended }: ReadTime): Fact {
  if (!isMended || fact.time === undefined) return fact
  return { ...fact, time, altered: [...(fact.altered ?? []), TIME_MENDED] }
}

function withMark(marks: Extras | undefined, mark: Alteration): Extras {
  return { ...marks, altered: [...(marks?.altered ?? []), mark] }
}

const COUNTS = ['data.inputTokens', 'data.outputTokens', 'data.totalTokens']
const LOST_COUNTS: Readonly<Record<Loss, readonly Alteration[]>> = {
  missing: COUNTS.map((field) => lostAt(field, 'missing')),
  truncated: COUNTS.map((field) => lostAt(field, 'truncated')),
}

/** Counts that a span does not tell which has dropped attributes. */
function lostCountsOf(span: SpanLike, { inputTokens, outputTokens }: UsageReport): readonly Alteration[] | undefined {
  if (!hasDropped(span) || (inputTokens !== undefined && outputTokens !== undefined)) return undefined
  const [input, output, total] = LOST_COUNTS.missing
  return [inputTokens === undefined ? input : undefined, outputTokens === undefined ? output : undefined, total].filter(
    (lost) => lost !== undefined,
  )
}

function besideSuspended(place: Place): Place {
  const run = notSuspended(place.run)
  return run === place.run ? place : { ...place, run }
}

function modelOf(activity: Activity): string | undefined {
  return activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
}
