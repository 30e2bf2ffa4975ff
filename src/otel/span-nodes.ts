import { type Context, trace } from '@opentelemetry/api'
import { RecentMap } from './recent-map.js'
import type { SpanLike } from './span.js'
import { SpanNode } from './span-node.js'

/** Claimed spans that can be found by id, where a context carries but the ids of a parent. */
const MAX_SPANS_BY_ID = 8192

/** Where the nodes of spans are found: on the span itself, without a look-up, and freed with it. */
export class SpanNodes {
  readonly #key = Symbol('spanledger.node')
  readonly #byId = new RecentMap<string, SpanNode>(MAX_SPANS_BY_ID)

  /** @param context - none for a span that began before anyone listened */
  place(span: SpanLike, context: Context | undefined, parent: SpanNode | undefined): SpanNode {
    const node = new SpanNode(span, context, parent)
    const carrier = span as unknown as { [key: symbol]: SpanNode }
    carrier[this.#key] = node
    return node
  }

  /** Lets a node be found by id from now on. */
  remember(node: SpanNode): void {
    this.#byId.set(node.spanId, node)
  }

  on(span: object): SpanNode | undefined {
    return (span as { readonly [key: symbol]: SpanNode | undefined })[this.#key]
  }

  /** The node of the span that a context carries. */
  in(context: Context | undefined): SpanNode | undefined {
    const span = context && trace.getSpan(context)
    if (!span) return undefined
    const { spanId, traceId } = span.spanContext()
    return this.on(span) ?? this.byId(spanId, traceId) ?? this.wrapped(span, spanId)
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

  /** By both ids: span ids leave the process, and come back from whoever likes to send them. */
  byId(spanId: string | undefined, traceId: string): SpanNode | undefined {
    const node = spanId === undefined ? undefined : this.#byId.get(spanId)
    return node?.traceId === traceId ? node : undefined
  }
}
