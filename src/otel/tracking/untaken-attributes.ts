import type { AttributeValue } from '@opentelemetry/api'
import type { Convention } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'

/** Attributes of one span that are held beside it. */
const MAX_HELD = 512
/** Longer texts are content, but for those that a convention names as decisive. */
const MAX_TEXT = 256

type SetAttribute = (this: unknown, key: string, value: AttributeValue) => unknown

interface SettableSpan extends SpanLike {
  setAttribute?: SetAttribute
}

interface Held {
  readonly values: Map<string, AttributeValue>
  /** How many of them the span has dropped; it has cut the others. */
  dropped: number
}

/**
 * Holds what the SDK does not take from an agent's span while it is open: what is set last, such as the tokens after a long
 * history, is what the limit of attributes drops; and texts that tell how something ended are cut. Held until the span has ended.
 */
export class UntakenAttributes {
  readonly #held = new WeakMap<object, Held>()

  /** Listens to the attributes that are set from now on on a span that a convention has claimed. */
  hear(span: SpanLike, { decisive }: Convention): void {
    const settable = span as SettableSpan
    if (typeof settable.setAttribute !== 'function' || this.#held.has(span)) return
    const held: Held = { values: new Map(), dropped: 0 }
    const keys = new Set(Object.values(decisive ?? {}).flat())
    const before = Object.hasOwn(settable, 'setAttribute') ? settable.setAttribute : undefined
    const value: SetAttribute = function setAttribute(key, value) {
      const droppedBefore = droppedBy(span)
      const method: SetAttribute = before ?? Object.getPrototypeOf(span).setAttribute
      const result = method.call(this, key, value)
      if (droppedBy(span) !== droppedBefore) hold(held, key, value, true)
      else if (keys.has(key) && valueOn(span, key) !== value) hold(held, key, value, false)
      return result
    }
    try {
      Object.defineProperty(span, 'setAttribute', { value, configurable: true, writable: true, enumerable: true })
      this.#held.set(span, held)
    } catch {
      // It is frozen.
    }
  }

  /** Returns the span with what it has not taken. */
  wholeOf(span: SpanLike): SpanLike {
    const held = this.#held.get(span)
    return held?.values.size ? withAttributes(span, held) : span
  }
}

/* What a span answers must not reach the caller who sets an attribute. */

function droppedBy(span: SpanLike): number {
  try {
    return span.droppedAttributesCount ?? 0
  } catch {
    return 0
  }
}

function valueOn(span: SpanLike, key: string): unknown {
  try {
    return span.attributes[key]
  } catch {
    return undefined
  }
}

function hold(held: Held, key: unknown, value: unknown, isDropped: boolean): void {
  if (typeof key !== 'string' || !isHoldable(value, isDropped)) return
  // Counts are few; what else comes is bounded.
  if (typeof value !== 'number' && held.values.size >= MAX_HELD && !held.values.has(key)) return
  if (isDropped && !held.values.has(key)) held.dropped++
  held.values.set(key, value)
}

function isHoldable(value: unknown, isDropped: boolean): value is AttributeValue {
  if (typeof value === 'string') return !isDropped || value.length <= MAX_TEXT
  return typeof value === 'number' || typeof value === 'boolean'
}

/** Plain, since a span of another class may not bear being inherited from. */
function withAttributes(span: SpanLike, { values, dropped }: Held): SpanLike {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    parentSpanContext: span.parentSpanContext,
    startTime: span.startTime,
    endTime: span.endTime,
    status: span.status,
    attributes: { ...span.attributes, ...Object.fromEntries(values) },
    droppedAttributesCount: Math.max(0, (span.droppedAttributesCount ?? 0) - dropped),
    events: span.events,
    droppedEventsCount: span.droppedEventsCount,
    resource: span.resource,
    instrumentationScope: scopeOf(span),
  }
}
