import { context as contexts, type SpanContext } from '@opentelemetry/api'
import { soon } from '../../timers/real-timers.js'
import type { Ancestors, Conclusion, Convention, SpanPhase } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import { isTransportSpan } from '../transport.js'
import type { Ask } from './ask.js'
import { explain, type SpanExplanation } from './explain.js'
import { OpenSiblings } from './open-siblings.js'
import { Recogniser } from './recogniser.js'
import { type Claim, ClaimedSpan, type SpanNode } from './span-node.js'
import type { SpanNodes } from './span-nodes.js'

const NO_ANCESTORS: Ancestors = Object.freeze({ parent: undefined, run: undefined, runState: undefined })

export interface SpanClaimsParts {
  readonly conventions: readonly Convention[]
  readonly nodes: SpanNodes
  readonly ask: Ask
  /** Records the start of a span that a convention has claimed. */
  readonly onClaim: (node: SpanNode, claim: Claim, span: SpanLike) => void
  readonly onExplain: ((explanation: SpanExplanation) => void) | undefined
}

/**
 * Asks the conventions what a span is, until one of them claims it.
 *
 * A span is looked at up to three times: at its start, one microtask later (many instrumentations set their attributes
 * right after `startSpan`), and at its end. Whoever can tell first, tells.
 */
export class SpanClaims {
  readonly #nodes: SpanNodes
  readonly #ask: Ask
  readonly #onClaim: SpanClaimsParts['onClaim']
  readonly #onExplain: SpanClaimsParts['onExplain']
  readonly #recogniser: Recogniser
  readonly #siblings = new OpenSiblings()
  /** Spans that nobody has claimed at their start, for the second look. */
  #unclaimed: SpanNode[] = []
  /** Tells whether these are being looked at in the order of their start. */
  #inOrder = false
  readonly #lookAgain = (): void => this.drain()

  constructor({ conventions, nodes, ask, onClaim, onExplain }: SpanClaimsParts) {
    this.#nodes = nodes
    this.#ask = ask
    this.#onClaim = onClaim
    this.#onExplain = onExplain
    this.#recogniser = new Recogniser(conventions)
  }

  /** Tells whether a convention may know the span. */
  mayKnow(span: SpanLike): boolean {
    return this.#recogniser.candidates(span) !== 0
  }

  /** Looks at a span that has started; for the second time at the end of the turn. */
  lookAtStart(node: SpanNode, span: SpanLike): void {
    if (this.look(node, span, 'start') || isTransportSpan(span.attributes)) return
    if (this.#unclaimed.push(node) === 1) soon(this.#lookAgain)
  }

  /** Looks for the second time at what started in this turn, in the order of its start. */
  drain(): void {
    const nodes = this.#unclaimed
    if (nodes.length === 0) return
    this.#unclaimed = []
    this.#inOrder = true
    for (const node of nodes) {
      const { span } = node
      // This may be a microtask of its own: what it threw would end the process.
      if (node.claim === undefined && span !== undefined) this.#ask(() => this.look(node, span, 'microtask'))
    }
    this.#inOrder = false
  }

  /** Finds the latest span of this turn with these ids that nobody has claimed. */
  unclaimedWith(ids: SpanContext): SpanNode | undefined {
    return this.#unclaimed.findLast((node) => node.hasIds(ids))
  }

  /** Explains that nobody has claimed a span until its end. */
  explainUnclaimed(span: SpanLike): void {
    if (this.#onExplain) this.#explain(span, 'end', this.#recogniser.candidates(span), undefined)
  }

  /** Forgets a span that has ended. */
  close(node: SpanNode): void {
    const convention = node.claim?.convention
    if (convention?.parentage === 'unnested') this.#siblings.delete(node, convention)
  }

  /** Asks the conventions that may know the span; records its start when one does. */
  look(node: SpanNode, span: SpanLike, moment: SpanPhase): boolean {
    const bits = this.#recogniser.candidates(span)
    if (bits === 0) return false
    // What a span is may depend on those around it.
    this.#lookAtAncestors(node)
    return this.#askAbout(node, span, moment, bits)
  }

  #askAbout(node: SpanNode, span: SpanLike, moment: SpanPhase, bits: number): boolean {
    let ancestors: Ancestors | undefined
    for (const convention of this.#recogniser.named(bits, span)) {
      if (convention.parentage === 'active' && moment === 'start' && this.#moveBelowActive(node)) ancestors = undefined
      if (convention.parentage === 'unnested' && moment !== 'start') this.#lookAtEarlier(node)
      ancestors ??= this.#ancestors(node)
      const seen = convention.parentage === 'unnested' ? this.#withSiblings(ancestors, node, convention) : ancestors
      const activity = this.#ask(() => convention.recognise(span, moment, seen))
      if (activity === 'later') return false
      if (!activity) continue
      const claim = { convention, activity }
      if (this.#onExplain) this.#explain(span, moment, bits, claim)
      this.#claim(node, claim, span)
      return true
    }
    return false
  }

  #explain(span: SpanLike, moment: SpanPhase, bits: number, claim: Claim | undefined): void {
    this.#ask(() => this.#onExplain?.(explain(span, moment, this.#recogniser.named(bits, span), claim)))
  }

  #claim(node: SpanNode, claim: Claim, span: SpanLike): void {
    const { activity, convention } = claim
    const { parent } = node
    if (activity.parentRun && parent?.span && !parent.claim) {
      this.#claim(parent, { convention, activity: activity.parentRun }, parent.span)
    }
    node.claimAs(claim)
    this.#nodes.remember(node)
    if (convention.parentage === 'unnested') {
      this.#siblings.add(node, convention)
      if (activity.within instanceof ClaimedSpan) node.moveBelow(activity.within.node)
    }
    this.#onClaim(node, claim, span)
  }

  /** Spans above that nobody has claimed yet are looked at again: what happens below is theirs. Outermost first. */
  #lookAtAncestors(node: SpanNode): void {
    const { parent } = node
    if (!parent || parent.claim || !parent.span) return
    this.#lookAtAncestors(parent)
    const bits = this.#recogniser.candidates(parent.span)
    if (bits !== 0) this.#askAbout(parent, parent.span, 'microtask', bits)
  }

  /**
   * Looks at the unclaimed spans that started in this turn before a span that is looked at early: siblings are told apart by
   * their order.
   */
  #lookAtEarlier(node: SpanNode): void {
    if (this.#inOrder) return
    this.#inOrder = true
    for (const other of this.#unclaimed) {
      if (other === node) break
      if (!other.claim && other.span) this.look(other, other.span, 'microtask')
    }
    this.#inOrder = false
  }

  /** Below the span that is active now, if that is followed. */
  #moveBelowActive(node: SpanNode): boolean {
    const caller = this.#nodes.in(contexts.active())
    if (!caller || caller === node.parent) return false
    if (!caller.claim && caller.span) this.look(caller, caller.span, 'microtask')
    if (!caller.claim && !caller.claimedParent()) return false
    node.moveBelow(caller)
    return true
  }

  #ancestors(node: SpanNode): Ancestors {
    const parent = node.claimedParent()?.asSurrounding()
    const run = node.parent?.nearestRun()
    const around = node.parent?.span
    if (!around && !parent && !run && !node.run) return NO_ANCESTORS
    return {
      parent,
      parentScope: around && scopeOf(around).name,
      run: run && { runId: run.runId, agent: run.agent },
      runState: run?.memo,
      ownState: node.run?.memo,
    }
  }

  /** Returns the words of its convention about the end of a span. */
  conclude(node: SpanNode, { convention, activity }: Claim, span: SpanLike): Conclusion {
    return this.#ask(() => convention.conclude?.(span, activity, this.#ancestors(node))) ?? {}
  }

  #withSiblings(ancestors: Ancestors, node: SpanNode, convention: Convention): Ancestors {
    return { ...ancestors, open: this.#siblings.of(node, convention) }
  }
}
