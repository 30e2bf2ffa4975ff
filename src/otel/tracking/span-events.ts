import type { Attributes, HrTime, TimeInput } from '@opentelemetry/api'
import { toHrTime } from '../hr-time.js'
import type { OpenSpan, SpanEventLike, SpanLike } from '../span.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'

type AddEvent = OpenSpan['addEvent']
type AttributesOrTime = Parameters<AddEvent>[1]

/** The record of the events of a span that have been heard. */
export interface Ear {
  /** Events that the span has had, those included that it has dropped, when it was last listened to. */
  heard: number
  /** The `addEvent` of its own that the span had before. */
  readonly before: AddEvent | undefined
  /** Its `addEvent` is being called. */
  isCalling: boolean
}

/** Takes what happened on a span. */
export interface SpanEventListener {
  /** @param live - it is being added just now, in the active context */
  onEvent(node: SpanNode, span: SpanLike, event: SpanEventLike, live: boolean): void
  /** Events that the span has dropped before anybody heard of them. */
  onLost(node: SpanNode, span: SpanLike, count: number): void
  /** Reports a problem in this code. It must not reach the caller who adds an event. */
  onProblem(problem: unknown): void
}

/** A call of `addEvent` that is over. */
interface Call {
  readonly span: SpanLike
  readonly node: SpanNode
  readonly ear: Ear
  readonly isTaken: boolean
}

/**
 * Hears the events that are added to spans, each once and in order.
 *
 *     span.addEvent() ──▶ ours ──▶ what the span had before, or its class's ──▶ span.events
 *                          │                                                       │
 *                          └── heard as handed in, while it happens                └── caught up on: what went past ours
 *
 * Other libraries wrap `addEvent` as well, inherit from spans, patch their class, or put things back. So the span's own
 * list is what counts: after each call, at the end of the span and now and then, what it holds beyond what was heard is
 * recorded from there; what it has dropped by then is counted.
 */
export class SpanEvents {
  readonly #nodes: SpanNodes
  readonly #listener: SpanEventListener
  readonly #ours: AddEvent
  /** `addEvent` of the classes of spans, as it was when the first span of each was heard. */
  readonly #ofClass = new WeakMap<object, AddEvent>()
  #lastClass: object | null = null
  #lastHeard: unknown = undefined

  constructor(nodes: SpanNodes, listener: SpanEventListener) {
    this.#nodes = nodes
    this.#listener = listener
    const events = this
    // One function for all spans: one for each would cost more than all else that a span of no agent kind costs.
    this.#ours = function addEvent(this: OpenSpan, name, attributesOrTime, time): unknown {
      return events.#call(this, name, attributesOrTime, time)
    }
  }

  /** Hears the span's events from now on. One that takes no other `addEvent` is caught up on. */
  hear(span: OpenSpan, node: SpanNode): void {
    const spanClass: object | null = Object.getPrototypeOf(span)
    if (spanClass !== this.#lastClass) this.#meet(spanClass)
    if (Object.hasOwn(span, 'addEvent')) node.ear = earOf(node.ear?.heard ?? 0, span.addEvent)
    try {
      span.addEvent = this.#ours
    } catch {
      this.#define(span)
    }
  }

  /** Takes the events that the span has had so far as heard. */
  skip(span: SpanLike, node: SpanNode): void {
    const total = totalOf(span)
    if (total === (node.ear?.heard ?? 0)) return
    node.ear ??= earOf(0, undefined)
    node.ear.heard = total
  }

  /** Tells of the events that a span holds which began before anybody listened; those that it has dropped are nobody's. */
  takeUp(span: SpanLike, node: SpanNode): void {
    node.ear = earOf(span.droppedEventsCount ?? 0, undefined)
    this.catchUp(span, node)
  }

  /** Tells of the events that the span has had besides those that were heard. */
  catchUp(span: SpanLike, node: SpanNode): void {
    const missed = totalOf(span) - (node.ear?.heard ?? 0)
    if (missed === 0) return
    this.skip(span, node)
    if (missed < 0) return
    const kept = span.events.slice(-missed)
    if (kept.length < missed) this.#listener.onLost(node, span, missed - kept.length)
    for (const event of kept) this.#listener.onEvent(node, span, event, false)
  }

  /** Tells whether the last event that was heard, on any span, has this very attributes object. */
  hasJustHeard(attributes: Attributes): boolean {
    return this.#lastHeard === attributes
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
    if (!node || !span || node.ear?.isCalling)
      return this.#original(receiver).call(receiver, name, attributesOrTime, time)
    const ear = this.#earAt(span, node)
    let isTaken = false
    ear.isCalling = true
    try {
      const result = (ear.before ?? this.#method(receiver)).call(receiver, name, attributesOrTime, time)
      isTaken = true
      return result
    } finally {
      ear.isCalling = false
      this.#onCall({ span, node, ear, isTaken }, name, attributesOrTime, time)
    }
  }

  /** Returns the record of the span's heard events, brought up to date first. */
  #earAt(span: SpanLike, node: SpanNode): Ear {
    node.ear ??= earOf(0, undefined)
    try {
      this.catchUp(span, node)
    } catch (problem) {
      this.#listener.onProblem(problem)
    }
    return node.ear
  }

  /**
   * Tells the listener about the events that a call of `addEvent` added: the event as it was handed in, and any that
   * others add on the occasion. A span that keeps no events has had the event all the same.
   */
  #onCall(
    { span, node, ear, isTaken }: Call,
    name: string,
    attributesOrTime: AttributesOrTime,
    time: TimeInput | undefined,
  ): void {
    try {
      const added = totalOf(span) - ear.heard
      if (added <= 0 && !(isTaken && (span as OpenSpan).isRecording())) return
      ear.heard += Math.max(0, added)
      const attributes = isAttributes(attributesOrTime) ? attributesOrTime : {}
      const last = added > 0 ? span.events.at(-1) : undefined
      const given = { name, attributes, time: last?.time ?? timeOf(time ?? attributesOrTime) }
      if (added <= 1) this.#listener.onEvent(node, span, given, true)
      else this.#tellSeveral(span, node, added, given)
      this.#lastHeard = attributesOrTime
    } catch (problem) {
      this.#listener.onProblem(problem)
    }
  }

  #tellSeveral(span: SpanLike, node: SpanNode, added: number, given: SpanEventLike): void {
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

function earOf(heard: number, before: AddEvent | undefined): Ear {
  return { heard, before, isCalling: false }
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
