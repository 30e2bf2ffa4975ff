import type { SpanContext } from '@opentelemetry/api'
import { parentSpanIdOf, type SpanLike } from '../span.js'
import type { RemoteParent } from './remote-parent.js'
import { nextSerial } from './serial.js'

/** A chain of spans that is longer is cut: work that starts itself anew would otherwise hold on to all there ever was. */
const MAX_DEPTH = 1000

/** The position in the tree at which a span is entered. */
export interface TreeEntry<Node> {
  readonly span: SpanLike
  readonly parent: Node | undefined
  /** Its parent, where that is no span of this process. */
  readonly remoteParent: RemoteParent | undefined
  /** Identifies what was delivered together with the span; absent of a span that is live. */
  readonly flow?: string | undefined
}

/**
 * The position of one span in the tree of those that are followed. It keeps its parent alive, never its children. A node is
 * open until its span has ended and no child is open. Each open child counts once, whether its own span is open or another
 * one below it:
 *
 *     isOpen    = its span has not ended, or openBelow > 0
 *     openBelow = the number of children that are open
 */
export abstract class TreeNode<Node extends TreeNode<Node>> {
  readonly serial = nextSerial()
  readonly #ids: SpanContext
  #parentSpanId: string | undefined
  readonly kind: number
  /** The span was delivered after its end. */
  readonly isDelivered: boolean
  /** The parent outside of this process that it is below of, if any. */
  readonly remoteParent: RemoteParent | undefined
  /** The parent under which it was started, where it has been moved since. */
  #startedBelow: number | string | undefined = undefined
  #parent: Node | undefined
  /** Ancestors that are kept. */
  readonly depth: number
  #openBelow = 0
  #span: SpanLike | undefined

  constructor({ span, parent, remoteParent, flow }: TreeEntry<Node>) {
    this.#ids = span.spanContext()
    this.#parentSpanId = parentSpanIdOf(span)
    this.kind = span.kind
    this.remoteParent = parent ? parent.remoteParent : remoteParent
    this.isDelivered = flow !== undefined
    if (!parent && !remoteParent) this.#startedBelow = flow
    this.#parent = lasting(parent)
    this.depth = this.#parent ? this.#parent.depth + 1 : 0
    this.#span = span
    this.#openToParent()
  }

  /** The span means something to those below it, even when it has ended. */
  abstract get isLasting(): boolean

  /** The span, while it is open. */
  get span(): SpanLike | undefined {
    return this.#span
  }

  get parent(): Node | undefined {
    return this.#parent
  }

  get parentSpanId(): string | undefined {
    return this.#parentSpanId
  }

  get spanId(): string {
    return this.#ids.spanId
  }

  get traceId(): string {
    return this.#ids.traceId
  }

  /** Tells whether a span below this one is still open. */
  get hasOpenDescendant(): boolean {
    return this.#openBelow > 0
  }

  /** Identifies the parent under which the span was started, by a value that no caller can send. */
  get flow(): number | string {
    return this.#startedBelow ?? this.#parent?.serial ?? this.remoteParent?.serial ?? this.#parentSpanId ?? ''
  }

  /**
   * Tells whether these are the ids of this very span: the object that the span hands out, which a caller cannot send.
   * Ids that are merely equal may have left the process and come back.
   */
  hasIds(ids: SpanContext | undefined): boolean {
    return this.#ids === ids
  }

  /** Moves the open span below another parent than the one it was started under. @returns false where it cannot be there */
  moveBelow(parent: Node): boolean {
    if (!this.#span) return false
    for (let above: Node | undefined = parent; above; above = above.#parent) {
      if ((above as TreeNode<Node>) === this) return false
    }
    this.#startedBelow = this.flow
    this.#closeToParent()
    this.#parent = parent
    this.#openToParent()
    return true
  }

  /** The span has come of which only the ids were known. */
  arrive(span: SpanLike, parent: Node | undefined): void {
    this.#parentSpanId = parentSpanIdOf(span)
    if (parent) this.moveBelow(parent)
  }

  /** Lets the span go, which has ended. */
  protected endSpan(): void {
    this.#span = undefined
    if (this.#openBelow === 0) this.#closeToParent()
  }

  /** A parent that had come to its end, with all below it, is open again to its own parent. */
  #openToParent(): void {
    for (let above = this.#parent; above; above = above.#parent) {
      const wasOpen = above.#isOpen
      above.#openBelow++
      if (wasOpen) break
    }
  }

  #closeToParent(): void {
    for (let above = this.#parent; above; above = above.#parent) {
      above.#openBelow--
      if (above.#isOpen) break
    }
  }

  get #isOpen(): boolean {
    return this.#span !== undefined || this.#openBelow > 0
  }
}

/** The nearest ancestor that is worth keeping alive: what has ended and was no agent's means nothing to a child. */
function lasting<Node extends TreeNode<Node>>(parent: Node | undefined): Node | undefined {
  let node = parent
  while (node && !node.span && !node.isLasting) node = node.parent
  return node && node.depth < MAX_DEPTH ? node : undefined
}
