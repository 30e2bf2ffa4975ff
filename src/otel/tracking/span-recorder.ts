import { type EventSource, millisBetween, type Timestamp, timestampFromHrTime } from '../../events/index.js'
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
import { errorOf, hasErrorStatus, type SpanError } from '../conventions/shared/outcome.js'
import { scopeFromAttributes } from '../conventions/shared/scope-attributes.js'
import type { SpanLike } from '../span.js'
import { type Emitter, type Place, sourceOf, withConfidence } from './emitter.js'
import { isEcho } from './error-echo.js'
import { type FactRecorder, runIdOf } from './fact-recorder.js'
import { notSuspended, type Run } from './run.js'
import { noteEndOfChild, type RunBook } from './run-book.js'
import { type Claim, overlay, type SpanNode } from './span-node.js'
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
    const startedAt = timestampFromHrTime(span.startTime)
    const around = this.#placeOf(node, sourceOf(convention.name, span))
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, around)
    else if (activity.kind === 'tool') {
      node.callId = activity.callId ?? node.spanId
      const data = { callId: node.callId, tool: activity.tool }
      if (node.context) this.#emitter.emit('tool_call_started', data, startedAt, around)
    }
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#placeOf(node, around.source))
    this.touch(around.run)
  }

  end(node: SpanNode, { convention, activity }: Claim, span: SpanLike, told: Conclusion): void {
    if (told.around) this.#becomeRun(node.claimedParent(), told.around, convention)
    const outcome = told.outcome ?? (hasErrorStatus(span) ? 'failed' : 'completed')
    const error = outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    const named = scopeFromAttributes(span.attributes)
    const learned = node.learnScope(node.ownFacts(told.scope ? overlay(named, told.scope) : named))
    const learnedOfRun = told.runScope && node.learnRunScope(node.ownFacts(told.runScope))
    this.#emitter.identities.learnBelow(learnedOfRun ?? learned)
    if (told.agent && node.run) node.run.agent = { ...node.run.agent, ...told.agent }

    const endedAt = timestampFromHrTime(span.endTime)
    const place = this.#placeOf(node, sourceOf(convention.name, span))
    if (told.usage) this.#recordUsage(node, told.usage, modelOf(activity), endedAt, place)
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
    const before = node.explicitScope.runId === undefined ? this.#runs.find(runId) : undefined
    if (before) {
      // The very span has been told before: a workflow engine replays what it did.
      node.run = before
      return
    }
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
    const data = this.#ledger.count(node, report, place.source.scope)
    if (!data) return
    data.model ??= model
    place.run?.addUsage(data)
    this.#emitter.emit('token_usage_updated', data, time, place)
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

function besideSuspended(place: Place): Place {
  const run = notSuspended(place.run)
  return run === place.run ? place : { ...place, run }
}

function modelOf(activity: Activity): string | undefined {
  return activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
}
