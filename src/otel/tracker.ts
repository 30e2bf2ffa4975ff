import {
  type Attributes,
  context as activeContext,
  type Context,
  type HrTime,
  type Span,
  trace,
} from '@opentelemetry/api'
import {
  type AuditEventData,
  type EventSource,
  millisBetween,
  type Timestamp,
  timestampFromHrTime,
} from '../events/index.js'
import type { RecordInput } from '../log/contract.js'
import { contextScope } from '../record/context.js'
import type {
  Activity,
  Conclusion,
  Convention,
  Fact,
  Lineage,
  Moment,
  Occurrence,
  RunActivity,
} from './conventions/contract.js'
import { errorOf, hasErrorStatus } from './conventions/outcome.js'
import { Emitter, type Place, sourceOf } from './emitter.js'
import { FactRecorder, runIdOf } from './fact-recorder.js'
import { OpenSiblings } from './open-siblings.js'
import { RecentMap } from './recent-map.js'
import { Recogniser } from './recogniser.js'
import type { Run } from './run.js'
import { noteEndOfChild, RunBook } from './run-book.js'
import { scopeFromAttributes } from './scope.js'
import { type InstrumentationScope, type OpenSpan, parentSpanIdOf, type SpanLike, scopeOf } from './span.js'
import { type Claim, ClaimedSpan, SpanNode } from './span-node.js'
import { UsageLedger } from './usage-ledger.js'

const NO_LINEAGE: Lineage = Object.freeze({ parent: undefined, run: undefined, memo: undefined })
/** Claimed spans that can be found by id, where a context carries but the ids of a parent. */
const MAX_SPANS_BY_ID = 8192

export interface TrackerOptions {
  readonly conventions: readonly Convention[]
  readonly publish: (draft: RecordInput) => void
  readonly onProblem: (problem: unknown) => void
  readonly abandonAfterMillis: number
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
  /** Where a span's node hangs on the span: found without a look-up, and freed with it. */
  readonly #node = Symbol('spanledger.node')
  readonly #byId = new RecentMap<string, SpanNode>(MAX_SPANS_BY_ID)
  readonly #recogniser: Recogniser
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #ledger = new UsageLedger()
  readonly #siblings = new OpenSiblings()
  readonly #onProblem: (problem: unknown) => void
  readonly #nowMillis: () => number
  /** Spans that nobody has claimed at their start, for the second look. */
  #unclaimed: SpanNode[] = []
  /** They are being looked at in the order of their start. */
  #inOrder = false
  readonly #lookAgain = (): void => this.drain()

  constructor(options: TrackerOptions) {
    const { conventions, onProblem, nowMillis } = options
    this.#onProblem = onProblem
    this.#nowMillis = nowMillis
    this.#recogniser = new Recogniser(conventions)
    this.#emitter = new Emitter(options.publish)
    this.#runs = new RunBook({ ...options, emitter: this.#emitter })
    this.#facts = new FactRecorder({ conventions, emitter: this.#emitter, runs: this.#runs, ledger: this.#ledger })
  }

  get openRuns(): AuditEventData<'audit_attached'>['openRuns'] {
    return this.#runs.snapshot()
  }

  /** Whether events added to this span are heard. */
  follows(span: object): boolean {
    return this.#nodeOn(span) !== undefined
  }

  start(span: OpenSpan, context: Context): void {
    const node = this.#place(span, context, this.#parentOf(span, context))
    if (this.#look(node, span, 'start')) return
    if (this.#unclaimed.push(node) === 1) queueMicrotask(this.#lookAgain)
  }

  /** The second look at what started in this turn. Also called before anything that needs all runs to be known. */
  drain(): void {
    const nodes = this.#unclaimed
    if (nodes.length === 0) return
    this.#unclaimed = []
    this.#inOrder = true
    for (const node of nodes) {
      if (node.claim === undefined && node.span !== undefined) this.#look(node, node.span, 'microtask')
    }
    this.#inOrder = false
  }

  end(span: SpanLike): void {
    const node = this.#nodeOn(span)
    if (!node?.span) return
    if (node.claim || this.#look(node, span, 'end')) this.#conclude(node, node.claim as Claim, span)
    else if (node.run) this.#concludeRun(node.run, {}, span, this.#placeOf(node, node.run.source))
    this.#close(node)
  }

  /** Forgets a span whose end nobody wants to hear of. */
  forget(span: SpanLike): void {
    const node = this.#nodeOn(span)
    if (node?.run) this.#runs.forget(node.run)
    if (node) this.#close(node)
  }

  /**
   * A span that began before anyone listened: what it did until then is not made up. Its run gets a terminal event
   * only, its tools a completion; of its events those from `since` on are recorded.
   */
  endUnseen(span: SpanLike, since: HrTime): void {
    if (this.#recogniser.candidates(span) === 0 && span.events.length === 0) return
    this.#place(span, undefined, this.#findById(parentSpanIdOf(span)))
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
    const node = span ? this.#nodeOn(span) : this.#nodeIn(context)
    if (node && !node.claim && node.span) this.#look(node, node.span, 'microtask')
    const scope = span ? scopeOf(span) : (carrier as InstrumentationScope)
    const detached = context && contextScope(context)?.run
    const run = node?.nearestRun() ?? (detached && this.#runs.find(detached.runId))
    const event = { name, attributes, scope, activity: node?.claim?.activity, memo: run?.memo }
    let convention = span && node?.claim?.convention
    let facts = this.#translate(convention, event)
    if (!facts?.length) {
      // What the span's own convention has no word for may be in the words of another.
      convention = this.#facts.reader(name)
      facts = this.#translate(convention, event)
    }
    if (!convention || !facts?.length) return
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

  #translate(convention: Convention | undefined, event: Occurrence): readonly Fact[] | undefined {
    return convention?.translate && this.#ask(() => convention.translate?.(event))
  }

  /** Ends runs whose spans will not: see {@link RunBook.settle}. */
  settle(final: boolean): void {
    this.drain()
    this.#runs.settle(final)
  }

  #place(span: SpanLike, context: Context | undefined, parent: SpanNode | undefined): SpanNode {
    const node = new SpanNode(span, context, parent)
    const carrier = span as unknown as { [key: symbol]: SpanNode }
    carrier[this.#node] = node
    return node
  }

  #close(node: SpanNode): void {
    const convention = node.claim?.convention
    if (convention?.parentage === 'unnested') this.#siblings.delete(node, convention)
    node.end()
  }

  #nodeOn(span: object): SpanNode | undefined {
    return (span as { readonly [key: symbol]: SpanNode | undefined })[this.#node]
  }

  #nodeIn(context: Context | undefined): SpanNode | undefined {
    const span = context && trace.getSpan(context)
    return span && (this.#nodeOn(span) ?? this.#findById(span.spanContext().spanId))
  }

  #findById(spanId: string | undefined): SpanNode | undefined {
    return spanId === undefined ? undefined : this.#byId.get(spanId)
  }

  /**
   * The parent's node, by the span that the context carries or, where that is but a set of ids, by these. A parent that
   * began before anyone listened is taken in with its first child, so that the child finds its run.
   */
  #parentOf(span: OpenSpan, context: Context): SpanNode | undefined {
    const parentId = parentSpanIdOf(span)
    if (parentId === undefined) return undefined
    const parent = trace.getSpan(context) as (OpenSpan & Span) | undefined
    if (parent?.spanContext().spanId !== parentId) return this.#findById(parentId)
    const known = this.#nodeOn(parent) ?? this.#findById(parentId)
    if (known || parent.attributes === undefined || !parent.isRecording()) return known
    const node = this.#place(parent, undefined, this.#findById(parentSpanIdOf(parent)))
    this.#look(node, parent, 'microtask')
    return node
  }

  /** Asks the conventions that may know the span; records its start when one does. */
  #look(node: SpanNode, span: SpanLike, moment: Moment): boolean {
    const bits = this.#recogniser.candidates(span)
    if (bits === 0) return false
    // What a span is may depend on those around it.
    this.#lookAtAncestors(node)
    return this.#askAbout(node, span, moment, bits)
  }

  #askAbout(node: SpanNode, span: SpanLike, moment: Moment, bits: number): boolean {
    const { conventions } = this.#recogniser
    let lineage: Lineage | undefined
    for (let i = 0; i < conventions.length; i++) {
      if ((bits & (1 << i)) === 0) continue
      const convention = conventions[i] as Convention
      if (convention.parentage === 'active' && moment === 'start' && this.#moveBelowActive(node)) lineage = undefined
      if (convention.parentage === 'unnested' && moment !== 'start') this.#lookAtEarlier(node)
      lineage ??= this.#lineage(node)
      const seen = convention.parentage === 'unnested' ? this.#withSiblings(lineage, node, convention) : lineage
      const activity = this.#ask(() => convention.recognise(span, moment, seen))
      if (activity === 'later') return false
      if (!activity) continue
      this.#claim(node, { convention, activity }, span)
      return true
    }
    return false
  }

  #claim(node: SpanNode, claim: Claim, span: SpanLike): void {
    node.claimAs(claim)
    this.#byId.set(node.spanId, node)
    const { activity, convention } = claim
    if (convention.parentage === 'unnested') {
      this.#siblings.add(node, convention)
      if (activity.within instanceof ClaimedSpan) node.moveBelow(activity.within.node)
    }
    if (activity.around) this.#becomeRun(node.claimedParent(), activity.around, convention)
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

  /** Spans above that nobody has claimed yet are looked at again: what happens below is theirs. Outermost first. */
  #lookAtAncestors(node: SpanNode): void {
    const { parent } = node
    if (!parent || parent.claim || !parent.span) return
    this.#lookAtAncestors(parent)
    const bits = this.#recogniser.candidates(parent.span)
    if (bits !== 0) this.#askAbout(parent, parent.span, 'microtask', bits)
  }

  /** What started in this turn before a span that is looked at out of turn: siblings are told apart by their order. */
  #lookAtEarlier(node: SpanNode): void {
    if (this.#inOrder) return
    this.#inOrder = true
    for (const other of this.#unclaimed) {
      if (other === node) break
      if (!other.claim && other.span) this.#look(other, other.span, 'microtask')
    }
    this.#inOrder = false
  }

  #startRun(node: SpanNode, activity: RunActivity, startedAt: Timestamp, place: Place): void {
    if (node.run) return // recorded by hand on this very span
    const runId = runIdOf(node)
    const around = besideSuspended(place)
    if (around.run?.runId === runId) return // the same run, told at another level
    const start = { activity, runId, startedAt, parentRunId: node.explicitScope.parentRunId }
    const { confidence } = activity
    const source = confidence ? { ...around.source, confidence } : around.source
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

  /** Below the span that is active now, if that is followed. */
  #moveBelowActive(node: SpanNode): boolean {
    const caller = this.#nodeIn(activeContext.active())
    if (!caller || caller === node.parent) return false
    if (!caller.claim && caller.span) this.#look(caller, caller.span, 'microtask')
    if (!caller.claim && !caller.claimedParent()) return false
    node.moveBelow(caller)
    return true
  }

  #conclude(node: SpanNode, { convention, activity }: Claim, span: SpanLike): void {
    const told = this.#ask(() => convention.conclude?.(span, activity, this.#lineage(node))) ?? {}
    if (told.around) this.#becomeRun(node.claimedParent(), told.around, convention)
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
    noteEndOfChild(node, conclusion)
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
    const parent = node.claimedParent()?.asSurrounding()
    const run = node.parent?.nearestRun()
    const around = node.parent?.span
    if (!around && !parent && !run && !node.run) return NO_LINEAGE
    return {
      parent,
      parentScope: around && scopeOf(around).name,
      run: run && { runId: run.runId, agent: run.agent },
      memo: run?.memo,
      ownMemo: node.run?.memo,
    }
  }

  #withSiblings(lineage: Lineage, node: SpanNode, convention: Convention): Lineage {
    return { ...lineage, open: this.#siblings.of(node, convention) }
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

/** A suspended run invokes nobody: what starts below its span later goes on where it left off. */
function besideSuspended(place: Place): Place {
  let { run } = place
  while (run?.suspended) run = run.node?.parent?.nearestRun()
  return run === place.run ? place : { ...place, run }
}

function modelOf(activity: Activity): string | undefined {
  return activity.kind === 'model' || activity.kind === 'run' ? activity.model : undefined
}

function compareHrTime(a: HrTime, b: HrTime): number {
  return a[0] - b[0] || a[1] - b[1]
}
