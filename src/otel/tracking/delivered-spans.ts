import { ROOT_CONTEXT, type SpanContext } from '@opentelemetry/api'
import type { SpanEventLike, SpanLike } from '../span.js'
import type { EventRecorder } from './event-recorder.js'
import type { SpanEvents } from './span-events.js'
import type { SpanNodes } from './span-nodes.js'
import type { SpanRecogniser } from './span-recogniser.js'
import type { SpanRecorder } from './span-recorder.js'

export interface DeliveredSpansParts {
  readonly nodes: SpanNodes
  readonly recogniser: SpanRecogniser
  readonly spans: SpanRecorder
  readonly events: SpanEvents
  readonly recorder: EventRecorder
  /** Ends a span that is followed. */
  readonly end: (span: SpanLike) => void
}

/** Follows spans that are delivered after their end, which another process has made, or this one. */
export class DeliveredSpans {
  readonly #parts: DeliveredSpansParts

  constructor(parts: DeliveredSpansParts) {
    this.#parts = parts
  }

  /** Tells whether the span is of an agent, followed live or delivered. */
  knows(ids: SpanContext): boolean {
    return this.#parts.nodes.knownBy(ids) !== undefined
  }

  /** Tells whether this very span was followed live, and is of an agent. */
  hasSeenLive(ids: SpanContext): boolean {
    return this.#parts.nodes.knownBy(ids)?.isDelivered === false
  }

  /** Tells whether this very span is that of a run which was given up here, and whose end nobody has delivered. */
  hasGivenUp(ids: SpanContext): boolean {
    return this.#parts.nodes.knownBy(ids)?.run?.end.isGuessed ?? false
  }

  /** A delivered span starts. @param parent - delivered as well, or awaited */
  start(span: SpanLike, parent: SpanLike | undefined, flow: string): void {
    const { nodes, recogniser } = this.#parts
    const enclosing = parent ? nodes.on(parent) : nodes.byIds(span.parentSpanContext)
    const awaited = nodes.on(span)
    if (awaited) awaited.arrive(span, enclosing)
    const node = awaited ?? nodes.enterDelivered(span, enclosing, flow)
    if (!recogniser.look(node, span, 'start')) recogniser.look(node, span, 'microtask')
  }

  /** The children of a delivered span have come before it. */
  waitFor(parent: SpanLike, child: SpanContext): void {
    this.#parts.nodes.enterAwaited(parent, child)
  }

  /** An event is added to a delivered span. */
  addEvent(span: SpanLike, { name, attributes = {}, time }: SpanEventLike): void {
    const { nodes, events, recorder } = this.#parts
    const node = nodes.on(span)
    if (node) events.skip(span, node)
    recorder.record({ name, attributes, time, context: ROOT_CONTEXT, carrier: span })
  }

  /** A delivered span ends. @param lostEvents - those that its SDK dropped */
  end(span: SpanLike, lostEvents: number): void {
    const { nodes, recogniser, recorder } = this.#parts
    const node = nodes.on(span)
    if (node && lostEvents > 0 && recogniser.mayKnow(span)) recorder.recordLoss(node, span, lostEvents)
    this.#parts.end(span)
  }

  /** The end of a span is delivered whose run was given up here. */
  endGivenUp(span: SpanLike): void {
    const { nodes, recogniser, spans } = this.#parts
    const node = nodes.knownBy(span.spanContext())
    const { recognition, run } = node ?? {}
    if (!node || !recognition || !run?.end.isGuessed) return
    spans.correct(run, { node, recognition, span }, recogniser.conclude(node, recognition, span))
  }
}
