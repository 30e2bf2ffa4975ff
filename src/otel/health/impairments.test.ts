import { expect, test } from 'vitest'
import type { AuditEventInput } from '../../events/index.js'
import { Impairments } from './impairments.js'

function told() {
  const events: AuditEventInput<'auditing_impaired'>['data'][] = []
  const impairments = new Impairments(({ data }) => events.push(data), 0)
  return { events, impairments }
}

test('tells at once when spans begin to be missed, then once a minute, and at the end', () => {
  const { events, impairments } = told()
  impairments.look(0, 1_000, false)
  expect(events).toEqual([])
  for (let second = 2; second <= 63; second++) impairments.look(second, second * 1_000, false)
  expect(events.map(({ spans }) => spans)).toEqual([2, 60])
  impairments.look(67, 64_000, true)
  expect(events[0]).toMatchObject({
    reasons: ['foreign_provider'],
    from: expect.stringContaining('00:00:01.000'),
    to: expect.stringContaining('00:00:02.000'),
  })
  expect(events[2]).toMatchObject({ reasons: ['foreign_provider'], spans: 5 })
  impairments.look(67, 65_000, true)
  expect(events).toHaveLength(3)
})

test('tells of a time that does not run backwards', () => {
  const { events, impairments } = told()
  impairments.look(0, 9_000, false)
  impairments.look(1, 5_000, false)
  expect(events).toMatchObject([{ from: expect.stringContaining(':05.0'), to: expect.stringContaining(':05.0') }])
})
