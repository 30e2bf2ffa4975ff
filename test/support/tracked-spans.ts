import { type Attributes, type Context, ROOT_CONTEXT } from '@opentelemetry/api'
import { CallerClaims } from '../../src/otel/caller-claims.js'
import type { Activity } from '../../src/otel/conventions/contract.js'
import type { SpanLike } from '../../src/otel/span.js'
import type { RemoteParent } from '../../src/otel/tracking/remote-parent.js'
import { Run, type RunInit } from '../../src/otel/tracking/run.js'
import { SpanNode } from '../../src/otel/tracking/span-node.js'

/* Spans and runs as the tracker has them, each made by itself. */

export const NOW = '2026-05-01T10:00:00.000Z'
export const TRACE_ID = 't'.repeat(32)

const callers = new CallerClaims(false)
let ids = 0

export function spanLike(attributes: Attributes = {}): SpanLike & { readonly attributes: Attributes } {
  const context = { traceId: TRACE_ID, spanId: String(++ids).padStart(16, '0'), traceFlags: 1 }
  return {
    name: 's',
    kind: 0,
    spanContext: () => context,
    startTime: [1, 0],
    endTime: [0, 0],
    status: { code: 0 },
    attributes,
    events: [],
  }
}

export interface NodeParts {
  readonly context?: Context
  readonly attributes?: Attributes
  readonly remoteParent?: RemoteParent
}

/** Enters an open span into the tree. */
export function enter(
  parent?: SpanNode,
  { context = ROOT_CONTEXT, attributes, remoteParent }: NodeParts = {},
): SpanNode {
  return new SpanNode({ span: spanLike(attributes), context, parent, remoteParent }, callers)
}

export function recognise(node: SpanNode, activity: Activity = { kind: 'step' }): SpanNode {
  node.recogniseAs({ convention: { name: 'test', recognise: () => activity }, activity })
  return node
}

export function startRun(init: Partial<RunInit> = {}): Run {
  return new Run({
    runId: 'r',
    key: 'r',
    parentRunId: undefined,
    parentIsClaimed: false,
    startedAt: NOW,
    agent: { name: 'planner' },
    node: undefined,
    mayLeak: false,
    isStartMended: false,
    source: { convention: 'test', scope: 'test' },
    nowMillis: 0,
    ...init,
  })
}

/** Makes a span a run. */
export function becomeRun(node: SpanNode, runId = 'r', init: Partial<RunInit> = {}): Run {
  const run = startRun({ runId, key: runId, node, ...init })
  node.becomeRun(run)
  return run
}
