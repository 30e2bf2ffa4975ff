import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reversed } from '../../../test/support/reversed.js'
import type { AuditEventInput } from '../../events/types.js'
import { Sealer } from '../sealing/seal.js'
import { isSameContent } from './same-content.js'

/** Seconds of a clock that goes on with each look at it. */
let seconds = 1_767_225_600
const sealer = new Sealer(() => [seconds++, 0], 'test.example/log')
const sealed = (event: object) => sealer.seal({ type: 'custom', id: 'mine', ...event } as AuditEventInput, true).entry
const same = (one: object, other: object) => isSameContent(sealed(one), sealed(other))
const note = (data: object) => ({ data: { name: 'note', ...data } })

describe('the same input, sealed again,', () => {
  it('is the same content, whatever it is and however its members are ordered', () => {
    const anything = fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withNullPrototype: true }))
    fc.assert(
      fc.property(anything, fc.option(fc.date({ noInvalidDate: true }), { nil: undefined }), (data, date) => {
        const year = date?.getUTCFullYear() ?? 2026
        const time = date && year >= 0 && year <= 9999 ? date.toISOString() : undefined
        const event = { data, ...(time === undefined ? {} : { time }) }
        expect(same(event, event)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (data) => {
        expect(same({ data }, { data: reversed(data) })).toBe(true)
      }),
    )
  })

  it.each<[string, object]>([
    ['what is no JSON', note({ a: Number.NaN, b: -0, c: 1n, d: undefined, e: () => {}, f: new Date(0) })],
    ['text that is cut', note({ text: 'x'.repeat(200_000), other: '"'.repeat(90_000) })],
    ['more members than an entry has', note({ list: Array.from({ length: 9_000 }, (_, n) => n) })],
    ['a member named __proto__', note(JSON.parse('{"a":{"__proto__":{"b":1}}}') as object)],
    ['an id that is shortened', { ...note({}), id: 'x'.repeat(5_000), tenantId: 'a\ud800' }],
    ['fields that sealing fills in', { ...note({}), tenantId: 'default' }],
  ])('is the same content: %s', (_, event) => {
    expect(same(event, event)).toBe(true)
  })

  it('may leave out what sealing fills in', () => {
    expect(same(note({}), { ...note({}), tenantId: 'default', sessionId: 'default' })).toBe(true)
    expect(same(note({}), { ...note({}), source: { convention: 'append', scope: 'spanledger' } })).toBe(true)
    expect(same(note({ a: 1 }), note({ a: 1, b: undefined }))).toBe(true)
    expect(
      same({ ...note({}), time: '2026-01-01T00:00:00Z' }, { ...note({}), time: '2026-01-01T01:00:00+01:00' }),
    ).toBe(true)
  })
})

describe('another input', () => {
  it.each<[string, object]>([
    ['type', { type: 'note' }],
    ['session', { sessionId: 'other' }],
    ['run', { runId: 'r' }],
    ['parent run', { parentRunId: 'r' }],
    ['agent', { agent: { id: 'a' } }],
    ['actor', { actor: { id: 'a' } }],
    ['trace', { trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) } }],
    ['source', { source: { convention: 'append', scope: 'other' } }],
    ['data', note({ a: 1 })],
    ['data of another kind', { data: { name: 1 } }],
    ['time that was given', { time: '2026-01-01T00:00:00Z' }],
  ])('is other content: %s', (_, change) => {
    const event = note({})
    expect(same(event, { ...event, ...change })).toBe(false)
    expect(same({ ...event, ...change }, event)).toBe(false)
  })

  it('is other content where only what was cut is longer', () => {
    expect(same(note({ text: 'x'.repeat(200_000) }), note({ text: 'x'.repeat(200_001) }))).toBe(false)
  })

  it('is other content where a list has another order', () => {
    expect(same(note({ list: [1, 2] }), note({ list: [2, 1] }))).toBe(false)
  })

  it('is told by its time, also where that is the time of recording', () => {
    const now = (at: string) => {
      const clock = new Sealer(() => [Date.parse(at) / 1000, 0], 'test.example/log')
      return (time?: string) =>
        clock.seal({ type: 'custom', id: 'mine', ...note({}), ...(time === undefined ? {} : { time }) }, true).entry
    }
    const [first, second] = ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z']
    const [atFirst, atSecond] = [now(first), now(second)]
    expect(isSameContent(atFirst(first), atSecond(second))).toBe(false)
    expect(isSameContent(atFirst(first), atSecond())).toBe(false)
    expect(isSameContent(atFirst(), atSecond(second))).toBe(false)
    expect(isSameContent(atFirst(), atSecond())).toBe(true)
    expect(isSameContent(atFirst(first), atSecond(first))).toBe(true)
  })
})

it('what is no event is the same as nothing else', () => {
  const entry = sealed(note({}))
  const damaged = { bytes: Buffer.from('{'), leafHash: Buffer.alloc(32) }
  expect(isSameContent(damaged, entry)).toBe(false)
  expect(isSameContent(damaged, damaged)).toBe(true)
})
