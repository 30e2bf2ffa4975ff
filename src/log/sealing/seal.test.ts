import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { HAS_RANDOM_ID, randomId } from '../../events/random-id.js'
import type { HrTime } from '../../events/time.js'
import type { Alteration } from '../../events/types.js'
import type { RecordInput } from '../contract.js'
import { MAX_ENTRY_BYTES } from './plain.js'
import { Sealer } from './seal.js'

const SECONDS = 1_795_300_506
const NOW = '2026-11-21T22:35:06.000000007Z'
const sealer = () => new Sealer(() => [SECONDS, 7], 'test.example/log')

/** Seals what may be no event at all, and reads it back. */
function seal(input: unknown): Record<string, unknown> {
  const {
    entry: { bytes, leafHash },
    event,
  } = sealer().seal(input as RecordInput, false)
  expect(bytes.length).toBeLessThanOrEqual(MAX_ENTRY_BYTES)
  expect(Buffer.from(leafHash)).toEqual(createHash('sha256').update(Buffer.of(0)).update(bytes).digest())
  const stored = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
  expect(stored).toEqual(event)
  return stored
}

function sealData(data: unknown): { data: unknown; altered: readonly Alteration[] | undefined } {
  const { data: stored, altered } = seal({ type: 'custom', data })
  return { data: stored, altered: altered as readonly Alteration[] | undefined }
}

function throwing(): never {
  throw new Error('not today')
}

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

describe('recordedAt', () => {
  it("is the clock's word, also where it goes back, while time stays what the observer said", () => {
    const times: HrTime[] = [
      [SECONDS, 5],
      [SECONDS, 4],
      [SECONDS - 3600, 0],
      [SECONDS, 6],
    ]
    const clocked = new Sealer(() => times.shift() as HrTime, 'test.example/log')
    const observed = '2020-01-01T00:00:00.000000000Z'
    const events = [1, 2, 3, 4].map(() => clocked.seal({ type: 'resumed', data: {}, time: observed }, false).event)
    expect(events.map(({ recordedAt }) => recordedAt.slice(11))).toEqual([
      '22:35:06.000000005Z',
      '22:35:06.000000004Z',
      '21:35:06.000000000Z',
      '22:35:06.000000006Z',
    ])
    expect(events.every(({ time }) => time === observed)).toBe(true)
  })

  it('is not before a time that is milliseconds ahead, and does not follow one that is more', () => {
    let nanos = 0
    const log = new Sealer(() => [SECONDS, nanos], 'test.example/log')
    const recordedAt = (time: string) => log.seal({ type: 'custom', time, data: { name: 'n' } }, false).event.recordedAt
    const at = (fraction: string) => `2026-11-21T22:35:06.${fraction}Z`
    expect(recordedAt(at('004000001'))).toBe(at('004000001'))
    expect(recordedAt(at('000000000'))).toBe(at('000000000'))
    // By the clock, not by what was recorded before: or it would be led on and on.
    expect(recordedAt(at('008000000'))).toBe(at('000000000'))
    expect(recordedAt('2027-01-01T00:00:00Z')).toBe(at('000000000'))
    nanos = 6_000_000
    expect(recordedAt(at('008000000'))).toBe(at('008000000'))
    expect(recordedAt(at('000000000'))).toBe(at('006000000'))
  })

  it('survives a clock that throws or tells nonsense', () => {
    const clocks: (() => unknown)[] = [throwing, () => undefined, () => 'noon', () => [Number.NaN, Number.NaN]]
    for (const clock of clocks) {
      const { event } = new Sealer(clock as () => HrTime, 'test.example/log').seal({ type: 'resumed', data: {} }, false)
      expect(event.recordedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
    }
  })
})

describe('data that JSON would change', () => {
  it('says what was changed, and where', () => {
    const cyclic: Record<string, unknown> = { name: 'c' }
    cyclic.self = cyclic
    const { data, altered } = sealData({
      name: 'n',
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      big: 2n ** 70n,
      huge: 2n ** 5000n,
      call: () => 1,
      mark: Symbol('s'),
      list: [1, undefined, () => 1, Number.NaN],
      cyclic,
      map: new Map([[1, 2]]),
      bytes: Buffer.alloc(1e6),
      error: new RangeError('no'),
      date: new Date(0),
      absent: undefined,
      lone: 'a\ud800b',
    })
    expect(data).toEqual({
      name: 'n',
      nan: null,
      infinite: null,
      big: '1180591620717411303424',
      list: [1, null, null, null],
      cyclic: { name: 'c' },
      error: { name: 'RangeError', message: 'no' },
      date: '1970-01-01T00:00:00.000Z',
      lone: 'a\ufffdb',
    })
    expect(altered).toEqual([
      { field: 'data.nan', reason: 'not_json' },
      { field: 'data.infinite', reason: 'not_json' },
      { field: 'data.big', reason: 'not_json' },
      { field: 'data.huge', reason: 'not_json' },
      { field: 'data.call', reason: 'not_json' },
      { field: 'data.mark', reason: 'not_json' },
      { field: 'data.list.1', reason: 'not_json' },
      { field: 'data.list.2', reason: 'not_json' },
      { field: 'data.list.3', reason: 'not_json' },
      { field: 'data.cyclic.self', reason: 'cyclic' },
      { field: 'data.map', reason: 'not_json' },
      { field: 'data.bytes', reason: 'not_json' },
      { field: 'data.error', reason: 'not_json' },
      { field: 'data.lone', reason: 'malformed_unicode' },
    ])
  })

  it('keeps what can be read beside what throws', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const { data, altered } = sealData({
      before: 1,
      get getter() {
        return throwing()
      },
      json: { toJSON: throwing },
      trap: new Proxy({}, { ownKeys: throwing }),
      revoked: proxy,
      after: 2,
    })
    expect(data).toEqual({ before: 1, after: 2 })
    const unreadable = ['data.getter', 'data.json', 'data.trap', 'data.revoked']
    expect(altered).toEqual(unreadable.map((field) => ({ field, reason: 'unreadable' })))
  })

  it('reads every member once', () => {
    let reads = 0
    const data = {
      get count() {
        return ++reads
      },
    }
    expect(sealData(data).data).toEqual({ count: 1 })
  })

  it('keeps own members named __proto__, toJSON or constructor as data', () => {
    const text = '{"name":"n","__proto__":{"polluted":true},"constructor":{"prototype":1},"toJSON":"x"}'
    const { data, altered } = sealData(JSON.parse(text))
    expect(JSON.stringify(data)).toBe(text)
    expect(altered).toBeUndefined()
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('tells an escaped text from a lone surrogate', () => {
    const { data, altered } = sealData({ text: '\\ud800', pair: '🙂' })
    expect(data).toEqual({ text: '\\ud800', pair: '🙂' })
    expect(altered).toBeUndefined()
  })

  it('keeps a shared object at both places', () => {
    const shared = { a: 1 }
    expect(sealData({ one: shared, two: [shared] })).toEqual({ data: { one: { a: 1 }, two: [{ a: 1 }] } })
  })

  it('calls toJSON once, also where it returns something that has one', () => {
    const twice = { toJSON: () => ({ a: 1, toJSON: () => 'never' }) }
    const { data, altered } = sealData({ twice })
    expect(data).toEqual({ twice: { a: 1 } })
    expect(altered).toEqual([{ field: 'data.twice.toJSON', reason: 'not_json' }])
  })

  it.each([['text'], [5], [[1, 2]], [true]])('wraps data that is no object: %j', (value) => {
    expect(sealData(value)).toEqual({ data: { value }, altered: [{ field: 'data', reason: 'invalid' }] })
  })

  it('stores data of nothing as an empty object', () => {
    expect(sealData(undefined)).toEqual({ data: {}, altered: [{ field: 'data', reason: 'missing' }] })
  })
})

describe('data out of bounds', () => {
  it('is cut below the sixteenth level', () => {
    let nested: object = { bottom: true }
    for (let depth = 0; depth < 20; depth++) nested = { n: nested }
    const { data, altered } = sealData(nested)
    expect(JSON.stringify(data)).toBe(`${'{"n":'.repeat(15)}{}${'}'.repeat(15)}`)
    expect(altered).toEqual([{ field: `data${'.n'.repeat(16)}`, reason: 'too_deep' }])
  })

  it('keeps the first 4,096 members', () => {
    const { data, altered } = sealData({ list: Array.from({ length: 10_000 }, (_, i) => i % 10) })
    expect((data as { list: number[] }).list).toHaveLength(4095)
    expect(altered).toEqual([{ field: 'data.list', reason: 'truncated', originalLength: 10_000 }])
  })

  it('has its longest strings cut to one length, and the short ones kept', () => {
    const { data, altered } = sealData({
      short: 'kept',
      a: 'a'.repeat(60_000),
      b: '🙂'.repeat(40_000),
      callId: 'c'.repeat(900),
    })
    const { short, a, b, callId } = data as Record<string, string>
    expect(short).toBe('kept')
    expect(callId).toBe('c'.repeat(900))
    expect(b?.isWellFormed()).toBe(true)
    expect(Math.abs(Buffer.byteLength(a ?? '') - Buffer.byteLength(b ?? ''))).toBeLessThan(4)
    expect(Buffer.byteLength(JSON.stringify(data))).toBeGreaterThan(64_000)
    expect(altered).toEqual([
      { field: 'data.b', reason: 'truncated', originalLength: 80_000 },
      { field: 'data.a', reason: 'truncated', originalLength: 60_000 },
    ])
  })

  it('tells the length before the first of several cuts', () => {
    expect(sealData({ a: 'a'.repeat(1e6) }).altered).toEqual([
      { field: 'data.a', reason: 'truncated', originalLength: 1e6 },
    ])
  })

  it('loses its largest members when strings are not what makes it large', () => {
    const wide = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`${'k'.repeat(50)}${i}`, i]))
    const { data, altered } = sealData({ name: 'kept', runId: 'r', wide })
    expect(data).toMatchObject({ name: 'kept', runId: 'r' })
    expect(Object.keys((data as { wide: object }).wide).length).toBeGreaterThan(500)
    expect(altered?.[0]).toMatchObject({ reason: 'removed', field: expect.stringMatching(/^data\.wide\.k{50}\d+$/) })
  })

  it('says in the list of alterations when that is cut too', () => {
    const { altered } = sealData(Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`k${i}`, Number.NaN])))
    expect(altered?.at(-1)).toEqual({ field: 'altered', reason: 'truncated', originalLength: 4000 })
    expect(Buffer.byteLength(JSON.stringify(altered))).toBeLessThan(8400)
  })

  it('bounds what is named an id by keeping different ones different', () => {
    const [one, two] = ['1', '2'].map((end) => sealData({ callId: 'c'.repeat(5000) + end }))
    expect(one?.altered).toEqual([{ field: 'data.callId', reason: 'truncated', originalLength: 5001 }])
    expect(one?.data).not.toEqual(two?.data)
  })

  it('takes long names of members', () => {
    const { data, altered } = sealData({ ['k'.repeat(1e6)]: 1, [`${'k'.repeat(1e6)}2`]: 2 })
    expect(Object.values(data as object)).toEqual([1, 2])
    expect(altered).toHaveLength(2)
  })

  it('ends where a Proxy never does', () => {
    const endless: object = new Proxy(
      {},
      {
        get: () => endless,
        ownKeys: () => ['a', 'b'],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: endless }),
      },
    )
    expect(sealData({ endless }).altered?.length).toBeGreaterThan(0)
    const long = new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 50 : 'x') })
    expect(sealData({ long }).altered).toContainEqual({
      field: 'data.long',
      reason: 'truncated',
      originalLength: 2 ** 50,
    })
  })

  it('fits when every id is as long and as costly as an id can be', () => {
    const id = '\u0001'.repeat(512)
    const event = seal({
      ...Object.fromEntries(
        ['id', 'type', 'tenantId', 'sessionId', 'runId', 'parentRunId', 'supersedes'].map((field) => [field, id]),
      ),
      agent: { id, name: id },
      actor: { id },
      trace: { traceId: id, spanId: id, parentSpanId: id },
      source: { convention: id, scope: id, scopeVersion: id, service: id },
      data: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}Id`, id])),
    })
    expect(event).toMatchObject({
      id,
      type: id,
      tenantId: id,
      sessionId: id,
      runId: id,
      parentRunId: id,
      supersedes: id,
    })
  })
})

describe('a sealed event', () => {
  it('is a snapshot: neither changing what was handed in nor the event changes how it is filed', () => {
    const input = { type: 'custom' as const, data: { name: 'n', list: [1] }, agent: { name: 'a' } }
    const { event, entry } = sealer().seal(input, false)
    const { bytes } = entry
    const before = Buffer.from(bytes).toString()
    input.data.list.push(2)
    input.agent.name = 'b'
    expect(JSON.stringify(event)).toBe(before)
    Object.assign(event, { sessionId: 'other' })
    Object.assign(event.agent ?? {}, { name: 'other' })
    expect(entry.event).toMatchObject({ sessionId: 'default', agent: { name: 'a' } })
    expect(Buffer.from(entry.bytes).toString()).toBe(before)
  })

  it('shares memory with its neighbours, not content', () => {
    const shared = sealer()
    const entries = Array.from({ length: 2000 }, (_, n) =>
      shared.seal({ type: 'custom', data: { name: 'n', n, pad: 'é'.repeat(n % 50) } }, false),
    )
    for (const {
      entry: { bytes },
      event,
    } of entries)
      expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(event)
  })
})

describe('the salt', () => {
  const entry = (input: object) =>
    sealer().seal({ type: 'custom', data: { name: 'n' }, ...input } as RecordInput, false)

  it('is on an event whose id its caller chose, and is another each time', () => {
    const salts = [1, 2].map(() => entry({ id: 'mine' }).event.salt)
    expect(new Set(salts).size).toBe(2)
    for (const salt of salts) expect(salt).toMatch(/^[\da-f]{32}$/)
  })

  it('is on no other event, and is nothing that a caller could choose', () => {
    expect(entry({}).event.salt).toBeUndefined()
    expect(entry({ salt: '0'.repeat(32) }).event.salt).toBeUndefined()
    expect(entry({ id: 'mine', salt: '0'.repeat(32) }).event.salt).not.toBe('0'.repeat(32))
  })

  it('is on no event whose id is known to be random, which nobody can say in JSON', () => {
    const id = randomId()
    expect(entry({ id, [HAS_RANDOM_ID]: true }).event).toMatchObject({ id })
    expect(entry({ id, [HAS_RANDOM_ID]: true }).event.salt).toBeUndefined()
    expect(entry({ id, ...JSON.parse('{"spanledger.hasRandomId":true}') }).event.salt).toMatch(/^[\da-f]{32}$/)
  })

  it('is on no event with such an id whose content had to be changed either', () => {
    const changed = entry({ id: randomId(), [HAS_RANDOM_ID]: true, data: { name: 'lone \ud800' } }).event
    expect(changed.altered).toHaveLength(1)
    expect(changed.salt).toBeUndefined()
  })

  it('is on an event of which nobody can tell whether its id is random', () => {
    const untellable = new Proxy({ id: 'mine', type: 'custom', data: { name: 'x' } } as const, {
      has: () => {
        throw new Error('no')
      },
    })
    expect(sealer().seal(untellable, false).event.salt).toMatch(/^[\da-f]{32}$/)
  })
})
