import { type Attributes, type Context, type HrTime, propagation } from '@opentelemetry/api'
import type { AuditEventData } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import type { Convention } from '../conventions/contract.js'
import type { OpenSpan, SpanLike } from '../span.js'
import { type Ask, askReporting } from './ask.js'
import { CallBook } from './call-book.js'
import { CallRecorder } from './call-recorder.js'
import { DeliveredSpans } from './delivered-spans.js'
import { DuplicateCalls } from './duplicate-calls.js'
import { Emitter, type Outlet } from './emitter.js'
import { EventRecorder, type GivenEvent } from './event-recorder.js'
import { EventReports } from './event-reports.js'
import type { SpanExplanation } from './explain.js'
import { FactRecorder } from './fact-recorder.js'
import { goesOut } from './hops.js'
import { ParentFinder } from './parent-finder.js'
import type { Recognition } from './recognition.js'
import { ReportQueue } from './report-queue.js'
import { ReportedRuns } from './reported-runs.js'
import type { Run } from './run.js'
import { RunBook } from './run-book.js'
import { Senders } from './senders.js'
import { SpanEvents, totalOf } from './span-events.js'
import type { SpanNode } from './span-node.js'
import { SpanNodes, type Trust } from './span-nodes.js'
import { SpanRecogniser } from './span-recogniser.js'
import { SpanRecorder } from './span-recorder.js'
import { Suppressions } from './suppressions.js'
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

/** Follows spans from start to end and records what they mean as audit events. */
export class Tracker {
  readonly #nodes: SpanNodes
  readonly #ask: Ask
  readonly #recogniser: SpanRecogniser
  readonly #runs: RunBook
  readonly #spans: SpanRecorder
  readonly #calls: CallBook
  readonly #reported: ReportedRuns
  readonly #queue: ReportQueue
  readonly #onProblem: (problem: unknown) => void
  readonly #parents: ParentFinder
  readonly #recorder: EventRecorder
  readonly #events: SpanEvents
  readonly #untaken: UntakenAttributes
  readonly #senders = new Senders()
  /** Spans that are delivered after their end. */
  readonly delivered: DeliveredSpans
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
    this.#events = new SpanEvents(this.#nodes, {
      onEvent: (node, span, event, isLive) => this.#recorder.recordOfSpan(node, span, event, isLive),
      onLost: (node, span, count) => this.#recorder.recordLoss(node, span, count),
      onProblem,
    })
    this.suppressions = new Suppressions({ ...options, emitter, runIn: (context) => this.#runIn(context) })
    this.#ask = askReporting(onProblem)
    this.#recogniser = new SpanRecogniser({
      conventions,
      nodes: this.#nodes,
      ask: this.#ask,
      onRecognise: (node, recognition, span) => {
        options.onAgentSpan()
        this.#untaken.watch(node, span, recognition.convention)
        // What log records have reported by now may be the run of the span.
        if (recognition.activity.loggedRun) this.#queue.drain()
        this.#spans.start(node, recognition, span)
      },
      onExplain: options.onExplain,
    })
    const senders = this.#senders
    this.#runs = new RunBook({ ...options, emitter, senders, onEnd: (run) => this.suppressions.endRun(run) })
    const facts = new FactRecorder({ conventions, emitter, runs: this.#runs, ledger })
    const duplicates = new DuplicateCalls(senders)
    this.#calls = new CallBook({ emitter, senders, nowMillis })
    const books = { emitter, runs: this.#runs, facts }
    this.#reported = new ReportedRuns({ ...options, ...books, senders, calls: this.#calls, duplicates })
    this.#queue = new ReportQueue((received) =>
      senders.as(received.sender, () => this.#ask(() => this.#reported.take(received))),
    )
    const reports = new EventReports(this.#ask, this.#queue, senders, this.#nodes.callers)
    const calls = new CallRecorder({ emitter, ledger, book: this.#calls, duplicates })
    this.#spans = new SpanRecorder({ ...options, ...books, calls, reported: this.#reported })
    const collaborators = { nodes: this.#nodes, recogniser: this.#recogniser }
    this.#parents = new ParentFinder({ ...collaborators, adopt: (span) => this.adopt(span) })
    this.#recorder = new EventRecorder({
      ...options,
      ...books,
      ...collaborators,
      ask: this.#ask,
      reports,
      spans: this.#spans,
      suppressions: this.suppressions,
    })
    this.delivered = new DeliveredSpans({
      ...collaborators,
      spans: this.#spans,
      events: this.#events,
      recorder: this.#recorder,
      end: (span) => this.end(span),
    })
  }

  get openRuns(): AuditEventData<'audit_attached'>['openRuns'] {
    return this.#runs.snapshot()
  }

  /** Tells whether the span is followed. */
  follows(span: object): boolean {
    return this.#nodes.on(span) !== undefined
  }

  /**
   * Tells whether an event that has just been added to the span is taken. A span that began before anyone listened is
   * followed from its first event on, so that no event is recorded twice.
   */
  takes(span: OpenSpan, attributes: Attributes): boolean {
    if (this.hasJustTaken(attributes)) return true
    const node = this.#nodes.on(span) ?? this.adopt(span)
    if (!node) return false
    this.#catchUp(node)
    return true
  }

  /** Tells whether the last event that was taken, on any span, has this very attributes object. */
  hasJustTaken(attributes: Attributes): boolean {
    return this.#events.hasJustTaken(attributes)
  }

  /** Keeps the context that parts a caller's claims from the application's word, for a span that may be followed later. */
  remember(span: object, context: Context): void {
    if (propagation.getBaggage(context)) this.#begun.set(span, context)
  }

  start(span: OpenSpan, context: Context): void {
    const node = this.#nodes.enter(span, context, this.#parents.parentOf(span, context))
    this.#events.watch(span, node)
    if (node.parent && goesOut(span) && node.nearestRun()) this.#nodes.hops.remember(node, span)
    this.#recogniser.lookAtStart(node, span)
  }

  /** Looks again at what started in this turn. Also called before anything that needs all runs to be known. */
  drain(): void {
    this.#recogniser.drain()
    this.#queue.drain()
  }

  end(span: SpanLike): void {
    const node = this.#nodes.on(span)
    if (!node?.span) return
    this.#catchUp(node)
    if (node.run) this.#queue.drain()
    if (node.recognition || this.#recogniser.look(node, span, 'end')) {
      const recognition = node.recognition as Recognition
      const whole = this.#untaken.wholeOf(node, span)
      this.#spans.end(node, recognition, whole, this.#recogniser.conclude(node, recognition, whole))
    } else {
      if (node.run) this.#spans.endRun(node.run, node, span)
      this.#recogniser.explainUnrecognised(span)
    }
    this.#close(node)
  }

  /** Forgets a span whose end is not to be recorded. */
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
    if (!this.#recogniser.mayKnow(span) && span.events.length === 0) return
    const node = this.#nodes.enter(span, this.#begun.get(span), this.#nodes.byIds(span.parentSpanContext))
    this.#events.takeUp(span, node)
    this.end(span)
  }

  /** Follows an open span that began before anyone listened. @returns its node, unless it is none to be followed */
  adopt(span: OpenSpan): SpanNode | undefined {
    if (span.attributes === undefined || !span.isRecording() || this.suppressions.has(span)) return undefined
    const node = this.#nodes.enter(span, this.#begun.get(span), this.#nodes.byIds(span.parentSpanContext))
    this.#recogniser.look(node, span, 'microtask')
    this.#events.takeUp(span, node)
    this.#events.watch(span, node)
    return node
  }

  /** Does something for the sender that has delivered it: see `senders.ts`. */
  as<T>(sender: string, action: () => T): T {
    return this.#senders.as(sender, action)
  }

  /** Runs that no span carries end unobserved while nothing is attached. */
  forgetSpanlessRuns(): void {
    this.#runs.forgetSpanless()
  }

  /** Records an event that is added to a span, or recorded where no span of ours is: a log record, a call of `record*`. */
  record(event: GivenEvent): void {
    this.#recorder.record(event)
  }

  /** Ends runs whose spans will not, see {@link RunBook.settle}, and records what has waited. */
  settle(options: { readonly final: boolean; readonly all: boolean }): void {
    this.drain()
    for (const { node } of this.#runs.open) {
      const followed = node?.span && this.#nodes.on(node.span)
      if (followed) this.#catchUp(followed)
    }
    this.#calls.settle(options)
    this.#reported.settle(options)
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

  /** Returns the run of what happens in this context. */
  #runIn(context: Context): Run | undefined {
    this.drain()
    const detached = contextScope(context)?.run
    return this.#nodes.in(context)?.nearestRun() ?? (detached && this.#runs.find(detached.runId))
  }

  #close(node: SpanNode): void {
    this.#recogniser.close(node)
    node.end()
  }
}
