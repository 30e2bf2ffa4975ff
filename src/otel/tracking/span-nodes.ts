import { type Context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api'
import { randomId } from '../../events/random-id.js'
import { CallerClaims } from '../caller-claims.js'
import { spanIn } from '../mirrored.js'
import type { Outside } from '../outside.js'
import { RecentMap } from '../recent-map.js'
import type { ScopeNames } from '../scope-names.js'
import { parentSpanIdOf, type SpanLike } from '../span.js'
import { Hops } from './hops.js'
import { notSuspended } from './run.js'
import { nextSerial, type SpanEntry, SpanNode } from './span-node.js'

/** Claimed spans that can be found by id, where a context carries but the ids of a parent. */
const MAX_SPANS_BY_ID = 8192

/** Whom the processor trusts to say whose an event is: see the options of `AuditSpanProcessor`. */
export interface Trust {
  readonly trustRemoteParents: boolean
  readonly trustBaggage: boolean
  readonly scopeNames?: ScopeNames | undefined
}

/** Where the nodes of spans are found: on the span itself, without a look-up, and freed with it. */
export class SpanNodes {
  readonly callers: CallerClaims
  readonly #trustRemoteParents: boolean
  readonly #key = Symbol('spanledger.node')
  readonly #byId = new RecentMap<string, SpanNode>(MAX_SPANS_BY_ID)
  readonly hops = new Hops()
  /**
   * Parents in other processes, by the ids that a context holds: all spans started in one request get the same parent.
   */
  readonly #outside = new WeakMap<SpanContext, Outside>()
  /** Nodes of spans that cannot take a property. Created when first needed. */
  #ofFrozen: WeakMap<object, SpanNode> | undefined = undefined

  constructor({ trustRemoteParents, trustBaggage, scopeNames }: Trust) {
    this.#trustRemoteParents = trustRemoteParents
    this.callers = new CallerClaims(trustBaggage, scopeNames)
  }

  /** @param context - none for a span that began before anyone listened */
  place(span: SpanLike, context: Context | undefined, parent: SpanNode | undefined): SpanNode {
    const outside = parent || parentSpanIdOf(span) === undefined ? undefined : this.#outsideOf(span, context)
    return this.#enter({ span, context, parent, outside })
  }

  /** @param flow - identifies what was told together: spans without a parent may be inside one another */
  placeDelivered(span: SpanLike, parent: SpanNode | undefined, flow: string): SpanNode {
    const outside = parent || parentSpanIdOf(span) === undefined ? undefined : this.#outsideOf(span, ROOT_CONTEXT)
    return this.#enter({ span, context: ROOT_CONTEXT, parent, outside, flow })
  }

  /** The node of a span of which only the ids are known, from its child. */
  placeAwaited(span: SpanLike, child: SpanContext): SpanNode {
    const outside = this.#outsideBy(span.spanContext(), child.spanId)
    return this.#enter({ span, context: ROOT_CONTEXT, parent: undefined, outside, flow: '' })
  }

  #enter(entry: SpanEntry): SpanNode {
    const { span } = entry
    const node = new SpanNode(entry, this.callers)
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
    // Ids that are sent must not take those of a live span away.
    if (node.isDelivered && before) return
    if (before !== node && before?.traceId === node.traceId) node.replayed = before
    this.#byId.set(node.spanId, node)
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
    const span = context && spanIn(context)
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
    const node = ids && (this.#byId.get(ids.spanId) ?? (this.#trustRemoteParents ? this.hops.sentWith(ids) : undefined))
    if (!node) return undefined
    if (node.hasIds(ids)) return node
    return this.#trustRemoteParents && node.traceId === ids.traceId ? node : undefined
  }

  /** The node of a span of an agent that has these ids, whoever holds them. */
  knownBy({ spanId, traceId }: SpanContext): SpanNode | undefined {
    const node = this.#byId.get(spanId)
    return node?.traceId === traceId ? node : undefined
  }

  /** The node that a span without a parent names as its only link, by the ids object of that span, while its run is open. */
  linkedBy({ links }: SpanLike): SpanNode | undefined {
    const ids = links?.length === 1 ? links[0]?.context : undefined
    const node = ids && (this.#byId.get(ids.spanId) ?? this.hops.sentWith(ids))
    const run = node?.hasIds(ids) ? node.nearestRun() : undefined
    return run && !run.ended ? node : undefined
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
    const parent = this.#byId.get(ids.spanId) ?? this.hops.sentWith(ids)
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
