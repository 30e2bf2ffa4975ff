import type { Attributes, HrTime, TimeInput } from '@opentelemetry/api'
import { toHrTime } from '../hr-time.js'
import type { OpenSpan, SpanEventLike, SpanLike } from '../span.js'
import { type AddEvent, EventCount } from './event-count.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'

type AttributesOrTime = Parameters<AddEvent>[1]

/** Takes the events of spans. */
export interface SpanEventListener {
  /** @param live - it is being added just now, in the active context */
  onEvent(node: SpanNode, span: SpanLike, event: SpanEventLike, live: boolean): void
  /** Events that the span has dropped before they were taken. */
  onLost(node: SpanNode, span: SpanLike, count: number): void
  /** Reports a problem in this code. It must not reach the caller who adds an event. */
  onProblem(problem: unknown): void
}

/** A call of `addEvent` that is over. */
interface Call {
  readonly span: SpanLike
  readonly node: SpanNode
  readonly count: EventCount
  readonly isTaken: boolean
}

/**
 * Takes the events that are added to spans, each once and in order.
 *
 *     span.addEvent() ──▶ ours ──▶ what the span had before, or its class's ──▶ span.events
 *                          │                                                       │
 *                          └── taken as handed in, while it happens                └── caught up on: what went past ours
 *
 * Other libraries wrap `addEvent` as well, inherit from spans, patch their class, or put things back. So the span's own
 * list is what counts: after each call, at the end of the span and now and then, what it holds beyond what was taken is
 * recorded from there; what it has dropped by then is counted.
 */
export class SpanEvents {
  readonly #nodes: SpanNodes
  readonly #listener: SpanEventListener
  readonly #ours: AddEvent
  /** `addEvent` of the classes of spans, as it was when the first span of each was watched. */
  readonly #ofClass = new WeakMap<object, AddEvent>()
  #lastClass: object | null = null
  #lastTaken: unknown = undefined

  constructor(nodes: SpanNodes, listener: SpanEventListener) {
    this.#nodes = nodes
    this.#listener = listener
    const events = this
    // One function for all spans: one for each would cost more than all else that a span of no agent kind costs.
    this.#ours = function addEvent(this: OpenSpan, name, attributesOrTime, time): unknown {
      return events.#call(this, name, attributesOrTime, time)
    }
  }

  /** Watches the span's events from now on. One that takes no other `addEvent` is caught up on. */
  watch(span: OpenSpan, node: SpanNode): void {
    const spanClass: object | null = Object.getPrototypeOf(span)
    if (spanClass !== this.#lastClass) this.#meet(spanClass)
    if (Object.hasOwn(span, 'addEvent')) node.countEvents(new EventCount(node.events?.taken, span.addEvent))
    try {
      span.addEvent = this.#ours
    } catch {
      this.#define(span)
    }
  }

  /** Counts the events that the span has had so far as taken. */
  skip(span: SpanLike, node: SpanNode): void {
    const total = totalOf(span)
    if (total !== (node.events?.taken ?? 0)) node.ownEvents.takeUpTo(total)
  }

  /** Takes the events that a span holds which began before anybody listened; those that it has dropped are nobody's. */
  takeUp(span: SpanLike, node: SpanNode): void {
    node.countEvents(new EventCount(span.droppedEventsCount))
    this.catchUp(span, node)
  }

  /** Takes the events that the span has had besides those that were taken. */
  catchUp(span: SpanLike, node: SpanNode): void {
    const missed = totalOf(span) - (node.events?.taken ?? 0)
    if (missed === 0) return
    this.skip(span, node)
    if (missed < 0) return
    const kept = span.events.slice(-missed)
    if (kept.length < missed) this.#listener.onLost(node, span, missed - kept.length)
    for (const event of kept) this.#listener.onEvent(node, span, event, false)
  }

  /** Tells whether the last event that was taken, on any span, has this very attributes object. */
  hasJustTaken(attributes: Attributes): boolean {
    return this.#lastTaken === attributes
  }

  #meet(spanClass: object | null): void {
    this.#lastClass = spanClass
    const method = (spanClass as OpenSpan | null)?.addEvent
    if (spanClass && typeof method === 'function' && !this.#ofClass.has(spanClass)) this.#ofClass.set(spanClass, method)
  }

  /** Defines the method on a span whose class does not allow assigning it. */
  #define(span: OpenSpan): void {
    try {
      Object.defineProperty(span, 'addEvent', {
        value: this.#ours,
        configurable: true,
        writable: true,
        enumerable: true,
      })
    } catch {
      // It is frozen.
    }
  }

  #call(receiver: OpenSpan, name: string, attributesOrTime: AttributesOrTime, time: TimeInput | undefined): unknown {
    const node = this.#nodes.on(receiver)
    const span = node?.span
    // Called by what we have called, it must not call that again.
    if (!node || !span || node.events?.isCalling)
      return this.#original(receiver).call(receiver, name, attributesOrTime, time)
    const count = this.#countOf(span, node)
    let isTaken = false
    count.startCall()
    try {
      const result = (count.before ?? this.#method(receiver)).call(receiver, name, attributesOrTime, time)
      isTaken = true
      return result
    } finally {
      count.endCall()
      this.#onCall({ span, node, count, isTaken }, name, attributesOrTime, time)
    }
  }

  /** Returns the count of the span's events, brought up to date first. */
  #countOf(span: SpanLike, node: SpanNode): EventCount {
    const count = node.ownEvents
    try {
      this.catchUp(span, node)
    } catch (problem) {
      this.#listener.onProblem(problem)
    }
    return count
  }

  /**
   * Takes the events that a call of `addEvent` added: the event as it was handed in, and any that
   * others add on the occasion. A span that keeps no events has had the event all the same.
   */
  #onCall(
    { span, node, count, isTaken }: Call,
    name: string,
    attributesOrTime: AttributesOrTime,
    time: TimeInput | undefined,
  ): void {
    try {
      const added = totalOf(span) - count.taken
      if (added <= 0 && !(isTaken && (span as OpenSpan).isRecording())) return
      count.add(Math.max(0, added))
      const attributes = isAttributes(attributesOrTime) ? attributesOrTime : {}
      const last = added > 0 ? span.events.at(-1) : undefined
      const given = { name, attributes, time: last?.time ?? timeOf(time ?? attributesOrTime) }
      if (added <= 1) this.#listener.onEvent(node, span, given, true)
      else this.#takeSeveral(span, node, added, given)
      this.#lastTaken = attributesOrTime
    } catch (problem) {
      this.#listener.onProblem(problem)
    }
  }

  #takeSeveral(span: SpanLike, node: SpanNode, added: number, given: SpanEventLike): void {
    const kept = span.events.slice(-added)
    if (kept.length < added) this.#listener.onLost(node, span, added - kept.length)
    const at = kept.findLastIndex(({ name }) => name === given.name)
    for (const [index, event] of kept.entries()) {
      this.#listener.onEvent(node, span, index === at ? { ...given, time: event.time } : event, true)
    }
  }

  /** The method that the span has by its class, which others may have patched since. */
  #method(receiver: OpenSpan): AddEvent {
    const method = (Object.getPrototypeOf(this.#nodes.carrier(receiver)) as OpenSpan | null)?.addEvent
    return typeof method === 'function' && method !== this.#ours ? method : this.#original(receiver)
  }

  /** The method that the span's class had when the first span of it came. */
  #original(receiver: OpenSpan): AddEvent {
    for (let above: object | null = receiver; above; above = Object.getPrototypeOf(above)) {
      const method = this.#ofClass.get(above)
      if (method) return method
    }
    return this.#ofClass.get(this.#lastClass as object) as AddEvent
  }
}

/** Events that the span has had. Dropped ones are counted by the SDKs, not by everything that looks like a span. */
export function totalOf({ events, droppedEventsCount }: SpanLike): number {
  return (events?.length ?? 0) + (droppedEventsCount ?? 0)
}

function isAttributes(value: AttributesOrTime): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function timeOf(time: AttributesOrTime): HrTime {
  return toHrTime(isAttributes(time) ? undefined : time)
}
