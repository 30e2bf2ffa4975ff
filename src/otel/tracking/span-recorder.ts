import { type EventSource, millisBetween, type Timestamp, timestampFromHrTime } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import type {
  Activity,
  CallReport,
  Conclusion,
  Convention,
  Fact,
  Outcome,
  RunActivity,
  UsageReport,
} from '../conventions/contract.js'
import { errorOf, hasErrorStatus, type SpanError } from '../conventions/shared/outcome.js'
import { scopeFromAttributes } from '../conventions/shared/scope-attributes.js'
import type { SpanLike } from '../span.js'
import type { CallBook } from './call-book.js'
import { type Emitter, type Place, sourceOf, withConfidence } from './emitter.js'
import { isEcho } from './error-echo.js'
import { type FactRecorder, runIdOf } from './fact-recorder.js'
import { notSuspended, type Run } from './run.js'
import { noteEndOfChild, type RunBook } from './run-book.js'
import { type Claim, overlay, type SpanNode } from './span-node.js'
import type { ToldRuns } from './told-runs.js'
import { countedUsage, type TwiceTold } from './twice-told.js'
import type { UsageLedger } from './usage-ledger.js'

/** Records what claimed spans are when they start, and what came of them when they end. */
export class SpanRecorder {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #ledger: UsageLedger
  readonly #calls: CallBook
  readonly #told: ToldRuns
  readonly #twiceTold: TwiceTold
  readonly #nowMillis: () => number

  constructor(parts: {
    emitter: Emitter
    runs: RunBook
    facts: FactRecorder
    ledger: UsageLedger
    calls: CallBook
    told: ToldRuns
    twiceTold: TwiceTold
    nowMillis: () => number
  }) {
    this.#emitter = parts.emitter
    this.#runs = parts.runs
    this.#facts = parts.facts
    this.#ledger = parts.ledger
    this.#calls = parts.calls
    this.#told = parts.told
    this.#twiceTold = parts.twiceTold
    this.#nowMillis = parts.nowMillis
  }

  start(node: SpanNode, { activity, convention }: Claim, span: SpanLike): void {
    if (activity.around) this.#becomeRun(node.claimedParent(), activity.around, convention)
    const startedAt = timestampFromHrTime(span.startTime)
    if (activity.toldRun && !node.nearestRun()) node.toldRun = this.#told.find(activity.toldRun, startedAt)
    const around = this.#placeOf(node, sourceOf(convention.name, span))
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, around)
    else if (activity.kind === 'tool') {
      node.callId = activity.callId ?? node.spanId
      const data = { callId: node.callId, tool: activity.tool }
      if (activity.call)
        this.#hearCall(node, { ...activity.call, tool: activity.tool }, startedAt, { around, isStart: true })
      else if (node.context) this.#emitter.emit('tool_call_started', data, startedAt, around)
    }
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#placeOf(node, around.source))
    this.touch(around.run)
  }

  end(node: SpanNode, { convention, activity }: Claim, span: SpanLike, concluded: Conclusion): void {
    const told = withToldEnd(node, concluded)
    if (told.around) this.#becomeRun(node.claimedParent(), told.around, convention)
    const outcome = told.outcome ?? (hasErrorStatus(span) ? 'failed' : 'completed')
    const error = outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    const named = scopeFromAttributes(span.attributes)
    node.learnScope(node.ownFacts(told.scope ? overlay(named, told.scope) : named))
    if (told.runScope) node.learnRunScope(node.ownFacts(told.runScope))
    if (told.agent && node.run) node.run.agent = { ...node.run.agent, ...told.agent }

    const endedAt = timestampFromHrTime(span.endTime)
    const place = this.#placeOf(node, sourceOf(convention.name, span))
    if (told.usage) this.#recordUsage(node, told.usage, modelOf(activity), endedAt, place)
    if (told.call) this.#hearCall(node, told.call, endedAt, { around: place })
    this.#recordEnd(node, activity, told, outcome, error, span, endedAt, place)
    if (told.facts) this.#recordFacts(told.facts, endedAt, place)
    if (node.run) this.#runs.conclude(node.run, told, endedAt, place, outcome, error)
    noteEndOfChild(node, told, outcome, error)
    this.touch(place.run)
  }

  /** A run that was recorded by hand on a span of no agent kind ends with it, by its status. */
  endRun(run: Run, node: SpanNode, span: SpanLike): void {
    const outcome = hasErrorStatus(span) ? 'failed' : 'completed'
    const error = outcome === 'failed' ? errorOf(span) : undefined
    this.#runs.conclude(run, { outcome, error }, timestampFromHrTime(span.endTime), this.#placeOf(node, run.source))
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
    node.run = activity.keys && this.#told.carriedBy(node, activity.keys, startedAt)
    if (node.run) return
    const run = node.context ? this.#runs.start(start, { ...around, source }) : this.#runs.adopt(start, node, source)
    if (activity.keys) this.#told.register(run, activity.keys)
  }

  /** A claimed span that is still open turns out to be a run. */
  #becomeRun(node: SpanNode | undefined, activity: RunActivity, convention: Convention): void {
    if (!node?.span || node.run || node.claim?.convention !== convention) return
    const { span } = node
    node.claimAs({ convention, activity })
    const around = this.#placeOf(node, sourceOf(convention.name, span))
    this.#startRun(node, activity, timestampFromHrTime(span.startTime), around)
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
        const durationMs = millisBetween(timestampFromHrTime(span.startTime), endedAt)
        if (activity.call) {
          const known = outcome === 'failed' ? ({ outcome, error } as const) : { outcome: plainOutcome(told) }
          const report = { ...activity.call, ...known, tool: told.tool ?? activity.tool, durationMs }
          this.#hearCall(node, report, endedAt, { around: place, isOwnEnd: true })
          return
        }
        const data = { callId: node.callId ?? node.spanId, tool: told.tool ?? activity.tool, durationMs }
        if (outcome === 'completed') this.#emitter.emit('tool_call_completed', data, endedAt, place)
        else this.#emitter.emit('tool_call_failed', { ...data, error: error ?? errorOf(span) }, endedAt, place)
        return
      }
      case 'recall': {
        const { tier, namespaceKey } = activity
        if (error) this.#recordError(node, error, 'memory_recall', endedAt, place)
        else this.#emitter.emit('memory_recall', { tier, namespaceKey, hits: told.hits }, endedAt, place)
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

  #recordUsage(node: SpanNode, report: UsageReport, model: string | undefined, time: Timestamp, place: Place): void {
    if (report.toldAs !== undefined) {
      const counted = countedUsage(report)
      // Spans around that tell a sum know what it takes in.
      if (counted) this.#ledger.countStated(node, counted, place.source.scope)
      const rest =
        counted && this.#twiceTold.beyond(`${node.scope().sessionId}|${report.toldAs}`, 'span', counted, place.run)
      if (rest) this.#emitter.emit('token_usage_updated', { ...rest, model: rest.model ?? model }, time, place)
      return
    }
    const data = this.#ledger.count(node, report, place.source.scope)
    if (!data) return
    data.model ??= model
    place.run?.addUsage(data)
    this.#emitter.emit('token_usage_updated', data, time, place)
  }

  /** A call that other spans and log records tell of as well. */
  #hearCall(
    node: SpanNode,
    report: CallReport,
    time: Timestamp,
    { around, ...moment }: { readonly around: Place; readonly isStart?: boolean; readonly isOwnEnd?: boolean },
  ): void {
    this.#calls.hear({ report, signal: 'span', session: node.scope().sessionId, time, place: around, ...moment })
  }

  #recordFacts(facts: readonly Fact[], time: Timestamp, place: Place): void {
    for (const fact of facts) this.#facts.record(fact, time, place)
  }

  /** Before a span is known as a run this is the place around it, afterwards the one inside. */
  #placeOf(node: SpanNode, source: EventSource): Place {
    const { context } = node
    const detached = context && contextScope(context)?.run
    return { node, context, source, run: node.nearestRun() ?? (detached && this.#runs.find(detached.runId)) }
  }
}

/** The outcome that the convention itself tells; the status says nothing where other spans do. */
function plainOutcome({ outcome }: Conclusion): 'completed' | undefined {
  return outcome === 'completed' ? outcome : undefined
}

/** Takes the end of a run from log records and events where its span tells none. */
function withToldEnd({ run }: SpanNode, told: Conclusion): Conclusion {
  if (told.outcome !== undefined || !run?.toldEnd || run.toldEnd.outcome === 'completed') return told
  return { ...told, ...run.toldEnd }
}

function besideSuspended(place: Place): Place {
  const run = notSuspended(place.run)
  return run === place.run ? place : { ...place, run }
}

function modelOf(activity: Activity): string | undefined {
  return activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
}
