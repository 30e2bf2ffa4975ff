import { describe, expect, it } from 'vitest'
import { NOW, seal, throwing } from '../../../test/support/sealed.js'
import type { Alteration } from '../../events/types.js'

describe('the envelope', () => {
  it('is completed from nothing but a type and data', () => {
    const event = seal({ type: 'agent_handoff', data: { to: 'writer' } })
    expect(event).toEqual({
      v: 1,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
      type: 'agent_handoff',
      time: NOW,
      recordedAt: NOW,
      tenantId: 'default',
      sessionId: 'default',
      source: { convention: 'append', scope: 'spanledger' },
      data: { to: 'writer' },
    })
  })

  it('keeps all that is said, in one order of fields', () => {
    const given = {
      data: { to: 'writer' },
      source: { service: 's', scopeVersion: '1', scope: 'ai', convention: 'ai-sdk', confidence: 'heuristic' },
      supersedes: 'e-0',
      trace: { parentSpanId: '3'.repeat(16), spanId: '2'.repeat(16), traceId: '1'.repeat(32) },
      actor: { id: 'u-1' },
      agent: { name: 'Planner', id: 'planner' },
      parentRunId: 'r-0',
      runId: 'r-1',
      sessionId: 's-1',
      tenantId: 't-1',
      time: '2026-11-21T23:00:00+01:00',
      type: 'agent_handoff',
      id: 'mine',
    }
    const event = seal(given)
    expect(event).toEqual({
      ...given,
      v: 1,
      time: '2026-11-21T22:00:00.000000000Z',
      recordedAt: NOW,
      salt: expect.stringMatching(/^[\da-f]{32}$/),
    })
    expect(Object.keys(event)).toEqual(
      'v id type time recordedAt tenantId sessionId runId parentRunId agent actor trace supersedes source salt data'.split(
        ' ',
      ),
    )
    expect(Object.keys(event.source as object)).toEqual([
      'convention',
      'scope',
      'scopeVersion',
      'service',
      'confidence',
    ])
    expect(Object.keys(event.trace as object)).toEqual(['traceId', 'spanId', 'parentSpanId'])
  })

  it.each([
    [{ sessionId: 's-1', trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }, runId: 'r-1' }, 's-1'],
    [{ trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }, runId: 'r-1' }, 'a'.repeat(32)],
    [{ runId: 'r-1' }, 'r-1'],
  ])('takes the session from what is there: %j', (scope, sessionId) => {
    expect(seal({ type: 'resumed', data: {}, ...scope }).sessionId).toBe(sessionId)
  })

  it('leaves out fields that are undefined', () => {
    const event = seal({ type: 'resumed', data: { fromCheckpoint: undefined }, runId: undefined, agent: undefined })
    expect(Object.keys(event)).not.toContain('runId')
    expect(event).not.toHaveProperty('altered')
  })

  it('carries the alterations that were made before', () => {
    const altered = [{ field: 'data.error.message', reason: 'truncated', originalLength: 9000 }]
    expect(seal({ type: 'resumed', data: {}, altered }).altered).toEqual(altered)
    const more = seal({ type: 'resumed', data: { n: Number.NaN }, altered }).altered
    expect(more).toEqual([...altered, { field: 'data.n', reason: 'not_json' }])
    const nonsense = seal({ type: 'resumed', data: {}, altered: [{ field: 1 }, 'x', ...altered] }).altered
    expect(nonsense).toEqual([{ field: 'altered', reason: 'invalid' }, ...altered])
  })

  it('of no event at all is that of an untyped one, which says so', () => {
    for (const input of [undefined, null, 5, 'run_started', [], {}]) {
      const event = seal(input)
      expect(event).toMatchObject({ type: 'custom', data: { name: 'untyped' }, tenantId: 'default' })
      expect(event.altered).toContainEqual({ field: 'type', reason: 'missing' })
    }
  })

  it.each<[string, unknown, unknown, Alteration['reason']]>([
    ['tenantId', '', 'default', 'invalid'],
    ['tenantId', { id: 5 }, 'default', 'invalid'],
    ['tenantId', 42, '42', 'invalid'],
    ['sessionId', null, 'default', 'invalid'],
    ['runId', '', undefined, 'invalid'],
    ['time', 'yesterday', NOW, 'invalid'],
    ['time', '2026-02-30T00:00:00.000000000Z', NOW, 'invalid'],
    ['agent', 'planner', undefined, 'invalid'],
    ['agent', { id: 5 }, undefined, 'invalid'],
    ['trace', { traceId: 'a'.repeat(32) }, undefined, 'invalid'],
    ['source', {}, { convention: 'append', scope: 'spanledger' }, 'invalid'],
    ['actor', null, undefined, 'invalid'],
    ['runId', () => 'r', undefined, 'not_json'],
  ])('whose %s is %o stores %o', (field, given, stored, reason) => {
    const event = seal({ type: 'resumed', data: {}, [field]: given })
    expect(event[field]).toEqual(stored)
    expect(event.altered).toContainEqual({ field, reason })
  })

  it('whose getters throw keeps the rest', () => {
    const input = { type: 'resumed', data: { fromCheckpoint: 'c' }, runId: 'r-1' }
    const hostile = Object.defineProperties(input, {
      tenantId: { get: throwing, enumerable: true },
      agent: { get: throwing, enumerable: true },
    })
    expect(seal(hostile)).toMatchObject({
      type: 'resumed',
      tenantId: 'default',
      runId: 'r-1',
      data: { fromCheckpoint: 'c' },
      altered: [
        { field: 'tenantId', reason: 'unreadable' },
        { field: 'agent', reason: 'unreadable' },
      ],
    })
  })

  it('keeps long and malformed ids apart', () => {
    const ids = [`${'s'.repeat(2000)}1`, `${'s'.repeat(2000)}2`, 's-\ud800', 's-\ud801']
    const events = ids.map((sessionId) => seal({ type: 'resumed', data: {}, sessionId }))
    expect(new Set(events.map(({ sessionId }) => sessionId)).size).toBe(4)
    expect(events[0]?.altered).toEqual([{ field: 'sessionId', reason: 'truncated', originalLength: 2001 }])
    expect(events[2]?.altered).toEqual([{ field: 'sessionId', reason: 'malformed_unicode', originalLength: 3 }])
  })
})

describe('the agent', () => {
  it.each<[unknown, unknown]>([
    [{ agent: { id: 'a-1', name: 'planner' } }, { id: 'a-1', name: 'planner' }],
    [{ agent: { name: 'planner', model: 'm' } }, { name: 'planner' }],
    [{ agent: { name: '' } }, undefined],
    [{ agent: { name: 5 } }, undefined],
    [{ agent: 'planner' }, undefined],
    [{ agent: null }, undefined],
    [{ agent: ['planner'] }, undefined],
    [{ agent: { name: 'planner' }, not: Number.NaN }, { name: 'planner' }],
    [Object.defineProperty({}, 'agent', { get: throwing, enumerable: true }), undefined],
    [undefined, undefined],
    [null, undefined],
  ])('of a start that names none is that of its data, where that names one (%#)', (data, agent) => {
    expect(seal({ type: 'run_started', data }).agent).toEqual(agent)
    expect(seal({ type: 'run_started', data, agent: { id: 'given' } }).agent).toEqual({ id: 'given' })
    expect(seal({ type: 'custom', data }).agent).toBeUndefined()
  })

  it('is bounded as one that was given', () => {
    const agent = { name: 'n'.repeat(1e5), id: 'i'.repeat(5000) }
    const taken = seal({ type: 'run_started', data: { agent } })
    const given = seal({ type: 'run_started', data: { agent }, agent })
    expect(taken.agent).toEqual(given.agent)
    expect(taken.altered).toContainEqual({ field: 'agent.name', reason: 'truncated', originalLength: 1e5 })
    expect(Object.keys(taken).indexOf('agent')).toBe(Object.keys(given).indexOf('agent'))
  })
})
