import { describe, expect, test } from 'vitest'
import { Run, type RunInit } from './run.js'

const NOW = '2026-05-01T10:00:00.000Z'

function startRun(init: Partial<RunInit> = {}): Run {
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
})
