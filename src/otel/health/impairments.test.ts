import { expect, test } from 'vitest'
import type { AuditEventInput } from '../../events/index.js'
import { Impairments } from './impairments.js'

const none = { spans: 0, agentSpans: 0, events: 0, dropped: 0, sampledAway: 0, foreign: 0 }

function told() {
  const events: AuditEventInput<'auditing_impaired'>['data'][] = []
  const impairments = new Impairments(({ data }) => events.push(data), 0)
  return { events, impairments }
}

test('tells at once when spans begin to be missed, then once a minute, and at the end', () => {
  const { events, impairments } = told()
  impairments.look(none, 1_000, false)
  expect(events).toEqual([])
  for (let second = 2; second <= 63; second++) impairments.look({ ...none, sampledAway: second }, second * 1_000, false)
  expect(events.map(({ spans }) => spans)).toEqual([2, 60])
  impairments.look({ ...none, sampledAway: 63, foreign: 4 }, 64_000, true)
  expect(events[0]).toMatchObject({
    reasons: ['spans_sampled_away'],
    from: expect.stringContaining('00:00:01.000'),
    to: expect.stringContaining('00:00:02.000'),
  })
  expect(events[2]).toMatchObject({ reasons: ['foreign_provider', 'spans_sampled_away'], spans: 5 })
  impairments.look({ ...none, sampledAway: 63, foreign: 4 }, 65_000, true)
  expect(events).toHaveLength(3)
})

test('tells of a time that does not run backwards', () => {
  const { events, impairments } = told()
  impairments.look(none, 9_000, false)
  impairments.look({ ...none, foreign: 1 }, 5_000, false)
  expect(events).toMatchObject([{ from: expect.stringContaining(':05.0'), to: expect.stringContaining(':05.0') }])
})
