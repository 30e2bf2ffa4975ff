import { type Attributes, diag, type HrTime, type TimeInput } from '@opentelemetry/api'
import { toHrTime } from './hr-time.js'
import type { OpenSpan, SpanEventLike, SpanLike } from './span.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'

type AddEvent = OpenSpan['addEvent']
type Arguments = Parameters<AddEvent>

/** What is remembered of a span's events. */
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
    const call = (receiver: OpenSpan, args: Arguments): unknown => this.#call(receiver, args)
    // One function for all spans: one for each would cost more than all else that a span of no agent kind costs.
    this.#ours = function addEvent(this: OpenSpan, ...args: Arguments): unknown {
      return call(this, args)
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
  #skip(span: SpanLike, node: SpanNode): void {
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
    this.#skip(span, node)
    if (missed < 0) return
    const kept = span.events.slice(-missed)
    if (kept.length < missed) this.#listener.onLost(node, span, missed - kept.length)
    for (const event of kept) this.#listener.onEvent(node, span, event, false)
  }

  /** Whether an event with these very attributes was the last to be heard, whatever it was added to. */
  hasJustHeard(attributes: Attributes): boolean {
    return this.#lastHeard === attributes
  }

  #meet(spanClass: object | null): void {
    this.#lastClass = spanClass
    const method = (spanClass as OpenSpan | null)?.addEvent
    if (spanClass && typeof method === 'function' && !this.#ofClass.has(spanClass)) this.#ofClass.set(spanClass, method)
  }

  /** For classes whose method cannot be assigned over. */
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

  #call(receiver: OpenSpan, args: Arguments): unknown {
    const node = this.#nodes.on(receiver)
    const span = node?.span
    // Called by what we have called, it must not call that again.
    if (!node || !span || node.ear?.isCalling) return Reflect.apply(this.#original(receiver), receiver, args)
    node.ear ??= earOf(0, undefined)
    const { ear } = node
    this.#safely(() => this.catchUp(span, node))
    ear.isCalling = true
    let isTaken = false
    try {
      const result = Reflect.apply(ear.before ?? this.#method(receiver), receiver, args)
      isTaken = (span as OpenSpan).isRecording()
      return result
    } finally {
      ear.isCalling = false
      this.#safely(() => this.#onCall(span, node, args, isTaken))
    }
  }

  /**
   * What the span holds beyond what it held before the call was added by it: the event as it was handed in, and what
   * others add on the occasion. A span that keeps none has had the event all the same.
   */
  #onCall(span: SpanLike, node: SpanNode, args: Arguments, isTaken: boolean): void {
    const [name, attributesOrTime, time] = args
    const added = totalOf(span) - (node.ear?.heard ?? 0)
    if (added <= 0 && !isTaken) return
    this.#skip(span, node)
    const kept: readonly SpanEventLike[] = added > 0 ? span.events.slice(-added) : []
    const at = Math.max(
      0,
      kept.findLastIndex((event) => event.name === name),
    )
    const attributes = isAttributes(attributesOrTime) ? attributesOrTime : {}
    const given: SpanEventLike = {
      name,
      attributes,
      time: kept[at]?.time ?? timeOf(time ?? (attributesOrTime as TimeInput | undefined)),
    }
    if (added > Math.max(1, kept.length)) this.#listener.onLost(node, span, added - Math.max(1, kept.length))
    const events = kept.length === 0 ? [given] : kept.map((event, index) => (index === at ? given : event))
    for (const event of events) this.#listener.onEvent(node, span, event, true)
    this.#lastHeard = attributesOrTime
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

  /** What goes wrong here is no concern of whoever adds an event. */
  #safely(action: () => void): void {
    try {
      action()
    } catch (problem) {
      diag.error('spanledger:', problem)
    }
  }
}

function earOf(heard: number, before: AddEvent | undefined): Ear {
  return { heard, before, isCalling: false }
}

/** Events that the span has had. Dropped ones are counted by the SDKs, not by everything that looks like a span. */
export function totalOf({ events, droppedEventsCount }: SpanLike): number {
  return (events?.length ?? 0) + (droppedEventsCount ?? 0)
}

function isAttributes(value: Attributes | TimeInput | undefined): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function timeOf(time: TimeInput | Attributes | undefined): HrTime {
  return toHrTime(isAttributes(time as Attributes) ? undefined : (time as TimeInput | undefined))
}
