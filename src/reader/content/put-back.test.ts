import { describe, expect, test } from 'vitest'
import { putContentBack } from './put-back.js'

const item = (field: string, more: object = {}) => ({
  field,
  class: 'diagnostic',
  digest: 'keyed-sha256:00',
  bytes: 1,
  level: 'content',
  ...more,
})

/** An event as JSON of an entry gives it, with items of these fields. */
function eventWith(fields: readonly string[], more: object = {}) {
  const event = { type: 'custom', data: { name: 'n', list: [null, 1], deep: { code: 'E' } }, ...more }
  return JSON.parse(JSON.stringify({ ...event, content: { key: 'k', items: fields.map((field) => item(field)) } }))
}

const readable = (value: unknown) => ({ status: 'readable' as const, value })

/** Fields that are none of an event's content, or are taken: a forged item may name any. */
const HOSTILE = [
  '__proto__.polluted',
  'constructor.prototype.polluted',
  'data.__proto__.polluted',
  'data.constructor.prototype.polluted',
  'data.deep.__proto__.polluted',
  'data.name',
  'data.name.length',
  'data.list.1',
  'data.list.length',
  'data.list.7',
  'data.nothing.there',
  'type',
  'seq',
  'tenantId',
  'content.key',
  'content',
  '',
  '.',
  'data',
  '\\',
]

describe('putting content back', () => {
  test.each(HOSTILE)('changes nothing but the item where its field is %j', (field) => {
    const event = eventWith([field])
    const before = JSON.stringify({ ...event, content: undefined })
    putContentBack(event, [readable('x')], 'all')
    expect(JSON.stringify({ ...event, content: undefined })).toBe(before)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(([] as { polluted?: unknown }).polluted).toBeUndefined()
    expect(event.content.items).toEqual([item(field, { status: 'readable' })])
  })

  test('fills the member and the place in a list that a value was taken from', () => {
    const event = eventWith(['data.deep.message', 'data.list.0', 'data.a\\.b', 'data.__proto__'])
    putContentBack(event, ['no', [2], 'dotted', { own: true }].map(readable), 'all')
    expect(event.data).toMatchObject({ deep: { code: 'E', message: 'no' }, list: [[2], 1], 'a.b': 'dotted' })
    expect(Object.getOwnPropertyDescriptor(event.data, '__proto__')?.value).toEqual({ own: true })
    expect(Object.getPrototypeOf(event.data)).toBe(Object.prototype)
  })

  test('puts the id of an actor in place of the pseudonym, also where a caller claimed it', () => {
    const event = eventWith(['actor.id'], { actor: { id: 'pseudonym-1' }, claimed: { userId: 'pseudonym-1' } })
    putContentBack(event, [readable('ann')], 'diagnostics')
    expect(event).toMatchObject({ actor: { id: 'ann' }, claimed: { userId: 'ann' } })
    const other = eventWith(['actor.id'], { actor: { id: 'pseudonym-1' }, claimed: { userId: 'bob' } })
    putContentBack(other, [readable(['no id'])], 'diagnostics')
    expect(other).toMatchObject({ actor: { id: 'pseudonym-1' }, claimed: { userId: 'bob' } })
  })

  test('says of each item that was asked for what became of it, and lets no entry say that itself', () => {
    const forged = { status: 'readable', erasure: { seq: 1, time: 'then' } }
    const event = eventWith([])
    event.content.items = [
      item('data.one', forged),
      item('data.two', { class: 'payload', ...forged }),
      null,
      { field: 1, ...forged },
    ]
    const erasure = { time: '2026-12-01T00:00:00.000000000Z', seq: 7, log: 1 }
    putContentBack(event, [{ status: 'erased', erasure }], 'diagnostics')
    expect(event.content.items).toEqual([
      item('data.one', { status: 'erased', erasure }),
      item('data.two', { class: 'payload' }),
      null,
      { field: 1 },
    ])
  })

  test.each([undefined, null, 7, 'text', [], {}, { items: 7 }, { key: 1, items: [1] }])(
    'leaves an event alone whose content is %j',
    (content) => {
      const event = { data: {}, content }
      putContentBack(event, [readable('x')], 'all')
      expect(event).toEqual({ data: {}, content })
    },
  )
})
