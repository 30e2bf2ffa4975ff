import type { Convention, RecognisedSpan } from '../conventions/contract.js'
import type { SpanNode } from './span-node.js'

/** Past these the oldest are no longer considered: they have leaked. */
const MAX_SIBLINGS = 512
const MAX_FLOWS = 4096

/**
 * The open spans of `unnested` conventions, by the parent they were all started under: what a span of theirs can be
 * inside of. Held weakly, since some are never ended; those whose run was given up hold nothing any more.
 */
export class OpenSiblings {
  readonly #flows = new Map<string, WeakRef<SpanNode>[]>()

  /** In the order of their start. */
  of(node: SpanNode, convention: Convention): readonly RecognisedSpan[] {
    const siblings = this.#flows.get(flowOf(node, convention)) ?? []
    return siblings.flatMap((reference) => {
      const sibling = reference.deref()
      return !sibling || sibling.nearestRun()?.hasEnded ? [] : (sibling.asSurrounding() ?? [])
    })
  }

  add(node: SpanNode, convention: Convention): void {
    const flow = flowOf(node, convention)
    const siblings = this.#flows.get(flow)
    if (siblings) {
      siblings.push(new WeakRef(node))
      if (siblings.length > MAX_SIBLINGS) siblings.shift()
      return
    }
    this.#flows.set(flow, [new WeakRef(node)])
    if (this.#flows.size <= MAX_FLOWS) return
    const [oldest] = this.#flows.keys()
    if (oldest !== undefined) this.#flows.delete(oldest)
  }

  delete(node: SpanNode, convention: Convention): void {
    const flow = flowOf(node, convention)
    const siblings = this.#flows.get(flow)
    const at = siblings?.findLastIndex((reference) => reference.deref() === node) ?? -1
    if (!siblings || at < 0) return
    siblings.splice(at, 1)
    if (siblings.length === 0) this.#flows.delete(flow)
  }
}

function flowOf({ flow }: SpanNode, convention: Convention): string {
  return `${flow} ${convention.name}`
}
