import { context as contexts, type SpanContext } from '@opentelemetry/api'
import { soon } from '../../timers/real-timers.js'
import type { Ancestors, Conclusion, Convention, SpanPhase } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import { isTransportSpan } from '../transport.js'
import type { Ask } from './ask.js'
import { ConventionIndex } from './convention-index.js'
import { explain, type SpanExplanation } from './explain.js'
import { OpenSiblings } from './open-siblings.js'
import type { Recognition } from './recognition.js'
import { RecognisedNode, type SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'

const NO_ANCESTORS: Ancestors = Object.freeze({ parent: undefined, run: undefined, runState: undefined })

export interface SpanRecogniserParts {
  readonly conventions: readonly Convention[]
  readonly nodes: SpanNodes
  readonly ask: Ask
  /** Records the start of a span that a convention has recognised. */
  readonly onRecognise: (node: SpanNode, recognition: Recognition, span: SpanLike) => void
  readonly onExplain: ((explanation: SpanExplanation) => void) | undefined
}

/**
 * Asks the conventions what a span is, until one of them recognises it.
 *
 * A span is looked at up to three times: at its start, one microtask later (many instrumentations set their attributes
 * right after `startSpan`), and at its end. The first convention that knows it decides.
 */
export class SpanRecogniser {
  readonly #nodes: SpanNodes
  readonly #ask: Ask
  readonly #onRecognise: SpanRecogniserParts['onRecognise']
  readonly #onExplain: SpanRecogniserParts['onExplain']
  readonly #conventions: ConventionIndex
  readonly #siblings = new OpenSiblings()
  /** Spans that nobody has recognised at their start, for the second look. */
  #unrecognised: SpanNode[] = []
  /** These are being looked at in the order of their start. */
  #inOrder = false
  readonly #lookAgain = (): void => this.drain()

  constructor({ conventions, nodes, ask, onRecognise, onExplain }: SpanRecogniserParts) {
    this.#nodes = nodes
    this.#ask = ask
    this.#onRecognise = onRecognise
    this.#onExplain = onExplain
    this.#conventions = new ConventionIndex(conventions)
  }

  /** Tells whether a convention may know the span. */
  mayKnow(span: SpanLike): boolean {
    return this.#conventions.candidates(span) !== 0
  }

  /** Looks at a span that has started; for the second time at the end of the turn. */
  lookAtStart(node: SpanNode, span: SpanLike): void {
    if (this.look(node, span, 'start') || isTransportSpan(span.attributes)) return
    if (this.#unrecognised.push(node) === 1) soon(this.#lookAgain)
  }

  /** Looks for the second time at what started in this turn, in the order of its start. */
  drain(): void {
    const nodes = this.#unrecognised
    if (nodes.length === 0) return
    this.#unrecognised = []
    this.#inOrder = true
    for (const node of nodes) {
      const { span } = node
      // This may be a microtask of its own: what it threw would end the process.
      if (node.recognition === undefined && span !== undefined) this.#ask(() => this.look(node, span, 'microtask'))
    }
    this.#inOrder = false
  }

  /** Finds the latest span of this turn with these ids that nobody has recognised. */
  unrecognisedWith(ids: SpanContext): SpanNode | undefined {
    return this.#unrecognised.findLast((node) => node.hasIds(ids))
  }

  /** Explains that nobody has recognised a span until its end. */
  explainUnrecognised(span: SpanLike): void {
    if (this.#onExplain) this.#explain(span, 'end', this.#conventions.candidates(span), undefined)
  }

  /** Forgets a span that has ended. */
  close(node: SpanNode): void {
    const convention = node.recognition?.convention
    if (convention?.parentage === 'unnested') this.#siblings.delete(node, convention)
  }

  /** Asks the conventions that may know the span; records its start when one does. */
  look(node: SpanNode, span: SpanLike, moment: SpanPhase): boolean {
    const bits = this.#conventions.candidates(span)
    if (bits === 0) return false
    // What a span is may depend on those around it.
    this.#lookAtAncestors(node)
    return this.#askAbout(node, span, moment, bits)
  }

  #askAbout(node: SpanNode, span: SpanLike, moment: SpanPhase, bits: number): boolean {
    let ancestors: Ancestors | undefined
    for (const convention of this.#conventions.named(bits, span)) {
      if (convention.parentage === 'active' && moment === 'start' && this.#moveBelowActive(node)) ancestors = undefined
      if (convention.parentage === 'unnested' && moment !== 'start') this.#lookAtEarlier(node)
      ancestors ??= this.#ancestors(node)
      const seen = convention.parentage === 'unnested' ? this.#withSiblings(ancestors, node, convention) : ancestors
      const activity = this.#ask(() => convention.recognise(span, moment, seen))
      if (activity === 'later') return false
      if (!activity) continue
      const recognition = { convention, activity }
      if (this.#onExplain) this.#explain(span, moment, bits, recognition)
      this.#recognise(node, recognition, span)
      return true
    }
    return false
  }

  #explain(span: SpanLike, moment: SpanPhase, bits: number, recognition: Recognition | undefined): void {
    const candidates = this.#conventions.named(bits, span)
    this.#ask(() => this.#onExplain?.(explain({ span, moment, candidates, recognition })))
  }

  #recognise(node: SpanNode, recognition: Recognition, span: SpanLike): void {
    const { activity, convention } = recognition
    const { parent } = node
    if (activity.parentRun && parent?.span && !parent.recognition) {
      this.#recognise(parent, { convention, activity: activity.parentRun }, parent.span)
    }
    node.recogniseAs(recognition)
    this.#nodes.remember(node)
    if (convention.parentage === 'unnested') {
      this.#siblings.add(node, convention)
      if (activity.within instanceof RecognisedNode) node.moveBelow(activity.within.node)
    }
    this.#onRecognise(node, recognition, span)
  }

  /** Spans above that nobody has recognised yet are looked at again: what happens below is theirs. Outermost first. */
  #lookAtAncestors(node: SpanNode): void {
    const { parent } = node
    if (!parent || parent.recognition || !parent.span) return
    this.#lookAtAncestors(parent)
    const bits = this.#conventions.candidates(parent.span)
    if (bits !== 0) this.#askAbout(parent, parent.span, 'microtask', bits)
  }

  /**
   * Looks at the unrecognised spans that started in this turn before a span that is looked at early: siblings differ by
   * their order alone.
   */
  #lookAtEarlier(node: SpanNode): void {
    if (this.#inOrder) return
    this.#inOrder = true
    for (const other of this.#unrecognised) {
      if (other === node) break
      if (!other.recognition && other.span) this.look(other, other.span, 'microtask')
    }
    this.#inOrder = false
  }

  /** Below the span that is active now, if that is followed. */
  #moveBelowActive(node: SpanNode): boolean {
    const caller = this.#nodes.in(contexts.active())
    if (!caller || caller === node.parent) return false
    if (!caller.recognition && caller.span) this.look(caller, caller.span, 'microtask')
    if (!caller.recognition && !caller.recognisedParent()) return false
    node.moveBelow(caller)
    return true
  }

  #ancestors(node: SpanNode): Ancestors {
    const parent = node.recognisedParent()?.asSurrounding()
    const run = node.parent?.nearestRun()
    const enclosing = node.parent?.span
    if (!enclosing && !parent && !run && !node.run) return NO_ANCESTORS
    return {
      parent,
      parentScope: enclosing && scopeOf(enclosing).name,
      run: run && { runId: run.runId, agent: run.agent },
      runState: run?.state,
      ownState: node.run?.state,
    }
  }

  /** Returns what its convention concludes of the end of a span. */
  conclude(node: SpanNode, { convention, activity }: Recognition, span: SpanLike): Conclusion {
    return this.#ask(() => convention.conclude?.(span, activity, this.#ancestors(node))) ?? {}
  }

  #withSiblings(ancestors: Ancestors, node: SpanNode, convention: Convention): Ancestors {
    return { ...ancestors, open: this.#siblings.of(node, convention) }
  }
}
