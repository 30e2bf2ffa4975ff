import { type Attributes, type Context, type HrTime, type Span, trace } from '@opentelemetry/api'
import {
  type AuditEventData,
  type EventSource,
  millisBetween,
  type Timestamp,
  timestampFromHrTime,
} from '../events/index.js'
import type { RecordInput } from '../log/contract.js'
import { contextScope } from '../record/context.js'
import type { Activity, Conclusion, Convention, Fact, Lineage, Moment, RunActivity } from './conventions/contract.js'
import { errorOf, hasErrorStatus } from './conventions/outcome.js'
import { Emitter, type Place, sourceOf } from './emitter.js'
import { FactRecorder, runIdOf } from './fact-recorder.js'
import { Recogniser } from './recogniser.js'
import type { Run } from './run.js'
import { noteEndOfChild, RunBook } from './run-book.js'
import { scopeFromAttributes } from './scope.js'
import { type InstrumentationScope, type OpenSpan, parentSpanIdOf, type SpanLike, scopeOf } from './span.js'
import { type Claim, type SpanNode, SpanTree } from './span-tree.js'
import { UsageLedger } from './usage-ledger.js'

const NO_LINEAGE: Lineage = Object.freeze({ parent: undefined, run: undefined, memo: undefined })
const MAX_ENDED_SPANS = 4096

export interface TrackerOptions {
  readonly conventions: readonly Convention[]
  readonly publish: (draft: RecordInput) => void
  readonly onProblem: (problem: unknown) => void
  readonly abandonAfterMillis: number
  readonly maxOpenSpans: number
  readonly maxOpenRuns: number
  readonly nowMillis: () => number
}

/**
 * Follows spans from start to end and tells what they mean as audit events.
 *
 * A span is looked at up to three times, until a convention claims it: at its start, one microtask later (many
 * instrumentations set their attributes right after `startSpan`), and at its end. Whoever can tell first, tells.
 */
export class Tracker {
  readonly #spans: SpanTree
  readonly #recogniser: Recogniser
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #ledger = new UsageLedger()
  readonly #onProblem: (problem: unknown) => void
  readonly #nowMillis: () => number
  /** Spans that nobody has claimed at their start, for the second look. */
  #unclaimed: SpanNode[] = []
  readonly #lookAgain = (): void => this.drain()

  constructor(options: TrackerOptions) {
    const { conventions, onProblem, nowMillis } = options
    this.#onProblem = onProblem
    this.#nowMillis = nowMillis
    this.#recogniser = new Recogniser(conventions)
    this.#emitter = new Emitter(options.publish)
    this.#spans = new SpanTree(options.maxOpenSpans, MAX_ENDED_SPANS, (node) => {
      if (node.run) this.#runs.abandon(node.run)
    })
    this.#runs = new RunBook({ ...options, emitter: this.#emitter, spans: this.#spans })
    this.#facts = new FactRecorder({ conventions, emitter: this.#emitter, runs: this.#runs, ledger: this.#ledger })
  }

  get openRuns(): AuditEventData<'audit_attached'>['openRuns'] {
    return this.#runs.snapshot()
  }

  /** Nothing is being followed, so nothing needs to be told of ends. */
  get idle(): boolean {
    return this.#spans.size === 0
  }

  follows(spanId: string): boolean {
    return this.#spans.openNode(spanId) !== undefined
  }

  start(span: OpenSpan, context: Context): void {
    this.#adoptParent(span, context)
    const node = this.#spans.add(span, context)
    if (this.#look(node, span, 'start')) return
    if (this.#unclaimed.push(node) === 1) queueMicrotask(this.#lookAgain)
  }

  /** The second look at what started in this turn. Also called before anything that needs all runs to be known. */
  drain(): void {
    const nodes = this.#unclaimed
    if (nodes.length === 0) return
    this.#unclaimed = []
    for (const node of nodes) {
      if (node.claim === undefined && node.span !== undefined) this.#look(node, node.span, 'microtask')
    }
  }

  end(span: SpanLike): void {
    const node = this.#spans.openNode(span.spanContext().spanId)
    if (!node) return
    if (node.claim || this.#look(node, span, 'end')) this.#conclude(node, node.claim as Claim, span)
    else if (node.run) this.#concludeRun(node.run, {}, span, this.#placeOf(node, node.run.source))
    this.#spans.remove(node)
  }

  /** Forgets a span whose end nobody wants to hear of. */
  forget(spanId: string): void {
    const node = this.#spans.openNode(spanId)
    if (!node) return
    if (node.run) this.#runs.forget(node.run)
    this.#spans.remove(node)
  }

  /**
   * A span that began before anyone listened: what it did until then is not made up. Its run gets a terminal event
   * only, its tools a completion; of its events those from `since` on are recorded.
   */
  endUnseen(span: SpanLike, since: HrTime): void {
    if (this.#recogniser.candidates(span) === 0 && span.events.length === 0) return
    this.#spans.add(span, undefined)
    for (const { name, attributes, time } of span.events) {
      if (compareHrTime(time, since) >= 0) this.occurrence(name, attributes ?? {}, time, undefined, span)
    }
    this.end(span)
  }

  /** An event added to a span, or recorded where no span of ours is: a log record, a call of `record*`. */
  occurrence(
    name: string,
    attributes: Attributes,
    time: HrTime,
    context: Context | undefined,
    carrier: SpanLike | InstrumentationScope,
  ): void {
    const span = 'spanContext' in carrier ? carrier : undefined
    const spanId = span ? span.spanContext().spanId : spanIdIn(context)
    const node = spanId === undefined ? undefined : this.#spans.find(spanId)
    if (node && !node.claim && node.span) this.#look(node, node.span, 'microtask')
    const convention = this.#facts.reader(name, span && node?.claim?.convention)
    if (!convention?.translate) return
    const scope = span ? scopeOf(span) : (carrier as InstrumentationScope)
    const facts = this.#ask(() => convention.translate?.({ name, attributes, scope, activity: node?.claim?.activity }))
    if (!facts?.length) return
    const detached = context && contextScope(context)?.run
    const run = node?.nearestRun() ?? (detached && this.#runs.find(detached.runId))
    const source = span
      ? sourceOf(convention.name, span)
      : { convention: convention.name, scope: scope.name, scopeVersion: scope.version }
    const place = { run, node, context, source }
    const at = timestampFromHrTime(time)
    for (const fact of facts) {
      this.#facts.record(
        run || !detached ? fact : ({ ...fact, scope: { ...detached, ...fact.scope } } as Fact),
        at,
        place,
      )
    }
    this.#touch(run)
  }

  /** Ends runs whose spans will not: see {@link RunBook.settle}. */
  settle(final: boolean): void {
    this.drain()
    this.#runs.settle(final)
  }

  clear(): void {
    this.#unclaimed = []
    this.#spans.clear()
  }

  /** A parent that began before anyone listened is taken in with its first child, so that the child finds its run. */
  #adoptParent(span: OpenSpan, context: Context): void {
    const parentId = parentSpanIdOf(span)
    if (parentId === undefined || this.#spans.find(parentId)) return
    const parent = trace.getSpan(context) as (OpenSpan & Span) | undefined
    if (parent?.attributes === undefined || !parent.isRecording() || parent.spanContext().spanId !== parentId) return
    const node = this.#spans.add(parent, undefined)
    this.#look(node, parent, 'microtask')
  }

  /** Asks the conventions that may know the span; records its start when one does. */
  #look(node: SpanNode, span: SpanLike, moment: Moment): boolean {
    const bits = this.#recogniser.candidates(span)
    if (bits === 0) return false
    const lineage = this.#lineage(node)
    const { conventions } = this.#recogniser
    for (let i = 0; i < conventions.length; i++) {
      if ((bits & (1 << i)) === 0) continue
      const convention = conventions[i] as Convention
      const activity = this.#ask(() => convention.recognise(span, moment, lineage))
      if (!activity) continue
      this.#claim(node, { convention, activity }, span)
      return true
    }
    return false
  }

  #claim(node: SpanNode, claim: Claim, span: SpanLike): void {
    this.#lookAtAncestors(node)
    node.claimAs(claim)
    const { activity, convention } = claim
    const startedAt = timestampFromHrTime(span.startTime)
    const around = this.#placeOf(node, sourceOf(convention.name, span))
    if (activity.kind === 'run') this.#startRun(node, activity, startedAt, around)
    else if (activity.kind === 'tool') {
      node.callId = activity.callId ?? node.spanId
      if (node.context)
        this.#emitter.emit('tool_call_started', { callId: node.callId, tool: activity.tool }, startedAt, around)
    }
    if (activity.facts) this.#recordFacts(activity.facts, startedAt, this.#placeOf(node, around.source))
    this.#touch(around.run)
  }

  /** Spans above that started in this turn get their second look now: what happens below is theirs. Outermost first. */
  #lookAtAncestors(node: SpanNode): void {
    const { parent } = node
    if (this.#unclaimed.length === 0 || !parent || parent.claim || !parent.span) return
    this.#lookAtAncestors(parent)
    this.#look(parent, parent.span, 'microtask')
  }

  #startRun(node: SpanNode, activity: RunActivity, startedAt: Timestamp, around: Place): void {
    if (node.run) return // recorded by hand on this very span
    const runId = runIdOf(node)
    if (around.run?.runId === runId) return // the same run, told at another level
    const start = { activity, runId, startedAt, parentRunId: node.explicitScope.parentRunId }
    if (node.context) this.#runs.start(start, around)
    else this.#runs.adopt(start, node, around.source)
  }

  #conclude(node: SpanNode, { convention, activity }: Claim, span: SpanLike): void {
    const told = this.#ask(() => convention.conclude?.(span, activity, this.#lineage(node))) ?? {}
    const outcome = told.outcome ?? (hasErrorStatus(span) ? 'failed' : 'completed')
    const error = outcome === 'failed' ? (told.error ?? errorOf(span)) : undefined
    node.learnScope({ ...scopeFromAttributes(span.attributes), ...told.scope })
    if (told.agent && node.run) node.run.agent = { ...node.run.agent, ...told.agent }

    const endedAt = timestampFromHrTime(span.endTime)
    const place = this.#placeOf(node, sourceOf(convention.name, span))
    const conclusion = { ...told, outcome, error }
    if (told.usage) this.#recordUsage(node, { model: modelOf(activity), ...told.usage }, endedAt, place)
    this.#recordEnd(node, activity, conclusion, span, endedAt, place)
    if (told.facts) this.#recordFacts(told.facts, endedAt, place)
    if (node.run) this.#concludeRun(node.run, conclusion, span, place)
    noteEndOfChild(node, error)
    this.#touch(place.run)
  }

  /** The event, if any, that the end of a span of this kind is. */
  #recordEnd(
    node: SpanNode,
    activity: Activity,
    conclusion: Conclusion,
    span: SpanLike,
    endedAt: Timestamp,
    place: Place,
  ): void {
    const { outcome, error } = conclusion
    switch (activity.kind) {
      case 'tool': {
        if (outcome === 'suspended') return // it will be called again when the run goes on
        const durationMs = millisBetween(timestampFromHrTime(span.startTime), endedAt)
        const data = { callId: node.callId ?? node.spanId, tool: conclusion.tool ?? activity.tool, durationMs }
        if (outcome === 'completed') this.#emitter.emit('tool_call_completed', data, endedAt, place)
        else this.#emitter.emit('tool_call_failed', { ...data, error: error ?? errorOf(span) }, endedAt, place)
        return
      }
      case 'recall': {
        const { tier, namespaceKey } = activity
        if (error) this.#emitter.emit('error_occurred', { error, operation: 'memory_recall' }, endedAt, place)
        else this.#emitter.emit('memory_recall', { tier, namespaceKey, hits: conclusion.hits }, endedAt, place)
        return
      }
      case 'model':
        if (error) this.#emitter.emit('error_occurred', { error, operation: activity.operation }, endedAt, place)
        return
      default:
        return
    }
  }

  #concludeRun(run: Run, told: Conclusion, span: SpanLike, place: Place): void {
    const outcome = told.outcome ?? (hasErrorStatus(span) ? 'failed' : 'completed')
    const error = told.error ?? (outcome === 'failed' ? errorOf(span) : undefined)
    this.#runs.conclude(run, { ...told, outcome, error }, timestampFromHrTime(span.endTime), place)
  }

  #recordUsage(node: SpanNode, report: NonNullable<Conclusion['usage']>, time: Timestamp, place: Place): void {
    const data = this.#ledger.count(node, report, place.source.scope)
    if (!data) return
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

  #lineage(node: SpanNode): Lineage {
    const parent = node.claimedParent()
    const run = node.parent?.nearestRun()
    if (!parent?.claim && !run) return NO_LINEAGE
    const claim = parent?.claim
    return {
      parent: claim && { convention: claim.convention.name, activity: claim.activity },
      run: run && { runId: run.runId, agent: run.agent },
      memo: run?.memo,
    }
  }

  #touch(run: Run | undefined): void {
    if (run) run.lastSeenMillis = this.#nowMillis()
  }

  /** A convention that throws is reported, and counts as one that does not know. */
  #ask<T>(question: () => T): T | undefined {
    try {
      return question()
    } catch (problem) {
      this.#onProblem(problem)
      return undefined
    }
  }
}

function modelOf(activity: Activity): string | undefined {
  return activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
}

function spanIdIn(context: Context | undefined): string | undefined {
  return context && trace.getSpanContext(context)?.spanId
}

function compareHrTime(a: HrTime, b: HrTime): number {
  return a[0] - b[0] || a[1] - b[1]
}
