import type { Context } from '@opentelemetry/api'
import type { Activity, Convention, ScopeFacts } from './conventions/contract.js'
import type { Run } from './run.js'
import { type ResolvedScope, resolveScope, scopeFromAttributes, scopeFromContext } from './scope.js'
import { type OpenSpan, parentSpanIdOf, type SpanLike } from './span.js'

/** A convention's word on what a span is. */
export interface Claim {
  readonly convention: Convention
  readonly activity: Activity
}

const NOTHING: ScopeFacts = Object.freeze({})

/**
 * One span in the tree of those that are open, or have open descendants. A node keeps its parent alive, never its
 * children, so what has ended is freed with the last span below it.
 */
export class SpanNode {
  readonly spanId: string
  readonly traceId: string
  readonly parentSpanId: string | undefined
  readonly parent: SpanNode | undefined
  /** Let go when the span has ended. */
  span: OpenSpan | SpanLike | undefined
  #claim: Claim | undefined = undefined
  /** The run that this span is. */
  run: Run | undefined = undefined
  /** Of a tool call: told at its start, so that its end carries the same. */
  callId: string | undefined = undefined
  /** Tokens below (or at) this span are already counted. */
  usageCounted = false
  #context: Context | undefined
  #contextScope: ScopeFacts | undefined = undefined
  #scope: ResolvedScope | undefined = undefined
  /** What the span's own attributes and its convention say of its scope, as far as it is known. */
  #explicit: ScopeFacts = NOTHING

  constructor(span: OpenSpan | SpanLike, context: Context | undefined, parent: SpanNode | undefined) {
    const { spanId, traceId } = span.spanContext()
    this.spanId = spanId
    this.traceId = traceId
    this.parentSpanId = parentSpanIdOf(span)
    this.parent = parent
    this.span = span
    this.#context = context
  }

  get claim(): Claim | undefined {
    return this.#claim
  }

  /** A convention has told what the span is. */
  claimAs(claim: Claim): void {
    this.#claim = claim
    const named = this.span ? scopeFromAttributes(this.span.attributes) : NOTHING
    this.#explicit = { ...named, ...definedOnly(claim.activity.scope ?? NOTHING) }
    this.#scope = undefined
  }

  /** The run id, and that of the run around it, where attributes name them. */
  get explicitScope(): ScopeFacts {
    return this.#explicit
  }

  get context(): Context | undefined {
    return this.#context
  }

  /** The run this span belongs to: its own, or that of the nearest ancestor which is one. */
  nearestRun(): Run | undefined {
    for (let node: SpanNode | undefined = this; node; node = node.parent) if (node.run) return node.run
    return undefined
  }

  /** The nearest ancestor that a convention claimed. */
  claimedParent(): SpanNode | undefined {
    let node = this.parent
    while (node && !node.claim) node = node.parent
    return node
  }

  isWithin(ancestor: SpanNode): boolean {
    for (let node: SpanNode | undefined = this; node; node = node.parent) if (node === ancestor) return true
    return false
  }

  /** Scope that came to light after the span was claimed. A run whose session was only derived takes it on. */
  learnScope(facts: ScopeFacts): void {
    this.#explicit = { ...this.#explicit, ...definedOnly(facts) }
    this.#scope = undefined
    if (facts.sessionId === undefined) return
    for (let node: SpanNode | undefined = this.parent; node; node = node.parent) {
      if (!node.run) continue
      if (node.scope().sessionDerived) node.learnScope({ sessionId: facts.sessionId })
      return
    }
  }

  /** Whose the events of this span are. */
  scope(): ResolvedScope {
    // A derived session is asked for again: an ancestor may have learned the real one meanwhile.
    if (this.#scope && !this.#scope.sessionDerived) return this.#scope
    const around = this.parent?.contextScope() ?? NOTHING
    this.#scope = resolveScope(this.#explicit, this.contextScope(), around, this.parent?.scope(), this.traceId)
    return this.#scope
  }

  contextScope(): ScopeFacts {
    this.#contextScope ??= this.#context ? scopeFromContext(this.#context) : NOTHING
    return this.#contextScope
  }

  /** Drops what only an open span needs. */
  release(): void {
    this.contextScope()
    this.span = undefined
    this.#context = undefined
  }
}

function definedOnly(facts: ScopeFacts): ScopeFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
}

/** The spans in flight, by id. Both maps are bounded: the oldest gives way. */
export class SpanTree {
  readonly #open = new Map<string, SpanNode>()
  /** Claimed spans that have ended: children that start late still find their scope there. */
  readonly #ended = new Map<string, SpanNode>()
  readonly #maxOpenSpans: number
  readonly #maxEndedSpans: number
  readonly #onEvict: (node: SpanNode) => void

  constructor(maxOpenSpans: number, maxEndedSpans: number, onEvict: (node: SpanNode) => void) {
    this.#maxOpenSpans = maxOpenSpans
    this.#maxEndedSpans = maxEndedSpans
    this.#onEvict = onEvict
  }

  get size(): number {
    return this.#open.size
  }

  find(spanId: string): SpanNode | undefined {
    return this.#open.get(spanId) ?? this.#ended.get(spanId)
  }

  openNode(spanId: string): SpanNode | undefined {
    return this.#open.get(spanId)
  }

  /** Places a span that has just started, or (without context) one that is seen only at its end. */
  add(span: OpenSpan | SpanLike, context: Context | undefined): SpanNode {
    const parentId = parentSpanIdOf(span)
    const parent = parentId === undefined ? undefined : this.find(parentId)
    const node = new SpanNode(span, context, parent)
    this.#open.set(node.spanId, node)
    if (this.#open.size > this.#maxOpenSpans) this.#evictOldest()
    return node
  }

  /** Takes an ended span out; claimed ones are remembered for a while. */
  remove(node: SpanNode): void {
    this.#open.delete(node.spanId)
    if (!node.claim && !node.run) return
    node.release()
    this.#ended.set(node.spanId, node)
    if (this.#ended.size > this.#maxEndedSpans) {
      const [oldest] = this.#ended.keys()
      if (oldest !== undefined) this.#ended.delete(oldest)
    }
  }

  /** Whether a span below this one is still open. */
  hasOpenDescendant(ancestor: SpanNode): boolean {
    for (const node of this.#open.values()) if (node !== ancestor && node.isWithin(ancestor)) return true
    return false
  }

  clear(): void {
    this.#open.clear()
    this.#ended.clear()
  }

  #evictOldest(): void {
    const [oldest] = this.#open.values()
    if (!oldest) return
    this.#onEvict(oldest)
    this.remove(oldest)
  }
}
