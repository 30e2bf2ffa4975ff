import type { AttributeValue } from '@opentelemetry/api'
import type { Convention } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'

/** Attributes of one span that are held beside it. */
const MAX_HELD = 512
/** Longer texts are content, but for those that a convention names as decisive. */
const MAX_TEXT = 256

type SetAttribute = (this: unknown, key: string, value: AttributeValue) => unknown

interface SettableSpan extends SpanLike {
  setAttribute?: SetAttribute
}

/** The attributes that a span has not taken. */
export interface Untaken {
  /** Attributes of which a cut text is held whole. */
  readonly decisive: ReadonlySet<string>
  /** The `setAttribute` of its own that the span had before. */
  readonly before: SetAttribute | undefined
  /** `undefined` while the span has taken all. */
  values: Map<string, AttributeValue> | undefined
  /** The number of them that the span has dropped; it has cut the others. */
  dropped: number
}

/**
 * Holds what the SDK does not take from an agent's span while it is open: what is set last, such as the tokens after a long
 * history, is what the limit of attributes drops; and texts that tell how something ended are cut. Held until the span has ended.
 */
export class UntakenAttributes {
  readonly #nodes: SpanNodes
  /** One function for all spans, as for events. */
  readonly #ours: SetAttribute
  readonly #decisive = new WeakMap<Convention, ReadonlySet<string>>()
  /** The method of the last class of spans. */
  #lastMethod: SetAttribute | undefined = undefined

  constructor(nodes: SpanNodes) {
    this.#nodes = nodes
    const untaken = this
    this.#ours = function setAttribute(key, value) {
      return untaken.#call(this as SettableSpan, key, value)
    }
  }

  /** Listens to the attributes that are set from now on on a span that a convention has claimed. */
  hear(node: SpanNode, span: SpanLike, convention: Convention): void {
    const settable = span as SettableSpan
    if (node.untaken || typeof settable.setAttribute !== 'function') return
    const before = Object.hasOwn(settable, 'setAttribute') ? settable.setAttribute : undefined
    if (!before) this.#lastMethod = settable.setAttribute
    if (!this.#put(settable)) return
    node.untaken = { decisive: this.#decisiveOf(convention), before, values: undefined, dropped: 0 }
  }

  /** Returns the span with what it has not taken. */
  wholeOf({ untaken }: SpanNode, span: SpanLike): SpanLike {
    return untaken?.values ? withAttributes(span, untaken.values, untaken.dropped) : span
  }

  /** @returns whether the span can take a method of its own */
  #put(span: SettableSpan): boolean {
    try {
      span.setAttribute = this.#ours
    } catch {
      // Its class does not allow assigning it.
    }
    if (span.setAttribute === this.#ours) return true
    const method = { value: this.#ours, configurable: true, writable: true, enumerable: true }
    return Reflect.defineProperty(span, 'setAttribute', method)
  }

  #decisiveOf(convention: Convention): ReadonlySet<string> {
    const known = this.#decisive.get(convention)
    if (known) return known
    const keys = new Set(Object.values(convention.decisive ?? {}).flat())
    this.#decisive.set(convention, keys)
    return keys
  }

  #call(receiver: SettableSpan, key: string, value: AttributeValue): unknown {
    const node = this.#nodes.on(receiver)
    const span = node?.span
    const untaken = node?.untaken
    const method = untaken?.before ?? this.#method(span ?? this.#nodes.carrier(receiver))
    if (!span || !untaken) return method.call(receiver, key, value)
    const droppedBefore = droppedBy(span)
    const result = method.call(receiver, key, value)
    if (droppedBy(span) !== droppedBefore) hold(untaken, key, value, true)
    else if (untaken.decisive.has(key) && valueOn(span, key) !== value) hold(untaken, key, value, false)
    return result
  }

  /** The method that a span has by its class, which others may have patched since. */
  #method(span: object): SetAttribute {
    const method = (Object.getPrototypeOf(span) as Partial<SettableSpan> | null)?.setAttribute
    return typeof method === 'function' && method !== this.#ours ? method : (this.#lastMethod as SetAttribute)
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

function hold(untaken: Untaken, key: unknown, value: unknown, isDropped: boolean): void {
  if (typeof key !== 'string' || !isHoldable(value, isDropped)) return
  untaken.values ??= new Map()
  const { values } = untaken
  // Counts are few; what else comes is bounded.
  if (typeof value !== 'number' && values.size >= MAX_HELD && !values.has(key)) return
  if (isDropped && !values.has(key)) untaken.dropped++
  values.set(key, value)
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
