import type { AgentRef } from '../../events/index.js'
import type { Activity, Conclusion, RunActivity } from '../conventions/contract.js'
import type { SpanLike } from '../span.js'
import type { InnerEnd } from './end-signs.js'
import type { Run } from './run.js'
import type { SpanNode } from './span-node.js'

/* Spans that report a run that another span reports: the framework's span of a run inside that of the hosting layer. */

const STATUS_UNSET = 0

/** `SpanKind.SERVER` and `SpanKind.CLIENT`. */
const HOP = new Set([1, 2])

/**
 * Tells whether a span of a run reports the run that it is directly inside of: another instrumentation, or the other side of
 * a hop, has reported the same agent. An agent that calls itself does so through a tool, and a workflow is none of its agents.
 *
 * @param around - the run around the span
 */
export function isSameRun(node: SpanNode, { agent, trigger }: RunActivity, around: Run): boolean {
  const outer = aroundSteps(node)
  if (outer?.run !== around || triggerOf(outer) !== trigger) return false
  return areLayers(outer, node) && isSameAgent(around.agent, agent, isHop(outer, node))
}

/** Tells whether the only run directly inside of a span has reported the span's run before the span itself did. */
export function isReportedInside(node: SpanNode, { agent, trigger }: RunActivity): boolean {
  const [inner, ...others] = node.orphans
  if (!inner?.run || others.length > 0 || aroundSteps(inner) !== node || triggerOf(inner) !== trigger) return false
  return areLayers(node, inner) && isSameAgent(agent, inner.run.agent, isHop(node, inner))
}

function triggerOf({ recognition }: SpanNode): string | undefined {
  return recognition?.activity.kind === 'run' ? recognition.activity.trigger : recognition?.activity.kind
}

/** One instrumentation reports a run on two spans only where these are the two sides of a hop. */
function areLayers(outer: SpanNode, inner: SpanNode): boolean {
  return outer.instrumentation !== inner.instrumentation || isHop(outer, inner)
}

function isHop(outer: SpanNode, inner: SpanNode): boolean {
  return outer.kind !== inner.kind && (HOP.has(outer.kind) || HOP.has(inner.kind))
}

function isSameAgent(one: AgentRef, other: AgentRef, isAcrossHop: boolean): boolean {
  if (one.name !== undefined && other.name !== undefined) return one.name.toLowerCase() === other.name.toLowerCase()
  return isAcrossHop && (one.id === undefined || other.id === undefined || one.id === other.id)
}

/** The recognised span around a span, past the inner workings of a framework. */
function aroundSteps(node: SpanNode): SpanNode | undefined {
  let outer = node.recognisedParent()
  while (outer?.recognition?.activity.kind === 'step') outer = outer.recognisedParent()
  return outer
}

/** Keeps the end that an inner span reports, for the span around that records the end. */
export function rememberInnerEnd(
  node: SpanNode,
  kind: Activity['kind'],
  inner: Conclusion,
  run: Run | undefined,
): void {
  if (kind === 'tool') node.record?.call?.recorded.endInside(inner)
  if (kind !== 'run' || !run || run.hasEnded) return
  run.signs.endInside(inner)
  if (inner.agent) run.completeAgent(inner.agent)
}

/** Returns the end as the outer span reports it, or the inner one where the outer one marks nothing, as hosting layers do. */
export function withInnerEnd(said: Conclusion, span: SpanLike, inner: InnerEnd | undefined): Conclusion {
  if (!inner) return said
  const isSaid = said.outcome !== undefined && said.outcome !== 'completed'
  if (isSaid || !isUnset(span)) return { ...said, finishReason: said.finishReason ?? inner.finishReason }
  return { ...said, ...inner, finishReason: said.finishReason ?? inner.finishReason }
}

export function isUnset({ status }: SpanLike): boolean {
  return status.code === STATUS_UNSET
}
