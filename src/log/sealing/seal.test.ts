import { describe, expect, it } from 'vitest'
import { SECONDS, sealer, throwing } from '../../../test/support/sealed.js'
import { HAS_RANDOM_ID, randomId } from '../../events/random-id.js'
import type { HrTime } from '../../events/time.js'
import type { RecordInput } from '../contract.js'
import { Sealer } from './seal.js'

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
