import type { Context, Span } from '@opentelemetry/api'
import { spanIn } from '../mirrored.js'
import { type OpenSpan, parentSpanIdOf } from '../span.js'
import type { SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'
import type { SpanRecogniser } from './span-recogniser.js'

/**
 * Finds the parent of a span that starts: by the span that the context carries or, where that is but a set of ids, by the very
 * object that the span handed out, since equal ids may come from a caller. A parent that began before anyone listened is taken
 * in with its first child, so that the child finds its run. A call that left this process and arrives in it again is below the
 * call: see `hops.ts`.
 */
export class ParentFinder {
  readonly #nodes: SpanNodes
  readonly #recogniser: SpanRecogniser
  readonly #adopt: (span: OpenSpan) => SpanNode | undefined

  /** @param parts.adopt - follows an open span that began before anyone listened */
  constructor(parts: {
    nodes: SpanNodes
    recogniser: SpanRecogniser
    adopt: (span: OpenSpan) => SpanNode | undefined
  }) {
    this.#nodes = parts.nodes
    this.#recogniser = parts.recogniser
    this.#adopt = parts.adopt
  }

  parentOf(span: OpenSpan, context: Context): SpanNode | undefined {
    return this.#parentHere(span, context) ?? this.#nodes.hops.senderOf(span)
  }

  #parentHere(span: OpenSpan, context: Context): SpanNode | undefined {
    // Attacker-controlled: ids of a parent and of links, which a caller may have sent; only the ids object of a span of this
    // process finds its node, unless `trustRemoteParents` is set.
    const parentId = parentSpanIdOf(span)
    if (parentId === undefined) return this.#nodes.linkedBy(span)
    const parent = spanIn(context) as (OpenSpan & Span) | undefined
    const ids = parent?.spanContext()
    if (!parent || ids?.spanId !== parentId) return this.#nodes.byIds(span.parentSpanContext)
    const known = this.#nodes.on(parent) ?? this.#nodes.byIds(ids)
    if (known || !parent.isRecording()) return known
    // A wrapper of the span: an unrecognised one is not found by its id.
    if (parent.attributes === undefined) {
      return this.#recogniser.unrecognisedWith(ids) ?? this.#nodes.wrapped(parent, parentId)
    }
    return this.#adopt(parent)
  }
}
