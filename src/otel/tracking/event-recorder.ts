import { type Attributes, type Context, type HrTime, ROOT_CONTEXT } from '@opentelemetry/api'
import { type ClaimedScope, type EventSource, timestampFromHrTime } from '../../events/index.js'
import { contextScope } from '../../record/context.js'
import { activeContext } from '../../record/flow.js'
import { partFacts } from '../caller-claims.js'
import type { Convention, Fact, TelemetryEvent } from '../conventions/contract.js'
import { isEarlier } from '../hr-time.js'
import { type InstrumentationScope, type LogOrigin, type SpanEventLike, type SpanLike, scopeOf } from '../span.js'
import type { Ask } from './ask.js'
import { type Emitter, sourceOf, withLibrary } from './emitter.js'
import { type EventReports, eventNameOf } from './event-reports.js'
import type { FactRecorder } from './fact-recorder.js'
import type { RunBook } from './run-book.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'
import type { SpanRecogniser } from './span-recogniser.js'
import type { SpanRecorder } from './span-recorder.js'
import { readTime } from './span-times.js'
import type { Suppressions } from './suppressions.js'

/** Marks events that `spanledger/record` reports where no span carries them. */
export const BY_HAND: InstrumentationScope = Object.freeze({ name: 'spanledger/record' })

/** An event as it was added to a span, or logged. */
export interface GivenEvent {
  readonly name: string
  readonly attributes: Attributes
  readonly time: HrTime
  readonly context: Context | undefined
  /** The span that it was added to, or the origin of the log record. */
  readonly carrier: SpanLike | LogOrigin
}

export interface EventRecorderParts {
  readonly nodes: SpanNodes
  readonly recogniser: SpanRecogniser
  readonly ask: Ask
  readonly emitter: Emitter
  readonly runs: RunBook
  readonly facts: FactRecorder
  readonly reports: EventReports
  readonly spans: SpanRecorder
  readonly suppressions: Suppressions
  /** Tells whether there is a listener. */
  readonly isRecording: () => boolean
  /** Tells whether auditing is on in a context. */
  readonly isOnIn: (context: Context) => boolean
  /** Returns the time at which listening began. */
  readonly since: () => HrTime
  readonly nowMillis: () => number
}

/** Records what conventions read in events: those added to spans, log records, and calls of `record*`. */
export class EventRecorder {
  readonly #parts: EventRecorderParts

  constructor(parts: EventRecorderParts) {
    this.#parts = parts
  }

  record({ name: given, attributes, time, context, carrier }: GivenEvent): void {
    const { nodes, recogniser, runs, facts: recorder, reports, spans } = this.#parts
    const name = eventNameOf(given, attributes)
    const span = 'spanContext' in carrier ? carrier : undefined
    const node = span ? nodes.on(span) : nodes.in(context)
    if (node?.span && !node.recognition) recogniser.look(node, node.span, 'microtask')
    const scope: LogOrigin = span ? scopeOf(span) : (carrier as LogOrigin)
    const detached = context && contextScope(context)?.run
    const run = node?.nearestRun() ?? (detached && runs.find(detached.runId))
    const event = { name, attributes, scope, activity: node?.recognition?.activity, runState: run?.state }
    let convention = span && node?.recognition?.convention
    let facts = this.#translate(convention, event)
    if (!facts?.length) {
      // An event that the span's own convention does not know may be one of another.
      convention = recorder.reader(name, scope.name)
      if (convention && reports.read(convention, event, { time, context, span, scope })) return
      facts = this.#translate(convention, event)
    }
    if (!convention || !facts?.length) return
    const source = withLibrary(eventSource(convention, span, scope), name, attributes)
    const remoteParent = node ? undefined : nodes.remoteParentIn(context)
    const { time: at, isMended } = readTime(time, this.#parts.nowMillis())
    const origin = { run, node, context, source, remoteParent, isTimeMended: isMended }
    const isLogged = !span && carrier !== BY_HAND
    for (const stated of facts) {
      const named = span ? stated : this.#withNamedScope(stated, attributes)
      const { fact, claims } = isLogged ? this.#withoutClaims(named, attributes, context) : { fact: named }
      recorder.record(
        run || !detached ? fact : { ...fact, scope: { ...detached, ...fact.scope } },
        at,
        claims ? { ...origin, claims } : origin,
      )
    }
    spans.touch(run)
  }

  /** @param isLive - the event is being added just now, in the active context */
  recordOfSpan(node: SpanNode, span: SpanLike, { name, attributes = {}, time }: SpanEventLike, isLive: boolean): void {
    if (node.record?.skipEvent()) return
    const { isRecording, isOnIn, since, suppressions } = this.#parts
    const isFromBefore = !isLive && (node.context === undefined || isEarlier(span.startTime, since()))
    if (!isRecording() || (isFromBefore && isEarlier(time, since()))) return
    const context = isLive ? activeContext() : node.context
    if (isOnIn(context ?? ROOT_CONTEXT)) this.record({ name, attributes, time, context, carrier: span })
    else suppressions.addEvent(context ?? ROOT_CONTEXT, node.nearestRun())
  }

  /** Records that so many events went past the hook, for which the span has no room any more. */
  recordLoss(node: SpanNode, span: SpanLike, count: number): void {
    if (!this.#parts.isRecording()) return
    const from = timestampFromHrTime(span.startTime)
    const to = span.events[0] ? timestampFromHrTime(span.events[0].time) : from
    const data = { count, reason: 'span_limit', from, to }
    this.#parts.emitter.state({ type: 'events_dropped', data }, node.nearestRun())
  }

  /** Adds the scope that attributes name by the application's own names. */
  #withNamedScope(fact: Fact, attributes: Attributes): Fact {
    const { names } = this.#parts.nodes.callers
    return names ? { ...fact, scope: { ...fact.scope, ...names.scopeIn(attributes) } } : fact
  }

  /** A log record may have attributes that a processor has copied from the baggage of a caller. */
  #withoutClaims(
    fact: Fact,
    attributes: Attributes,
    context: Context | undefined,
  ): { readonly fact: Fact; readonly claims?: ClaimedScope | undefined } {
    const baggage = context && this.#parts.nodes.callers.read(context).baggage
    if (!baggage || !fact.scope) return { fact }
    const { own, claims } = partFacts(fact.scope, attributes, baggage, { own: undefined, enclosing: undefined })
    return { fact: { ...fact, scope: own }, claims }
  }

  #translate(convention: Convention | undefined, event: TelemetryEvent): readonly Fact[] | undefined {
    return convention?.translate && this.#parts.ask(() => convention.translate?.(event))
  }
}

function eventSource({ name }: Convention, span: SpanLike | undefined, scope: LogOrigin): EventSource {
  return span ? sourceOf(name, span) : { convention: name, scope: scope.name, scopeVersion: scope.version }
}
