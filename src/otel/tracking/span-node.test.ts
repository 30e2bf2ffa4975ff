import { createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { becomeRun, enter, recognise, startRun } from '../../../test/support/tracked-spans.js'
import type { SpanNode } from './span-node.js'
import { UntakenOfSpan } from './untaken-of-span.js'

const runOn = (node: SpanNode, runId: string) => startRun({ runId, key: runId, node })

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

  test('that is replayed has the call and the repeat that are recorded of it', () => {
    const before = enter()
    const call = { id: 'c-1', recorded: {} as never }
    before.ownRecord.becomeCall(call)
    before.ownRecord.becomeRepeat()
    const again = enter()
    again.replay(before)
    again.continueReplayed()
    expect([again.record?.call, again.record?.isRepeat]).toEqual([call, true])
  })

  test('means something to those below when it has ended only as recognised, or as a run', () => {
    const [plain, recognised, run] = [enter(), recognise(enter()), enter()]
    becomeRun(run)
    for (const node of [plain, recognised, run]) node.end()
    expect([plain, recognised, run].map((node) => enter(node).parent)).toEqual([undefined, recognised, run])
  })

  test('has no more than 1000 ancestors', () => {
    let node = enter()
    for (let depth = 0; depth < 1005; depth++) node = enter(node)
    let kept = 0
    for (let above = node.parent; above; above = above.parent) kept++
    expect(kept).toBeLessThanOrEqual(1000)
  })

  test('belongs to a run that was reported, where no span around it is one', () => {
    const [outer, run] = [enter(), startRun()]
    outer.joinRun(run)
    expect(enter(outer).nearestRun()).toBe(run)
    expect(outer.run).toBeUndefined()
    const own = becomeRun(outer, 'own')
    expect(outer.nearestRun()).toBe(own)
  })

  test('holds a bounded number of orphans', () => {
    const top = enter()
    for (let n = 0; n < 300; n++) top.addOrphan(enter(top))
    expect(top.orphans).toHaveLength(256)
  })

  test('lets go of its context, its orphans and its attributes when it ends, once', () => {
    const context = ROOT_CONTEXT.setValue(createContextKey('test'), 1)
    const node = enter(undefined, { context })
    expect(node.context).toBe(context)
    node.addOrphan(enter(node))
    node.holdUntaken(new UntakenOfSpan(new Set(), undefined))
    node.end()
    expect([node.context, node.span, node.untaken, node.orphans.length]).toEqual([undefined, undefined, undefined, 0])
    expect(() => node.end()).not.toThrow()
  })

  test('is the same object to conventions every time', () => {
    const node = enter()
    expect(node.asSurrounding()).toBeUndefined()
    expect(recognise(node).asSurrounding()).toBe(node.asSurrounding())
  })
})
