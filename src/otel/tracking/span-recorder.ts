import { type EventSource, millisBetween, type Timestamp, timestampFromHrTime } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import type {
  Activity,
  Conclusion,
  Convention,
  Fact,
  Outcome,
  RunActivity,
  ToolActivity,
  UsageReport,
} from '../conventions/contract.js'
import { errorOf, hasErrorStatus } from '../conventions/shared/outcome.js'
import { scopeFromAttributes } from '../conventions/shared/scope-attributes.js'
import { type SpanLike, scopeOf } from '../span.js'
import { type Emitter, type Place, sourceOf, withConfidence } from './emitter.js'
import { isEcho } from './error-echo.js'
import { type FactRecorder, runIdOf } from './fact-recorder.js'
import { nanosOf } from './interval.js'
import { notSuspended, type Run } from './run.js'
import { noteEndOfChild, type RunBook } from './run-book.js'
import { type Claim, overlay, type SpanNode } from './span-node.js'
import { isSameRun, isUnset, noteInner, takeOver, withInner } from './told-again.js'
import { ToolCalls } from './tool-calls.js'
import { isNameless } from './tool-names.js'
import type { Reporter, UsageLedger } from './usage-ledger.js'

/** The end of a span, and what it means. */
interface Ending {
  readonly told: Conclusion
  readonly outcome: Outcome
  readonly error: Conclusion['error']
  readonly span: SpanLike
  readonly endedAt: Timestamp
  readonly place: Place
}

/** Records what claimed spans are when they start, and what came of them when they end. */
export class SpanRecorder {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #ledger: UsageLedger
  readonly #tools = new ToolCalls()
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
    const { replayed } = node
    node.replayed = undefined
    if (replayed && takeOver(node, replayed)) {
      this.touch(node.nearestRun())
      return
    }
    if (activity.around) this.#becomeRun(node.claimedParent(), activity.around, convention)
    const startedAt = timestampFromHrTime(span.startTime)
    const around = this.#placeOf(node, sourceOf(convention.name, span))
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, around)
    else if (activity.kind === 'tool') this.#startTool(node, activity, span, startedAt, around)
    else if (activity.kind === 'model' && around.run) around.run.modelCalls++
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#placeOf(node, around.source))
    this.touch(around.run)
  }

  end(node: SpanNode, { convention, activity }: Claim, span: SpanLike, said: Conclusion): void {
    const told = node.run?.inner ? withInner(said, span, node.run.inner) : said
    if (told.around) this.#becomeRun(node.claimedParent(), told.around, convention)
    const outcome = told.outcome ?? (hasErrorStatus(span) ? 'failed' : 'completed')
    const error = outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    const named = scopeFromAttributes(span.attributes)
    node.learnScope(node.ownFacts(told.scope ? overlay(named, told.scope) : named))
    if (told.runScope) node.learnRunScope(node.ownFacts(told.runScope))
    if (told.agent && node.run) node.run.agent = { ...node.run.agent, ...told.agent }

    const endedAt = timestampFromHrTime(span.endTime)
    const place = this.#placeOf(node, sourceOf(convention.name, span))
    this.touch(place.run)
    if (node.concluded) return
    node.concluded = true
    const by = reporterOf(span, activity)
    if (told.usage) this.#recordUsage(node, told.usage, by, endedAt, place)
    const isTold = error !== undefined && isCall(activity) && isEcho(node, error, by)
    if (node.tellsAgain) noteInner(node, activity, { ...told, outcome, error }, place.run)
    else if (!isTold) this.#recordEnd(node, activity, { told, outcome, error, span, endedAt, place })
    if (told.facts) this.#recordFacts(isTold ? told.facts.filter(isNoLimit) : told.facts, endedAt, place)
    if (node.run) this.#runs.conclude(node.run, told, endedAt, place, outcome, error)
    noteEndOfChild(node, told, outcome, error)
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

  #startTool(node: SpanNode, activity: ToolActivity, span: SpanLike, startedAt: Timestamp, place: Place): void {
    const { call, again } = this.#tools.enter(node, activity, span)
    node.toolCall = call
    node.tellsAgain = again
    node.callId = activity.callId ?? node.spanId
    if (again) return
    if (place.run) place.run.toolCalls++
    if (!node.context) return
    this.#emitter.emit('tool_call_started', { callId: node.callId, tool: activity.tool }, startedAt, place)
  }

  #startRun(node: SpanNode, activity: RunActivity, startedAt: Timestamp, place: Place): void {
    if (node.run) return // recorded by hand on this very span
    const runId = runIdOf(node)
    const around = besideSuspended(place)
    if (around.run?.runId === runId) return // the same run, told at another level
    if (around.run && isSameRun(node, activity, around.run)) {
      node.tellsAgain = true
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
  #recordEnd(node: SpanNode, activity: Activity, ending: Ending): void {
    const { told, error, endedAt, place } = ending
    switch (activity.kind) {
      case 'tool':
        this.#endTool(node, activity, ending)
        return
      case 'recall': {
        const { tier, namespaceKey } = activity
        if (error) this.#emitter.emit('error_occurred', { error, operation: 'memory_recall' }, endedAt, place)
        else this.#emitter.emit('memory_recall', { tier, namespaceKey, hits: told.hits }, endedAt, place)
        return
      }
      case 'model':
        if (error) this.#emitter.emit('error_occurred', { error, operation: activity.operation }, endedAt, place)
        return
      default:
        return
    }
  }

  #endTool(node: SpanNode, activity: ToolActivity, { told, span, endedAt, place, ...said }: Ending): void {
    const { toolCall: call } = node
    const isSilent = told.outcome === undefined && said.outcome === 'completed' && isUnset(span)
    const { outcome = said.outcome, error = said.error ?? errorOf(span) } = (isSilent && call?.inner) || said
    if (call) {
      call.end = nanosOf(span.endTime)
      call.outcome = outcome
    }
    if (outcome === 'suspended') return // it will be called again when the run goes on
    const data = {
      callId: node.callId ?? node.spanId,
      tool: withName(told.tool ?? activity.tool, call?.betterName),
      durationMs: millisBetween(timestampFromHrTime(span.startTime), endedAt),
    }
    if (outcome === 'completed') this.#emitter.emit('tool_call_completed', data, endedAt, place)
    else this.#emitter.emit('tool_call_failed', { ...data, error }, endedAt, place)
  }

  #recordUsage(node: SpanNode, report: UsageReport, by: Reporter, time: Timestamp, place: Place): void {
    const counted = this.#ledger.count(node, report, by)
    if (!counted) return
    const { data, confidence, altered } = counted
    place.run?.addUsage(data)
    this.#emitter.emit('token_usage_updated', data, time, place, { confidence, altered })
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

/** Its error is recorded by itself. */
function isCall({ kind }: Activity): boolean {
  return kind === 'model' || kind === 'recall'
}

/** A limit shows in the error, which has been told. */
function isNoLimit({ type }: Fact): boolean {
  return type !== 'usage_limit_exceeded'
}

function withName(tool: ToolActivity['tool'], better: string | undefined): ToolActivity['tool'] {
  return better !== undefined && isNameless(tool.name) ? { ...tool, name: better } : tool
}

function besideSuspended(place: Place): Place {
  const run = notSuspended(place.run)
  return run === place.run ? place : { ...place, run }
}

function reporterOf(span: SpanLike, activity: Activity): Reporter {
  const interval = { start: nanosOf(span.startTime), end: nanosOf(span.endTime) }
  return { scope: scopeOf(span).name, kind: activity.kind, model: modelOf(activity), interval }
}

function modelOf(activity: Activity): string | undefined {
  return activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
}
