import { describe, expect, it } from 'vitest'
import { seal, sealData, throwing } from '../../../test/support/sealed.js'

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
