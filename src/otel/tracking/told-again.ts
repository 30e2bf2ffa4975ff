import type { AgentRef } from '../../events/index.js'
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
  if (outer?.run !== around || triggerOf(outer) !== trigger) return false
  return areLayers(outer, node) && isSameAgent(around.agent, agent, isHop(outer, node))
}

/** Tells whether the only run directly inside of a span has told of the span's run before the span itself did. */
export function isToldInside(node: SpanNode, { agent, trigger }: RunActivity): boolean {
  const [run, ...others] = node.orphans
  const inner = run?.node
  if (!inner || others.length > 0 || aroundSteps(inner) !== node || triggerOf(inner) !== trigger) return false
  return areLayers(node, inner) && isSameAgent(agent, run.agent, isHop(node, inner))
}

function triggerOf({ claim }: SpanNode): string | undefined {
  return claim?.activity.kind === 'run' ? claim.activity.trigger : claim?.activity.kind
}

/** One instrumentation tells a run on two spans only where these are the two sides of a hop. */
function areLayers(outer: SpanNode, inner: SpanNode): boolean {
  return outer.teller !== inner.teller || isHop(outer, inner)
}

function isHop(outer: SpanNode, inner: SpanNode): boolean {
  return outer.kind !== inner.kind && (HOP.has(outer.kind) || HOP.has(inner.kind))
}

function isSameAgent(one: AgentRef, other: AgentRef, isAcrossHop: boolean): boolean {
  if (one.name !== undefined && other.name !== undefined) return one.name.toLowerCase() === other.name.toLowerCase()
  return isAcrossHop && (one.id === undefined || other.id === undefined || one.id === other.id)
}

/** The claimed span around a span, past the inner workings of a framework. */
function aroundSteps(node: SpanNode): SpanNode | undefined {
  let outer = node.claimedParent()
  while (outer?.claim?.activity.kind === 'step') outer = outer.claimedParent()
  return outer
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

/** Returns the end as the outer span tells it, or the inner one where the outer one marks nothing, as hosting layers do. */
export function withInner(said: Conclusion, span: SpanLike, inner: Inner | undefined): Conclusion {
  if (!inner) return said
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
