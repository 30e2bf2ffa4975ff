import { ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { CallerClaims } from '../caller-claims.js'
import type { Activity } from '../conventions/contract.js'
import type { SpanLike } from '../span.js'
import { Run } from './run.js'
import { SpanNode } from './span-node.js'

const callers = new CallerClaims(false)
let ids = 0

function spanLike(): SpanLike {
  const context = { traceId: 't'.repeat(32), spanId: String(++ids).padStart(16, '0'), traceFlags: 1 }
  return {
    name: 's',
    kind: 0,
    spanContext: () => context,
    startTime: [1, 0],
    endTime: [0, 0],
    status: { code: 0 },
    attributes: {},
    events: [],
  }
}

function enter(parent?: SpanNode): SpanNode {
  return new SpanNode({ span: spanLike(), context: ROOT_CONTEXT, parent, remoteParent: undefined }, callers)
}

function recognise(node: SpanNode, activity: Activity = { kind: 'step' }): SpanNode {
  node.recogniseAs({ convention: { name: 'test', recognise: () => activity }, activity })
  return node
}

function runOn(node: SpanNode, runId: string): Run {
  return new Run({
    runId,
    key: runId,
    parentRunId: undefined,
    parentIsClaimed: false,
    startedAt: '2026-05-01T10:00:00.000Z',
    agent: { name: 'planner' },
    node,
    mayLeak: false,
    isStartMended: false,
    source: { convention: 'test', scope: 'test' },
    nowMillis: 0,
  })
}

describe('a span in the tree', () => {
  test('is open to those above until all below it has ended', () => {
    const top = recognise(enter())
    const middle = recognise(enter(top))
    const leaf = enter(middle)
    middle.end()
    expect(top.hasOpenDescendant).toBe(true)
    leaf.end()
    expect([top.hasOpenDescendant, middle.hasOpenDescendant]).toEqual([false, false])
    const late = enter(middle)
    expect(top.hasOpenDescendant).toBe(true)
    late.end()
    late.end()
    expect(top.hasOpenDescendant).toBe(false)
  })

  test('takes its openness along when it moves, and never goes below itself', () => {
    const [one, other] = [enter(), enter()]
    const child = enter(one)
    const flow = child.flow
    expect(child.moveBelow(other)).toBe(true)
    expect([one.hasOpenDescendant, other.hasOpenDescendant]).toEqual([false, true])
    expect(child.flow).toBe(flow)
    expect(other.moveBelow(child)).toBe(false)
    child.end()
    expect(other.hasOpenDescendant).toBe(false)
  })

  test('keeps no ancestor that has ended and was of no agent', () => {
    const top = recognise(enter())
    const plain = enter(top)
    plain.end()
    expect(enter(plain).parent).toBe(top)
  })

  test('is one run, whatever is found later', () => {
    const node = enter()
    const run = runOn(node, 'r-1')
    node.becomeRun(run)
    node.becomeRun(runOn(node, 'r-2'))
    expect(node.run).toBe(run)
    expect(enter(enter(node)).nearestRun()).toBe(run)
  })

  test('hands the runs that nothing is around to the span further out, unless it is one itself', () => {
    const top = enter()
    const [plain, agent] = [enter(top), enter(top)]
    for (const around of [plain, agent]) {
      const inner = enter(around)
      inner.becomeRun(runOn(inner, `below-${around.serial}`))
      around.addOrphan(inner)
    }
    agent.becomeRun(runOn(agent, 'agent'))
    plain.end()
    agent.end()
    expect(top.orphans.map(({ run }) => run?.runId)).toEqual([`below-${plain.serial}`])
  })

  test('records its end once', () => {
    const node = enter()
    expect(node.ownRecord.conclude()).toBe(true)
    expect(node.ownRecord.conclude()).toBe(false)
  })

  test('that is replayed is the same run, and records neither its end nor its events again', () => {
    const before = enter()
    const run = runOn(before, 'r-1')
    before.becomeRun(run)
    before.ownEvents.takeUpTo(2)
    before.ownRecord.conclude()
    const again = enter()
    again.replay(before)
    expect(again.continueReplayed()).toBe(true)
    expect(again.run).toBe(run)
    expect(again.ownRecord.conclude()).toBe(false)
    expect([1, 2, 3].map(() => again.ownRecord.skipEvent())).toEqual([true, true, false])
    expect(again.continueReplayed()).toBe(false)
  })

  test('that is replayed after its run was suspended goes on in a run of its own', () => {
    const before = enter()
    before.becomeRun(runOn(before, 'r-1'))
    before.run?.end.record('run_suspended', 'observed', () => 'e1')
    const again = enter()
    again.replay(before)
    expect(again.continueReplayed()).toBe(false)
    expect(again.run).toBeUndefined()
  })
})
