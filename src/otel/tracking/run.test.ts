import { describe, expect, test } from 'vitest'
import { becomeRun, enter, NOW, startRun } from '../../../test/support/tracked-spans.js'
import { notSuspended } from './run.js'

function scopeOf(tenantId: string | undefined, sessionId: string, sessionDerived = false) {
  return { tenantId, sessionId, sessionDerived, userId: undefined }
}

describe('a run', () => {
  test('keeps its last event while it is open', () => {
    const run = startRun()
    run.recordEvent('tool_call_started', NOW)
    expect(run.lastEvent).toEqual({ type: 'tool_call_started', time: NOW })
    run.end.record('run_completed', 'observed', () => 'e1')
    run.recordEvent('late', NOW)
    expect(run.lastEvent).toBeUndefined()
  })

  test('takes the run around it where none is known, or a caller has claimed one', () => {
    const around = startRun({ runId: 'outer', key: 'outer' })
    const claimed = startRun({ parentRunId: 'of-a-caller', parentIsClaimed: true })
    expect(claimed.adoptInto(around)).toBe(true)
    expect([claimed.parentRunId, claimed.parentIsClaimed]).toEqual(['outer', false])
    const known = startRun({ parentRunId: 'named' })
    expect(known.adoptInto(around)).toBe(false)
    expect(known.parentRunId).toBe('named')
  })

  test('keeps the tenant and the session of its first event', () => {
    const run = startRun()
    const identity = run.identify(scopeOf('acme', 's-1'))
    expect(run.identify(scopeOf('other', 's-2'))).toBe(identity)
    expect([identity.tenantId, identity.sessionId]).toEqual(['acme', 's-1'])
  })

  test('goes on under the identity of a suspended run of its tenant, and of no run that has ended', () => {
    const scope = { given: { tenantId: 'acme', sessionId: 's-2' }, context: {}, heirOf: undefined, claims: undefined }
    const [suspended, ended] = [startRun(), startRun()]
    for (const before of [suspended, ended]) before.identify(scopeOf('acme', 's-1'))
    suspended.end.record('run_suspended', 'observed', () => 'e1')
    ended.end.record('run_completed', 'observed', () => 'e1')
    const next = startRun({ spanless: scope })
    next.continue(ended)
    expect(next.identity).toBeUndefined()
    next.continue(suspended)
    expect(next.identity?.sessionId).toBe('s-1')
    const ofAnother = startRun({ spanless: { ...scope, given: { tenantId: 'other' } } })
    ofAnother.continue(suspended)
    expect(ofAnother.identity).toBeUndefined()
  })

  test('is paused until it calls its model again', () => {
    const run = startRun()
    run.signs.stop({ reason: 'approval' })
    expect(run.signs.pause).toEqual({ reason: 'approval' })
    run.startModelCall()
    expect(run.signs.pause).toBeUndefined()
  })

  test('has leaked only when its span may, and its last child has failed', () => {
    const run = startRun({ mayLeak: true })
    run.signs.endChild({ outcome: 'failed', error: { code: 'E', message: 'm' } })
    expect(run.signs.hasLeaked).toBe(true)
    run.signs.endChild({ outcome: 'completed' })
    expect(run.signs.hasLeaked).toBe(false)
    run.signs.endChild({ outcome: 'cancelled', endsRun: false })
    expect(run.signs.hasLeaked).toBe(false)
  })

  test('is renamed by the end of its span, and completed by spans inside', () => {
    const run = startRun({ agent: { name: 'planner' } })
    run.completeAgent({ id: 'a-1', name: 'other' })
    expect(run.agent).toEqual({ id: 'a-1', name: 'planner' })
    run.renameAgent({ name: 'writer' })
    expect(run.agent).toEqual({ id: 'a-1', name: 'writer' })
  })

  test('hands down the tenant and the session of its events, and a session that was derived only for want of another', () => {
    const named = startRun()
    named.identify(scopeOf('acme', 's-1'))
    expect(named.inheritable(scopeOf('other', 's-2'))).toEqual(scopeOf('acme', 's-1'))
    const derived = startRun()
    derived.identify(scopeOf(undefined, 'trace', true))
    expect(derived.inheritable(scopeOf('other', 's-2'))).toEqual(scopeOf('other', 's-2'))
    expect(startRun().inheritable(scopeOf('other', 's-2'))).toEqual(scopeOf('other', 's-2'))
  })

  test('that no span carries takes its scope from what it was given, its context, and the run it is in', () => {
    const outer = startRun({ runId: 'outer' })
    outer.identify(scopeOf('acme', 's-1'))
    const spanless = { given: undefined, context: {}, heirOf: outer, claims: undefined }
    expect(startRun({ spanless }).scope()).toEqual(scopeOf('acme', 's-1'))
    const given = { ...spanless, given: { sessionId: 's-3' }, context: { sessionId: 's-2', userId: 'u' } }
    expect(startRun({ spanless: given }).scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-3', userId: 'u' })
    expect(startRun().scope()).toEqual(scopeOf(undefined, 'r', true))
  })

  test('is of the family of its outermost span, else of the outermost run', () => {
    const outer = startRun()
    const spanless = { given: undefined, context: {}, heirOf: outer, claims: undefined }
    expect(startRun({ spanless: { ...spanless, heirOf: startRun({ spanless }) } }).family).toBe(outer)
    const top = enter()
    expect(startRun({ node: enter(enter(top)) }).family).toBe(top)
  })

  test('is attached to the first span that turns out to be it', () => {
    const [run, node] = [startRun(), enter()]
    run.attachTo(node)
    run.attachTo(enter())
    expect(run.node).toBe(node)
  })

  test('invokes nobody while it is suspended: the run further out does', () => {
    const [top, middle] = [enter(), enter()]
    const outer = becomeRun(top, 'outer')
    middle.moveBelow(top)
    const inner = becomeRun(middle, 'inner')
    expect(notSuspended(inner)).toBe(inner)
    inner.end.record('run_suspended', 'observed', () => 'e1')
    expect(notSuspended(inner)).toBe(outer)
    outer.end.record('run_suspended', 'observed', () => 'e1')
    expect(notSuspended(inner)).toBeUndefined()
  })
})
