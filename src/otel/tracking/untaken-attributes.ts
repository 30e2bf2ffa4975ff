import type { AttributeValue } from '@opentelemetry/api'
import type { Convention } from '../conventions/contract.js'
import type { SpanLike } from '../span.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'
import { type SetAttribute, UntakenOfSpan } from './untaken-of-span.js'

interface SettableSpan extends SpanLike {
  setAttribute?: SetAttribute
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
    const attributes = this
    this.#ours = function setAttribute(key, value) {
      return attributes.#call(this as SettableSpan, key, value)
    }
  }

  /** Watches the attributes that are set from now on on a span that a convention knows. */
  watch(node: SpanNode, span: SpanLike, convention: Convention): void {
    const settable = span as SettableSpan
    if (node.untaken || typeof settable.setAttribute !== 'function') return
    const before = Object.hasOwn(settable, 'setAttribute') ? settable.setAttribute : undefined
    if (!before) this.#lastMethod = settable.setAttribute
    if (!this.#put(settable)) return
    node.holdUntaken(new UntakenOfSpan(this.#decisiveOf(convention), before))
  }

  /** Returns the span with what it has not taken. */
  wholeOf({ untaken }: SpanNode, span: SpanLike): SpanLike {
    return untaken ? untaken.completed(span) : span
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
    if (droppedBy(span) !== droppedBefore) untaken.hold(key, value, true)
    else if (untaken.decisive.has(key) && valueOn(span, key) !== value) untaken.hold(key, value, false)
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
