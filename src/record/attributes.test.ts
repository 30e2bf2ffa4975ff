import { describe, expect, test } from 'vitest'
import { attributesFromData, jsonAttributes } from './attributes.js'
import { ALTERED, DATA } from './names.js'

function alteredIn(attributes: Readonly<Record<string, unknown>>): unknown {
  const text = attributes[ALTERED]
  return text === undefined ? undefined : JSON.parse(text as string)
}

describe('attributesFromData', () => {
  test('names fields in snake case and joins nested ones with a dot', () => {
    expect(attributesFromData({ durationMs: 2.5, error: { code: 'E1', message: 'no' }, cached: true })).toEqual({
      'spanledger.duration_ms': 2.5,
      'spanledger.error.code': 'E1',
      'spanledger.error.message': 'no',
      'spanledger.cached': true,
    })
  })

  test('keeps lists of text and writes any other list as JSON', () => {
    expect(attributesFromData({ tags: ['a', 'b'], none: [], mixed: ['a', 1, { b: null }] })).toEqual({
      'spanledger.tags': ['a', 'b'],
      'spanledger.none': [],
      'spanledger.mixed': '["a",1,{"b":null}]',
    })
  })

  test('leaves out what is not there', () => {
    expect(attributesFromData({ reason: undefined, by: null })).toEqual({})
    expect(attributesFromData(undefined)).toEqual({})
    expect(attributesFromData('text')).toEqual({})
  })

  test('passes a long text on without copying it', () => {
    const message = 'x'.repeat(10_000_000)
    expect(attributesFromData({ message })).toEqual({ 'spanledger.message': message })
  })

  test('adds to the attributes that are there', () => {
    expect(attributesFromData({ to: 'b' }, { 'spanledger.run.id': 'r' })).toEqual({
      'spanledger.run.id': 'r',
      'spanledger.to': 'b',
    })
  })

  test('a Date becomes its ISO text', () => {
    expect(attributesFromData({ startedAt: new Date(0) })).toEqual({
      'spanledger.started_at': '1970-01-01T00:00:00.000Z',
    })
  })
})

describe('hostile data', () => {
  test('a getter that throws costs only its own field, and is told', () => {
    const data = {
      to: 'b',
      get from(): string {
        throw new Error('no')
      },
    }
    const attributes = attributesFromData(data)
    expect(attributes).toMatchObject({ 'spanledger.to': 'b' })
    expect(alteredIn(attributes)).toEqual([{ field: 'data.from', reason: 'unreadable' }])
  })

  test('a cycle is cut where it closes', () => {
    const data: Record<string, unknown> = { name: 'a', inner: { list: [] as unknown[] } }
    ;(data.inner as { list: unknown[] }).list.push(1, data)
    const attributes = jsonAttributes(data)
    expect(JSON.parse(attributes[DATA] as string)).toEqual({ name: 'a', inner: { list: [1, null] } })
    expect(alteredIn(attributes)).toEqual([{ field: 'data.inner.list.1', reason: 'cyclic' }])
  })

  test('the same object twice is no cycle', () => {
    const shared = { a: 1 }
    const attributes = jsonAttributes({ x: shared, y: shared })
    expect(attributes).toEqual({ [DATA]: '{"x":{"a":1},"y":{"a":1}}' })
  })

  test('proxies that refuse everything are left out', () => {
    const refuse = () => {
      throw new Error('no')
    }
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    const attributes = jsonAttributes({ a: new Proxy({}, { get: refuse, ownKeys: refuse }), b: revoked, c: 1 })
    expect(attributes[DATA]).toBe('{"c":1}')
    expect(alteredIn(attributes)).toEqual([
      { field: 'data.a', reason: 'unreadable' },
      { field: 'data.b', reason: 'unreadable' },
    ])
    expect(alteredIn(attributesFromData(revoked))).toEqual([{ field: 'data', reason: 'unreadable' }])
  })

  test('a list that claims to be endless is cut', () => {
    const endless = new Proxy([], { get: (_, key) => (key === 'length' ? Number.MAX_SAFE_INTEGER : 1) })
    const attributes = jsonAttributes({ endless })
    expect(JSON.parse(attributes[DATA] as string).endless.length).toBeLessThan(5000)
    expect(alteredIn(attributes)).toEqual([{ field: 'data.endless', reason: 'truncated' }])
  })

  test('objects nested without end are cut', () => {
    let data: unknown = 'core'
    for (let i = 0; i < 100_000; i++) data = { inner: data }
    const attributes = jsonAttributes(data)
    expect((attributes[DATA] as string).length).toBeLessThan(1000)
    expect(alteredIn(attributes)).toMatchObject([{ reason: 'too_deep' }])
  })

  test('JSON text is bounded, and says what was cut', () => {
    const attributes = jsonAttributes({ big: 'x'.repeat(1_000_000), after: 'y' })
    expect((attributes[DATA] as string).length).toBeLessThan(66_000)
    expect(alteredIn(attributes)).toContainEqual({ field: 'data.big', reason: 'truncated', originalLength: 1_000_000 })
  })

  test('a member with an endless name is left out', () => {
    const attributes = jsonAttributes({ a: 1, ['x'.repeat(1_000_000)]: 1 })
    expect(attributes[DATA]).toBe('{"a":1}')
    expect(alteredIn(attributes)).toEqual([{ field: 'data', reason: 'truncated' }])
  })

  test('values that JSON does not know are told', () => {
    const attributes = jsonAttributes({
      big: 12n,
      huge: 10n ** 400n,
      nan: Number.NaN,
      f: () => {},
      s: Symbol('s'),
      ok: 1,
    })
    expect(attributes[DATA]).toBe('{"big":"12","ok":1}')
    expect(alteredIn(attributes)).toEqual(
      ['big', 'huge', 'nan', 'f', 's'].map((field) => ({ field: `data.${field}`, reason: 'not_json' })),
    )
  })

  test('what hides its content from JSON is told, not written as {}', () => {
    const attributes = jsonAttributes({
      map: new Map([[1, 2]]),
      bytes: Buffer.alloc(1_000_000),
      error: new TypeError('no'),
    })
    expect(JSON.parse(attributes[DATA] as string)).toEqual({ error: { name: 'TypeError', message: 'no' } })
    expect(alteredIn(attributes)).toEqual([
      { field: 'data.map', reason: 'not_json' },
      { field: 'data.bytes', reason: 'not_json' },
    ])
  })

  test('toJSON that throws or returns ever new objects does no harm', () => {
    const grow = (): object => ({ toJSON: grow })
    const refuse = {
      toJSON() {
        throw new Error('no')
      },
    }
    const attributes = jsonAttributes({ grow: grow(), refuse, ok: 1 })
    expect(attributes[DATA]).toBe('{"ok":1}')
    expect(alteredIn(attributes)).toMatchObject([
      { field: 'data.grow', reason: 'too_deep' },
      { field: 'data.refuse', reason: 'unreadable' },
    ])
  })

  test('__proto__ is a name like any other', () => {
    const data: unknown = JSON.parse('{"__proto__":{"polluted":true}}')
    expect(jsonAttributes(data)).toEqual({ [DATA]: '{"__proto__":{"polluted":true}}' })
    expect(attributesFromData(data)).toEqual({ 'spanledger.__proto__.polluted': true })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('NUL and lone surrogates survive as JSON', () => {
    const attributes = jsonAttributes({ text: '\0\ud800' })
    expect(JSON.parse(attributes[DATA] as string)).toEqual({ text: '\0\ud800' })
  })

  test('an event with countless faults tells only some of them', () => {
    const data = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, Symbol(String(i))]))
    expect((jsonAttributes(data)[ALTERED] as string).length).toBeLessThan(2000)
  })
})
