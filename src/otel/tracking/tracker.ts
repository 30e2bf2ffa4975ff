import {
  type Attributes,
  type Context,
  context as contexts,
  type HrTime,
  propagation,
  ROOT_CONTEXT,
  type Span,
  trace,
} from '@opentelemetry/api'
import { type AuditEventData, type ClaimedScope, timestampFromHrTime } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import { activeContext } from '../../record/flow.js'
import { partFacts } from '../caller-claims.js'
import type { Convention, Fact, Lineage, Moment, Occurrence } from '../conventions/contract.js'
import { isEarlier } from '../hr-time.js'
import {
  type InstrumentationScope,
  type OpenSpan,
  parentSpanIdOf,
  type SpanEventLike,
  type SpanLike,
  scopeOf,
} from '../span.js'
import { isTransportSpan } from '../transport.js'
import { Emitter, type Outlet, sourceOf } from './emitter.js'
import { explain, type SpanExplanation } from './explain.js'
import { FactRecorder } from './fact-recorder.js'
import { OpenSiblings } from './open-siblings.js'
import { Recogniser } from './recogniser.js'
import type { Run } from './run.js'
import { RunBook } from './run-book.js'
import { SpanEvents, totalOf } from './span-events.js'
import { type Claim, ClaimedSpan, type SpanNode } from './span-node.js'
import { SpanNodes, type Trust } from './span-nodes.js'
import { SpanRecorder } from './span-recorder.js'
import { Suppressions } from './suppressions.js'
import { UsageLedger } from './usage-ledger.js'

/** `SpanKind` of spans that send something to somebody else. */
const CLIENT = 2
const PRODUCER = 3

const NO_LINEAGE: Lineage = Object.freeze({ parent: undefined, run: undefined, memo: undefined })

export interface TrackerOptions extends Trust {
  readonly conventions: readonly Convention[]
  readonly outlet: Outlet
  readonly onProblem: (problem: unknown) => void
  readonly onExplain: ((explanation: SpanExplanation) => void) | undefined
  /** Tells whether there is a listener. */
  readonly isRecording: () => boolean
  /** Tells whether auditing is on in a context. */
  readonly isOnIn: (context: Context) => boolean
  /** Returns the time at which listening began. */
  readonly since: () => HrTime
  readonly abandonAfterMillis: number
  readonly maxOpenRuns: number
  readonly nowMillis: () => number
}

/** Marks events that `spanledger/record` tells of where no span carries them. */
export const BY_HAND: InstrumentationScope = Object.freeze({ name: 'spanledger/record' })

/**
 * Follows spans from start to end and tells what they mean as audit events.
 *
 * A span is looked at up to three times, until a convention claims it: at its start, one microtask later (many
 * instrumentations set their attributes right after `startSpan`), and at its end. Whoever can tell first, tells.
 */
export class Tracker {
  readonly #nodes: SpanNodes
  readonly #recogniser: Recogniser
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #spans: SpanRecorder
  readonly #siblings = new OpenSiblings()
  readonly #onProblem: (problem: unknown) => void
  readonly #options: Pick<TrackerOptions, 'isRecording' | 'isOnIn' | 'since'>
  readonly #emitter: Emitter
  readonly #events: SpanEvents
  /** Counts of what is not recorded because auditing is off. */
  readonly suppressions: Suppressions
  readonly #onExplain: ((explanation: SpanExplanation) => void) | undefined
  /** Spans that nobody has claimed at their start, for the second look. */
  #unclaimed: SpanNode[] = []
  /** Contexts with baggage of spans that began before anyone listened. */
  readonly #begun = new WeakMap<object, Context>()
  /** They are being looked at in the order of their start. */
  #inOrder = false
  readonly #lookAgain = (): void => this.drain()

  constructor(options: TrackerOptions) {
    const { conventions, onProblem, outlet, nowMillis } = options
    this.#nodes = new SpanNodes(options)
    const emitter = new Emitter(outlet, this.#nodes.callers)
    const ledger = new UsageLedger()
    this.#onProblem = onProblem
    this.#options = options
    this.#emitter = emitter
    this.#events = new SpanEvents(this.#nodes, {
      onEvent: (node, span, event, live) => this.#onSpanEvent(node, span, event, live),
      onLost: (node, span, count) => this.#onLostEvents(node, span, count),
      onProblem,
    })
    this.suppressions = new Suppressions({ ...options, emitter, runIn: (context) => this.#runIn(context) })
    this.#onExplain = options.onExplain
    this.#recogniser = new Recogniser(conventions)
    this.#runs = new RunBook({ ...options, emitter, onEnd: (run) => this.suppressions.endRun(run) })
    this.#facts = new FactRecorder({ conventions, emitter, runs: this.#runs, ledger })
    this.#spans = new SpanRecorder({ emitter, runs: this.#runs, facts: this.#facts, ledger, nowMillis })
  }

  get openRuns(): AuditEventData<'audit_attached'>['openRuns'] {
    return this.#runs.snapshot()
  }

  /** Tells whether the span is followed. */
  follows(span: object): boolean {
    return this.#nodes.on(span) !== undefined
  }

  /**
   * Tells whether an event that has just been added to the span was heard. A span that began before anyone listened is
   * followed from its first event on, so that no event is recorded twice.
   */
  hears(span: OpenSpan, attributes: Attributes): boolean {
    if (this.hasJustHeard(attributes)) return true
    const node = this.#nodes.on(span) ?? this.adopt(span)
    if (!node) return false
    this.#catchUp(node)
    return true
  }

  /** Tells whether the last event that was heard, on any span, has this very attributes object. */
  hasJustHeard(attributes: Attributes): boolean {
    return this.#events.hasJustHeard(attributes)
  }

  /** Keeps what tells a caller's word from the application's, for a span that somebody may listen to later. */
  remember(span: object, context: Context): void {
    if (propagation.getBaggage(context)) this.#begun.set(span, context)
  }

  start(span: OpenSpan, context: Context): void {
    const node = this.#nodes.place(span, context, this.#parentOf(span, context))
    this.#events.hear(span, node)
    if (node.parent && goesOut(span) && node.nearestRun()) this.#nodes.rememberOutgoing(node)
    if (this.#look(node, span, 'start') || isTransportSpan(span.attributes)) return
    if (this.#unclaimed.push(node) === 1) queueMicrotask(this.#lookAgain)
  }

  /** The second look at what started in this turn. Also called before anything that needs all runs to be known. */
  drain(): void {
    const nodes = this.#unclaimed
    if (nodes.length === 0) return
    this.#unclaimed = []
    this.#inOrder = true
    for (const node of nodes) {
      const { span } = node
      // This may be a microtask of its own: what it threw would end the process.
      if (node.claim === undefined && span !== undefined) this.#ask(() => this.#look(node, span, 'microtask'))
    }
    this.#inOrder = false
  }

  end(span: SpanLike): void {
    const node = this.#nodes.on(span)
    if (!node?.span) return
    this.#catchUp(node)
    if (node.claim || this.#look(node, span, 'end')) this.#conclude(node, node.claim as Claim, span)
    else {
      if (node.run) this.#spans.endRun(node.run, node, span)
      if (this.#onExplain) this.#explain(span, 'end', this.#recogniser.candidates(span), undefined)
    }
    this.#close(node)
  }

  /** Forgets a span whose end nobody wants to hear of. */
  forget(span: SpanLike): void {
    const node = this.#nodes.on(span)
    if (node?.run) this.#runs.forget(node.run)
    if (node) this.#close(node)
  }

  /** The end of a span that is not followed: it began before anyone listened, or where auditing is off. */
  endUnfollowed(span: SpanLike): void {
    if (this.suppressions.has(span)) this.suppressions.endSpan(span, totalOf(span))
    else this.#endUnseen(span)
  }

  /**
   * A span that began before anyone listened: what it did until then is not made up. Its run gets a terminal event
   * only, its tools a completion; of its events those since then are recorded.
   */
  #endUnseen(span: SpanLike): void {
    if (this.#recogniser.candidates(span) === 0 && span.events.length === 0) return
    const node = this.#nodes.place(span, this.#begun.get(span), this.#nodes.byIds(span.parentSpanContext))
    this.#events.takeUp(span, node)
    this.end(span)
  }

  /** Follows an open span that began before anyone listened. @returns its node, unless it is none to be followed */
  adopt(span: OpenSpan): SpanNode | undefined {
    if (span.attributes === undefined || !span.isRecording() || this.suppressions.has(span)) return undefined
    const node = this.#nodes.place(span, this.#begun.get(span), this.#nodes.byIds(span.parentSpanContext))
    this.#look(node, span, 'microtask')
    this.#events.takeUp(span, node)
    this.#events.hear(span, node)
    return node
  }

  /** Runs that no span carries end unheard while nothing is attached. */
  forgetSpanlessRuns(): void {
    this.#runs.forgetSpanless()
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
    const node = span ? this.#nodes.on(span) : this.#nodes.in(context)
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
    const outside = node ? undefined : this.#nodes.outsideIn(context)
    const place = { run, node, context, source, outside }
    const at = timestampFromHrTime(time)
    const isLogged = !span && carrier !== BY_HAND
    for (const told of facts) {
      const { fact, claims } = isLogged ? this.#withoutClaims(told, attributes, context) : { fact: told }
      this.#facts.record(
        run || !detached ? fact : ({ ...fact, scope: { ...detached, ...fact.scope } } as Fact),
        at,
        claims ? { ...place, claims } : place,
      )
    }
    this.#spans.touch(run)
  }

  /** A log record may have attributes that a processor has copied from the baggage of a caller. */
  #withoutClaims(
    fact: Fact,
    attributes: Attributes,
    context: Context | undefined,
  ): { readonly fact: Fact; readonly claims?: ClaimedScope | undefined } {
    const baggage = context && this.#nodes.callers.read(context).baggage
    if (!baggage || !fact.scope) return { fact }
    const { own, claims } = partFacts(fact.scope, attributes, baggage, { own: undefined, around: undefined })
    return { fact: { ...fact, scope: own } as Fact, claims }
  }

  #translate(convention: Convention | undefined, event: Occurrence): readonly Fact[] | undefined {
    return convention?.translate && this.#ask(() => convention.translate?.(event))
  }

  /** Ends runs whose spans will not, see {@link RunBook.settle}, and tells what has waited to be told. */
  settle(options: { readonly final: boolean; readonly all: boolean }): void {
    this.drain()
    for (const { node } of this.#runs.open) if (node) this.#catchUp(node)
    this.#runs.settle(options.final)
    this.suppressions.settle(options.all)
  }

  /** Events that went past the hook. What goes wrong costs no more than these. */
  #catchUp(node: SpanNode): void {
    try {
      if (node.span) this.#events.catchUp(node.span, node)
    } catch (problem) {
      this.#onProblem(problem)
    }
  }

  #onSpanEvent(node: SpanNode, span: SpanLike, { name, attributes = {}, time }: SpanEventLike, live: boolean): void {
    const { isRecording, isOnIn, since } = this.#options
    const isFromBefore = !live && (node.context === undefined || isEarlier(span.startTime, since()))
    if (!isRecording() || (isFromBefore && isEarlier(time, since()))) return
    const context = live ? activeContext() : node.context
    if (isOnIn(context ?? ROOT_CONTEXT)) this.occurrence(name, attributes, time, context, span)
    else this.suppressions.addEvent(context ?? ROOT_CONTEXT, node.nearestRun())
  }

  /** Events went past the hook, and the span has no room for them any more. */
  #onLostEvents(node: SpanNode, span: SpanLike, count: number): void {
    if (!this.#options.isRecording()) return
    const from = timestampFromHrTime(span.startTime)
    const to = span.events[0] ? timestampFromHrTime(span.events[0].time) : from
    this.#emitter.state('events_dropped', { count, reason: 'span_limit', from, to }, node.nearestRun())
  }

  /** The run that something belongs to which happens in this context. */
  #runIn(context: Context): Run | undefined {
    this.drain()
    const detached = contextScope(context)?.run
    return this.#nodes.in(context)?.nearestRun() ?? (detached && this.#runs.find(detached.runId))
  }

  #close(node: SpanNode): void {
    const convention = node.claim?.convention
    if (convention?.parentage === 'unnested') this.#siblings.delete(node, convention)
    node.end()
  }

  /**
   * The parent's node, by the span that the context carries or, where that is but a set of ids, by the very object that
   * the span handed out: equal ids may come from a caller. A parent that began before anyone listened is taken in with
   * its first child, so that the child finds its run.
   */
  #parentOf(span: OpenSpan, context: Context): SpanNode | undefined {
    const parentId = parentSpanIdOf(span)
    if (parentId === undefined) return undefined
    const parent = trace.getSpan(context) as (OpenSpan & Span) | undefined
    const ids = parent?.spanContext()
    if (!parent || ids?.spanId !== parentId) return this.#nodes.byIds(span.parentSpanContext)
    const known = this.#nodes.on(parent) ?? this.#nodes.byIds(ids)
    if (known || !parent.isRecording()) return known
    // A wrapper of the span: what nobody has claimed so far is not found by its id.
    if (parent.attributes === undefined) {
      return this.#unclaimed.findLast((node) => node.hasIds(ids)) ?? this.#nodes.wrapped(parent, parentId)
    }
    return this.adopt(parent)
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
      const claim = { convention, activity }
      if (this.#onExplain) this.#explain(span, moment, bits, claim)
      this.#claim(node, claim, span)
      return true
    }
    return false
  }

  #explain(span: SpanLike, moment: Moment, bits: number, claim: Claim | undefined): void {
    this.#ask(() => this.#onExplain?.(explain(span, moment, this.#recogniser.named(bits), claim)))
  }

  #claim(node: SpanNode, claim: Claim, span: SpanLike): void {
    node.claimAs(claim)
    this.#nodes.remember(node)
    const { activity, convention } = claim
    if (convention.parentage === 'unnested') {
      this.#siblings.add(node, convention)
      if (activity.within instanceof ClaimedSpan) node.moveBelow(activity.within.node)
    }
    this.#spans.start(node, claim, span)
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

  /** Below the span that is active now, if that is followed. */
  #moveBelowActive(node: SpanNode): boolean {
    const caller = this.#nodes.in(contexts.active())
    if (!caller || caller === node.parent) return false
    if (!caller.claim && caller.span) this.#look(caller, caller.span, 'microtask')
    if (!caller.claim && !caller.claimedParent()) return false
    node.moveBelow(caller)
    return true
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

  #conclude(node: SpanNode, claim: Claim, span: SpanLike): void {
    const { convention, activity } = claim
    const told = this.#ask(() => convention.conclude?.(span, activity, this.#lineage(node)))
    this.#spans.end(node, claim, span, told ?? {})
  }

  #withSiblings(lineage: Lineage, node: SpanNode, convention: Convention): Lineage {
    return { ...lineage, open: this.#siblings.of(node, convention) }
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

/** Tells whether the span sends its ids to other processes. */
function goesOut({ kind }: SpanLike): boolean {
  return kind === CLIENT || kind === PRODUCER
}
