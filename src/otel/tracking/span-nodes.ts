import { type Context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api'
import { randomId } from '../../events/random-id.js'
import { CallerClaims } from '../caller-claims.js'
import { spanIn } from '../mirrored.js'
import { RecentMap } from '../recent-map.js'
import type { ScopeNames } from '../scope-names.js'
import { parentSpanIdOf, type SpanLike } from '../span.js'
import { Hops } from './hops.js'
import type { RemoteParent } from './remote-parent.js'
import { notSuspended } from './run.js'
import { nextSerial } from './serial.js'
import { type SpanEntry, SpanNode } from './span-node.js'

/** Recognised spans that can be found by id, where a context carries but the ids of a parent. */
const MAX_SPANS_BY_ID = 8192

/** The callers that may name the scope of an event: see the options of `AuditSpanProcessor`. */
export interface Trust {
  readonly trustRemoteParents: boolean
  readonly trustBaggage: boolean
  readonly scopeNames?: ScopeNames | undefined
}

/** Finds the nodes of spans: each hangs on its span, so that it needs no look-up and is freed with the span. */
export class SpanNodes {
  readonly callers: CallerClaims
  readonly #trustRemoteParents: boolean
  readonly #key = Symbol('spanledger.node')
  readonly #byId = new RecentMap<string, SpanNode>(MAX_SPANS_BY_ID)
  readonly hops = new Hops()
  /**
   * Parents in other processes, by the ids that a context holds: all spans started in one request get the same parent.
   */
  readonly #remoteParents = new WeakMap<SpanContext, RemoteParent>()
  /** Nodes of spans that cannot take a property. Created when first needed. */
  #ofFrozen: WeakMap<object, SpanNode> | undefined = undefined

  constructor({ trustRemoteParents, trustBaggage, scopeNames }: Trust) {
    this.#trustRemoteParents = trustRemoteParents
    this.callers = new CallerClaims(trustBaggage, scopeNames)
  }

  /** @param context - none for a span that began before anyone listened */
  enter(span: SpanLike, context: Context | undefined, parent: SpanNode | undefined): SpanNode {
    const remoteParent = parent || parentSpanIdOf(span) === undefined ? undefined : this.#remoteParentOf(span, context)
    return this.#create({ span, context, parent, remoteParent })
  }

  /** @param flow - identifies what was delivered together: spans without a parent may be inside one another */
  enterDelivered(span: SpanLike, parent: SpanNode | undefined, flow: string): SpanNode {
    const remoteParent =
      parent || parentSpanIdOf(span) === undefined ? undefined : this.#remoteParentOf(span, ROOT_CONTEXT)
    return this.#create({ span, context: ROOT_CONTEXT, parent, remoteParent, flow })
  }

  /** The node of a span of which only the ids are known, from its child. */
  enterAwaited(span: SpanLike, child: SpanContext): SpanNode {
    const remoteParent = this.#remoteParentBy(span.spanContext(), child.spanId)
    return this.#create({ span, context: ROOT_CONTEXT, parent: undefined, remoteParent, flow: '' })
  }

  #create(entry: SpanEntry): SpanNode {
    const { span } = entry
    const node = new SpanNode(entry, this.callers)
    try {
      const carrier = span as SpanLike & { [key: symbol]: SpanNode }
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
    if (before !== node && before?.traceId === node.traceId) node.replay(before)
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

  /** The node of the span that a wrapper holds in one of its properties: an unrecognised one has no other way. */
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
    return run && !run.hasEnded ? node : undefined
  }

  /** The parent outside of this process that a context carries, if any. */
  remoteParentIn(context: Context | undefined): RemoteParent | undefined {
    const ids = context && trace.getSpanContext(context)
    return ids && this.#remoteParentBy(ids, randomId())
  }

  #remoteParentOf(span: SpanLike, context: Context | undefined): RemoteParent | undefined {
    // Attacker-controlled: ids of a parent, from a `traceparent` header; see `RemoteParent`.
    const ids = span.parentSpanContext ?? (context && trace.getSpanContext(context))
    const { spanId, traceId } = span.spanContext()
    return this.#remoteParentBy(ids ?? { spanId: parentSpanIdOf(span) as string, traceId, traceFlags: 0 }, spanId)
  }

  /** @param firstHere - an id that was made in this process */
  #remoteParentBy(ids: SpanContext, firstHere: string): RemoteParent | undefined {
    if (this.#trustRemoteParents) return undefined
    const known = this.#remoteParents.get(ids)
    if (known) return known
    const parent = this.#byId.get(ids.spanId) ?? this.hops.sentWith(ids)
    const claimedParentRunId = parent?.traceId === ids.traceId ? notSuspended(parent.nearestRun())?.runId : undefined
    const remoteParent = {
      serial: nextSerial(),
      sessionId: `${ids.traceId}-${firstHere}`,
      claimedParentRunId,
    }
    this.#remoteParents.set(ids, remoteParent)
    return remoteParent
  }
}
