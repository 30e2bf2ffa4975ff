import {
  type Attributes,
  type Context,
  type HrTime,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
} from '@opentelemetry/api'
import { type AuditEventData, type ClaimedScope, timestampFromHrTime } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import { activeContext } from '../../record/flow.js'
import { partFacts } from '../caller-claims.js'
import type { Convention, Fact, TelemetryEvent } from '../conventions/contract.js'
import { isEarlier } from '../hr-time.js'
import { spanIn } from '../mirrored.js'
import {
  type InstrumentationScope,
  type LogOrigin,
  type OpenSpan,
  parentSpanIdOf,
  type SpanEventLike,
  type SpanLike,
  scopeOf,
} from '../span.js'
import { type Ask, askReporting } from './ask.js'
import { CallBook } from './call-book.js'
import { CallRecorder } from './call-recorder.js'
import { Emitter, type Outlet, sourceOf, withLibrary } from './emitter.js'
import { EventReports, eventNameOf } from './event-reports.js'
import type { SpanExplanation } from './explain.js'
import { FactRecorder } from './fact-recorder.js'
import { goesOut } from './hops.js'
import { ReportQueue } from './report-queue.js'
import type { Run } from './run.js'
import { RunBook } from './run-book.js'
import { Senders } from './senders.js'
import { SpanClaims } from './span-claims.js'
import { SpanEvents, totalOf } from './span-events.js'
import type { Claim, SpanNode } from './span-node.js'
import { SpanNodes, type Trust } from './span-nodes.js'
import { SpanRecorder } from './span-recorder.js'
import { readTime } from './span-times.js'
import { Suppressions } from './suppressions.js'
import { ToldRuns } from './told-runs.js'
import { TwiceTold } from './twice-told.js'
import { UntakenAttributes } from './untaken-attributes.js'
import { UsageLedger } from './usage-ledger.js'

export interface TrackerOptions extends Trust {
  readonly conventions: readonly Convention[]
  readonly outlet: Outlet
  readonly onProblem: (problem: unknown) => void
  readonly onExplain: ((explanation: SpanExplanation) => void) | undefined
  /** A span turns out to be one of an agent. */
  readonly onAgentSpan: () => void
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

/** Follows spans from start to end and tells what they mean as audit events. */
export class Tracker {
  readonly #nodes: SpanNodes
  readonly #ask: Ask
  readonly #claims: SpanClaims
  readonly #runs: RunBook
  readonly #facts: FactRecorder
  readonly #spans: SpanRecorder
  readonly #calls: CallBook
  readonly #told: ToldRuns
  readonly #queue: ReportQueue
  readonly #reports: EventReports
  readonly #onProblem: (problem: unknown) => void
  readonly #options: Pick<TrackerOptions, 'isRecording' | 'isOnIn' | 'since' | 'nowMillis'>
  readonly #emitter: Emitter
  readonly #events: SpanEvents
  readonly #untaken: UntakenAttributes
  readonly #senders = new Senders()
  /** Counts of what is not recorded because auditing is off. */
  readonly suppressions: Suppressions
  /** Contexts with baggage of spans that began before anyone listened. */
  readonly #begun = new WeakMap<object, Context>()

  constructor(options: TrackerOptions) {
    const { conventions, onProblem, outlet, nowMillis } = options
    this.#nodes = new SpanNodes(options)
    this.#untaken = new UntakenAttributes(this.#nodes)
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
    this.#ask = askReporting(onProblem)
    this.#claims = new SpanClaims({
      conventions,
      nodes: this.#nodes,
      ask: this.#ask,
      onClaim: (node, claim, span) => {
        options.onAgentSpan()
        this.#untaken.hear(node, span, claim.convention)
        // What log records have told by now may be the run of the span.
        if (claim.activity.loggedRun) this.#queue.drain()
        this.#spans.start(node, claim, span)
      },
      onExplain: options.onExplain,
    })
    const senders = this.#senders
    this.#runs = new RunBook({ ...options, emitter, senders, onEnd: (run) => this.suppressions.endRun(run) })
    this.#facts = new FactRecorder({ conventions, emitter, runs: this.#runs, ledger })
    const twiceTold = new TwiceTold(senders)
    this.#calls = new CallBook({ emitter, senders, nowMillis })
    const books = { emitter, runs: this.#runs, facts: this.#facts }
    this.#told = new ToldRuns({ ...options, ...books, senders, calls: this.#calls, usage: twiceTold })
    this.#queue = new ReportQueue((reported) =>
      senders.as(reported.sender, () => this.#ask(() => this.#told.take(reported))),
    )
    this.#reports = new EventReports(this.#ask, this.#queue, senders, this.#nodes.callers)
    const calls = new CallRecorder({ emitter, ledger, book: this.#calls, twiceTold })
    this.#spans = new SpanRecorder({ ...options, ...books, calls, told: this.#told })
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
    if (node.parent && goesOut(span) && node.nearestRun()) this.#nodes.hops.remember(node, span)
    this.#claims.lookAtStart(node, span)
  }

  /** Looks again at what started in this turn. Also called before anything that needs all runs to be known. */
  drain(): void {
    this.#claims.drain()
    this.#queue.drain()
  }

  end(span: SpanLike): void {
    const node = this.#nodes.on(span)
    if (!node?.span) return
    this.#catchUp(node)
    if (node.run) this.#queue.drain()
    if (node.claim || this.#claims.look(node, span, 'end')) {
      const claim = node.claim as Claim
      const whole = this.#untaken.wholeOf(node, span)
      this.#spans.end(node, claim, whole, this.#claims.conclude(node, claim, whole))
    } else {
      if (node.run) this.#spans.endRun(node.run, node, span)
      this.#claims.explainUnclaimed(span)
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
    if (!this.#claims.mayKnow(span) && span.events.length === 0) return
    const node = this.#nodes.place(span, this.#begun.get(span), this.#nodes.byIds(span.parentSpanContext))
    this.#events.takeUp(span, node)
    this.end(span)
  }

  /** Follows an open span that began before anyone listened. @returns its node, unless it is none to be followed */
  adopt(span: OpenSpan): SpanNode | undefined {
    if (span.attributes === undefined || !span.isRecording() || this.suppressions.has(span)) return undefined
    const node = this.#nodes.place(span, this.#begun.get(span), this.#nodes.byIds(span.parentSpanContext))
    this.#claims.look(node, span, 'microtask')
    this.#events.takeUp(span, node)
    this.#events.hear(span, node)
    return node
  }

  /** Tells whether this very span was followed live, and is of an agent. */
  hasSeenLive(ids: SpanContext): boolean {
    return this.#nodes.knownBy(ids)?.isDelivered === false
  }

  /** Tells whether this very span is that of a run which was given up here, and of whose end nobody has told. */
  hasGivenUp(ids: SpanContext): boolean {
    return this.#nodes.knownBy(ids)?.run?.isEndOpen ?? false
  }

  /** The end of a span is delivered whose run was given up here. */
  endGivenUp(span: SpanLike): void {
    const node = this.#nodes.knownBy(span.spanContext())
    const { claim, run } = node ?? {}
    if (!node || !claim || !run?.isEndOpen) return
    this.#spans.correct(run, { node, claim, span }, this.#claims.conclude(node, claim, span))
  }

  /** Tells whether the span is of an agent, whoever told of it. */
  knows(ids: SpanContext): boolean {
    return this.#nodes.knownBy(ids) !== undefined
  }

  /** Does something on the word of somebody who has delivered it: see `senders.ts`. */
  as<T>(sender: string, action: () => T): T {
    return this.#senders.as(sender, action)
  }

  /** A span that has been delivered after its end starts. @param parent - delivered as well, or awaited */
  startDelivered(span: SpanLike, parent: SpanLike | undefined, flow: string): void {
    const around = parent ? this.#nodes.on(parent) : this.#nodes.byIds(span.parentSpanContext)
    const awaited = this.#nodes.on(span)
    if (awaited) awaited.arrive(span, around)
    const node = awaited ?? this.#nodes.placeDelivered(span, around, flow)
    if (!this.#claims.look(node, span, 'start')) this.#claims.look(node, span, 'microtask')
  }

  /** The children of a delivered span have come before it. */
  awaitDelivered(parent: SpanLike, child: SpanContext): void {
    this.#nodes.placeAwaited(parent, child)
  }

  /** An event is added to a delivered span. */
  addDeliveredEvent(span: SpanLike, { name, attributes = {}, time }: SpanEventLike): void {
    const node = this.#nodes.on(span)
    if (node) this.#events.skip(span, node)
    this.occurrence(name, attributes, time, ROOT_CONTEXT, span)
  }

  /** A delivered span ends. @param lostEvents - those that its SDK dropped */
  endDelivered(span: SpanLike, lostEvents: number): void {
    const node = this.#nodes.on(span)
    if (node && lostEvents > 0 && this.#claims.mayKnow(span)) this.#onLostEvents(node, span, lostEvents)
    this.end(span)
  }

  /** Runs that no span carries end unheard while nothing is attached. */
  forgetSpanlessRuns(): void {
    this.#runs.forgetSpanless()
  }

  /** An event added to a span, or recorded where no span of ours is: a log record, a call of `record*`. */
  occurrence(
    given: string,
    attributes: Attributes,
    time: HrTime,
    context: Context | undefined,
    carrier: SpanLike | LogOrigin,
  ): void {
    const name = eventNameOf(given, attributes)
    const span = 'spanContext' in carrier ? carrier : undefined
    const node = span ? this.#nodes.on(span) : this.#nodes.in(context)
    if (node && !node.claim && node.span) this.#claims.look(node, node.span, 'microtask')
    const scope: LogOrigin = span ? scopeOf(span) : (carrier as LogOrigin)
    const detached = context && contextScope(context)?.run
    const run = node?.nearestRun() ?? (detached && this.#runs.find(detached.runId))
    const event = { name, attributes, scope, activity: node?.claim?.activity, runState: run?.memo }
    let convention = span && node?.claim?.convention
    let facts = this.#translate(convention, event)
    if (!facts?.length) {
      // What the span's own convention has no word for may be in the words of another.
      convention = this.#facts.reader(name, scope.name)
      if (convention && this.#reports.read(convention, event, { time, context, span, scope })) return
      facts = this.#translate(convention, event)
    }
    if (!convention || !facts?.length) return
    const found = span
      ? sourceOf(convention.name, span)
      : { convention: convention.name, scope: scope.name, scopeVersion: scope.version }
    const source = withLibrary(found, name, attributes)
    const outside = node ? undefined : this.#nodes.outsideIn(context)
    const { time: at, isMended } = readTime(time, this.#options.nowMillis())
    const place = { run, node, context, source, outside, isTimeMended: isMended }
    const isLogged = !span && carrier !== BY_HAND
    const names = span ? undefined : this.#nodes.callers.names
    for (const said of facts) {
      const told = names ? ({ ...said, scope: { ...said.scope, ...names.scopeIn(attributes) } } as Fact) : said
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

  #translate(convention: Convention | undefined, event: TelemetryEvent): readonly Fact[] | undefined {
    return convention?.translate && this.#ask(() => convention.translate?.(event))
  }

  /** Ends runs whose spans will not, see {@link RunBook.settle}, and tells what has waited to be told. */
  settle(options: { readonly final: boolean; readonly all: boolean }): void {
    this.drain()
    for (const { node } of this.#runs.open) if (node) this.#catchUp(node)
    this.#calls.settle(options)
    this.#told.settle(options)
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
    if (node.eventsToldBefore > 0) {
      node.eventsToldBefore--
      return
    }
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
    this.#claims.close(node)
    node.end()
  }

  /**
   * The parent's node, by the span that the context carries or, where that is but a set of ids, by the very object that
   * the span handed out: equal ids may come from a caller. A parent that began before anyone listened is taken in with
   * its first child, so that the child finds its run. A call that left this process and arrives in it again is below the
   * call: see `hops.ts`.
   */
  #parentOf(span: OpenSpan, context: Context): SpanNode | undefined {
    return this.#parentHere(span, context) ?? this.#nodes.hops.senderOf(span)
  }

  #parentHere(span: OpenSpan, context: Context): SpanNode | undefined {
    const parentId = parentSpanIdOf(span)
    if (parentId === undefined) return this.#nodes.linkedBy(span)
    const parent = spanIn(context) as (OpenSpan & Span) | undefined
    const ids = parent?.spanContext()
    if (!parent || ids?.spanId !== parentId) return this.#nodes.byIds(span.parentSpanContext)
    const known = this.#nodes.on(parent) ?? this.#nodes.byIds(ids)
    if (known || !parent.isRecording()) return known
    // A wrapper of the span: what nobody has claimed so far is not found by its id.
    if (parent.attributes === undefined) {
      return this.#claims.unclaimedWith(ids) ?? this.#nodes.wrapped(parent, parentId)
    }
    return this.adopt(parent)
  }
}
