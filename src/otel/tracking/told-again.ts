import type { Activity, Conclusion, RunActivity } from '../conventions/contract.js'
import type { SpanLike } from '../span.js'
import type { Inner, Run } from './run.js'
import type { SpanNode } from './span-node.js'

/*
 * Spans that tell what another span has told: the framework's span of a run inside that of the hosting layer, and spans that
 * an engine for durable workflows starts again, under the same ids, to get back to where it was.
 */

const STATUS_UNSET = 0

/** `SpanKind.SERVER`, and `SpanKind.CLIENT`. */
const HOP = new Set([1, 2])

/**
 * Tells whether a span of a run tells of the run that it is directly inside of: another instrumentation, or the other side of
 * a hop, has told of the same agent. An agent that calls itself does so through a tool, and a workflow is none of its agents.
 *
 * @param around - the run around the span
 */
export function isSameRun(node: SpanNode, { agent, trigger }: RunActivity, around: Run): boolean {
  const outer = aroundSteps(node)
  const wrapper = outer?.claim?.activity
  if (outer?.run !== around || wrapper?.kind !== 'run' || wrapper.trigger !== trigger) return false
  const scopes = outer.teller !== node.teller
  const isHop = outer.kind !== node.kind && (HOP.has(outer.kind) || HOP.has(node.kind))
  if (!scopes && !isHop) return false
  if (agent.name === undefined || around.agent.name === undefined)
    return isHop && sameWhereTold(agent.id, around.agent.id)
  return agent.name.toLowerCase() === around.agent.name.toLowerCase()
}

/** The claimed span around a span, past the inner workings of a framework. */
function aroundSteps(node: SpanNode): SpanNode | undefined {
  let outer = node.claimedParent()
  while (outer?.claim?.activity.kind === 'step') outer = outer.claimedParent()
  return outer
}

function sameWhereTold(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other
}

/** Keeps what an inner span said of the end, for the span around that tells the end. */
export function noteInner(node: SpanNode, activity: Activity, inner: Inner & Conclusion, run: Run | undefined): void {
  if (activity.kind === 'tool' && node.toolCall && node.toolCall.end === undefined) {
    node.toolCall.inner = { outcome: inner.outcome, error: inner.error }
  }
  if (activity.kind !== 'run' || !run || run.ended) return
  const { outcome, error, reason, waitingFor, by, finishReason, confidence } = inner
  run.inner = { outcome, error, reason, waitingFor, by, finishReason, confidence }
  if (inner.agent) run.agent = { ...inner.agent, ...run.agent }
}

/** What the outer span says of the end, and what the inner one said besides: a hosting layer may mark nothing. */
export function withInner(said: Conclusion, span: SpanLike, inner: Inner): Conclusion {
  const isTold = said.outcome !== undefined && said.outcome !== 'completed'
  if (isTold || !isUnset(span)) return { ...said, finishReason: said.finishReason ?? inner.finishReason }
  return { ...said, ...inner, finishReason: said.finishReason ?? inner.finishReason }
}

export function isUnset({ status }: SpanLike): boolean {
  return status.code === STATUS_UNSET
}

/**
 * Makes a span of ids that have been seen the same as the one before: what that one has told is not told again. A run that was
 * suspended goes on.
 *
 * @returns whether it is the same
 */
export function takeOver(node: SpanNode, before: SpanNode): boolean {
  if (before.run?.suspended) return false
  node.run = before.run
  node.callId = before.callId
  node.toolCall = before.toolCall
  node.tellsAgain = before.tellsAgain
  node.concluded = before.concluded
  node.eventsToldBefore = before.ear?.heard ?? 0
  return true
}
