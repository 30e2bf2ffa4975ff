import type { AttributeValue } from '@opentelemetry/api'
import { type SpanLike, scopeOf } from '../span.js'

/** Attributes of one span that are held beside it. */
const MAX_HELD = 512
/** Longer texts are content, but for those that a convention names as decisive. */
const MAX_TEXT = 256

export type SetAttribute = (this: unknown, key: string, value: AttributeValue) => unknown

/** The attributes that one span has not taken: those that it has dropped, and those that it has cut. */
export class UntakenOfSpan {
  /** Attributes of which a cut text is held whole. */
  readonly decisive: ReadonlySet<string>
  /** The `setAttribute` of its own that the span had before. */
  readonly before: SetAttribute | undefined
  /** `undefined` while the span has taken all. */
  #values: Map<string, AttributeValue> | undefined = undefined
  /** The number of them that the span has dropped; it has cut the others. */
  #dropped = 0

  constructor(decisive: ReadonlySet<string>, before: SetAttribute | undefined) {
    this.decisive = decisive
    this.before = before
  }

  hold(key: unknown, value: unknown, isDropped: boolean): void {
    if (typeof key !== 'string' || !isHoldable(value, isDropped)) return
    this.#values ??= new Map()
    const values = this.#values
    // Counts are few; what else comes is bounded.
    if (typeof value !== 'number' && values.size >= MAX_HELD && !values.has(key)) return
    if (isDropped && !values.has(key)) this.#dropped++
    values.set(key, value)
  }

  /** Returns the span with what it has not taken. */
  completed(span: SpanLike): SpanLike {
    return this.#values ? withAttributes(span, this.#values, this.#dropped) : span
  }
}

function isHoldable(value: unknown, isDropped: boolean): value is AttributeValue {
  if (typeof value === 'string') return !isDropped || value.length <= MAX_TEXT
  return typeof value === 'number' || typeof value === 'boolean'
}

/** Plain, since a span of another class may not bear being inherited from. */
function withAttributes(span: SpanLike, values: ReadonlyMap<string, AttributeValue>, dropped: number): SpanLike {
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
