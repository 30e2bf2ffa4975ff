import { type Context, type SpanContext, trace } from '@opentelemetry/api'
import { randomId } from '../../events/random-id.js'
import { CallerClaims } from '../caller-claims.js'
import type { Outside } from '../outside.js'
import { RecentMap } from '../recent-map.js'
import { parentSpanIdOf, type SpanLike } from '../span.js'
import { notSuspended } from './run.js'
import { nextSerial, SpanNode } from './span-node.js'

/** Claimed spans that can be found by id, where a context carries but the ids of a parent. */
const MAX_SPANS_BY_ID = 8192
/** Spans whose ids went out with a request. */
const MAX_OUTGOING = 4096

/** Whom the processor trusts to say whose an event is: see the options of `AuditSpanProcessor`. */
export interface Trust {
  readonly trustRemoteParents: boolean
  readonly trustBaggage: boolean
}

/** Where the nodes of spans are found: on the span itself, without a look-up, and freed with it. */
export class SpanNodes {
  readonly callers: CallerClaims
  readonly #trustRemoteParents: boolean
  readonly #key = Symbol('spanledger.node')
  readonly #byId = new RecentMap<string, SpanNode>(MAX_SPANS_BY_ID)
  readonly #outgoing = new RecentMap<string, SpanNode>(MAX_OUTGOING)
  /**
   * Parents in other processes, by the ids that a context holds: all spans started in one request get the same parent.
   */
  readonly #outside = new WeakMap<SpanContext, Outside>()
  /** Nodes of spans that cannot take a property. Created when first needed. */
  #ofFrozen: WeakMap<object, SpanNode> | undefined = undefined

  constructor({ trustRemoteParents, trustBaggage }: Trust) {
    this.#trustRemoteParents = trustRemoteParents
    this.callers = new CallerClaims(trustBaggage)
  }

  /** @param context - none for a span that began before anyone listened */
  place(span: SpanLike, context: Context | undefined, parent: SpanNode | undefined): SpanNode {
    const outside = parent || parentSpanIdOf(span) === undefined ? undefined : this.#outsideOf(span, context)
    const node = new SpanNode({ span, context, parent, outside }, this.callers)
    try {
      const carrier = span as unknown as { [key: symbol]: SpanNode }
      carrier[this.#key] = node
    } catch {
      this.#ofFrozen ??= new WeakMap()
      this.#ofFrozen.set(span, node)
    }
    return node
  }

  /** Lets a node be found by id from now on. A span of the same ids that was found until now is replayed by it. */
  remember(node: SpanNode): void {
    const before = this.#byId.get(node.spanId)
    if (before !== node && before?.traceId === node.traceId) node.replayed = before
    this.#byId.set(node.spanId, node)
  }

  /** The span's ids go out with a request, so that they may come back as a caller's. */
  rememberOutgoing(node: SpanNode): void {
    this.#outgoing.set(node.spanId, node)
  }

  on(span: object): SpanNode | undefined {
    return (span as { readonly [key: symbol]: SpanNode | undefined })[this.#key] ?? this.#ofFrozen?.get(span)
  }

  /** The span itself, of an object that inherits from it. */
  carrier(heir: object): object {
    for (let above: object | null = heir; above; above = Object.getPrototypeOf(above)) {
      if (Object.hasOwn(above, this.#key)) return above
    }
    return heir
  }

  /** The node of the span that a context carries. */
  in(context: Context | undefined): SpanNode | undefined {
    const span = context && trace.getSpan(context)
    if (!span) return undefined
    const ids = span.spanContext()
    return this.on(span) ?? this.byIds(ids) ?? this.wrapped(span, ids.spanId)
  }

  /** The node of the span that a wrapper holds in one of its properties: what nobody has claimed has no other way. */
  wrapped(wrapper: object, spanId: string): SpanNode | undefined {
    for (const key of Object.keys(wrapper)) {
      const held = Object.getOwnPropertyDescriptor(wrapper, key)?.value as unknown
      const node = typeof held === 'object' && held !== null ? this.on(held) : undefined
      if (node?.spanId === spanId) return node
    }
    return undefined
  }

  /** The node of the span that handed out these ids. Equal ones count only where remote parents are trusted. */
  byIds(ids: SpanContext | undefined): SpanNode | undefined {
    const node = ids && this.#byId.get(ids.spanId)
    if (!node) return undefined
    if (node.hasIds(ids)) return node
    return this.#trustRemoteParents && node.traceId === ids.traceId ? node : undefined
  }

  /** The parent outside of this process that a context carries, if any. */
  outsideIn(context: Context | undefined): Outside | undefined {
    const ids = context && trace.getSpanContext(context)
    return ids && this.#outsideBy(ids, randomId())
  }

  #outsideOf(span: SpanLike, context: Context | undefined): Outside | undefined {
    const ids = span.parentSpanContext ?? (context && trace.getSpanContext(context))
    const { spanId, traceId } = span.spanContext()
    return this.#outsideBy(ids ?? { spanId: parentSpanIdOf(span) as string, traceId, traceFlags: 0 }, spanId)
  }

  /** @param firstHere - an id that was made in this process */
  #outsideBy(ids: SpanContext, firstHere: string): Outside | undefined {
    if (this.#trustRemoteParents) return undefined
    const known = this.#outside.get(ids)
    if (known) return known
    const parent = this.#byId.get(ids.spanId) ?? this.#outgoing.get(ids.spanId)
    const claimedParentRunId = parent?.traceId === ids.traceId ? notSuspended(parent.nearestRun())?.runId : undefined
    const outside = {
      serial: nextSerial(),
      sessionId: `${ids.traceId}-${firstHere}`,
      claimedParentRunId,
    }
    this.#outside.set(ids, outside)
    return outside
  }
}
