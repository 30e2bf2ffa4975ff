import { expect, it } from 'vitest'
import type { AuditEvent } from '../../events/types.js'
import { sealedEntry } from '../../testing/index.js'
import { Sealer } from '../sealing/seal.js'
import { RecoveredEvents } from './recovered-events.js'

const ORIGIN = 'log.example'
const position = { segment: 1, offset: 0 }
const HEAD = '2026-03-01T00:00:00.000000000Z'

function takenOver() {
  return new RecoveredEvents(new Sealer(() => [1_795_300_506, 0], ORIGIN), ORIGIN, HEAD)
}
const at = (time: string, more: Parameters<typeof sealedEntry>[0] = {}) => {
  const entry = sealedEntry({ time, ...more })
  return { entry, event: JSON.parse(Buffer.from(entry.bytes).toString()) as AuditEvent }
}
const dataOf = (taken: RecoveredEvents) =>
  taken.statements().map(({ event, bytes }) => [event.type, JSON.parse(Buffer.from(bytes).toString()).data])

it('what is older than the log is attested by nothing, whatever its MAC says', () => {
  const taken = takenOver()
  for (const time of ['2026-03-01T00:00:01Z', '2026-01-05T00:00:00Z', '2026-01-05T00:00:01Z']) {
    taken.add({ ...at(time), position, isAttested: true })
  }
  expect(taken).toMatchObject({ events: 3, unattested: 1 })
  const [from, to] = ['2026-03-01T00:00:01.000000000Z', '2026-01-05T00:00:01.000000000Z']
  expect(dataOf(taken)).toEqual([['events_recovered', { count: 3, unattested: 1, from, to }]])
  expect(taken.statements()).toEqual([])
})

it('unless the log itself said that its clock was set back', () => {
  const earlier = '2026-01-05T00:00:00Z'
  const step = { type: 'clock_stepped', data: { from: HEAD, to: earlier } } as const
  for (const [statementOf, unattested] of [
    [ORIGIN, 0],
    ['other.example', 1],
    [undefined, 1],
  ] as const) {
    const taken = takenOver()
    const entry = at(earlier, { ...step, ...(statementOf && { statementOf }) } as Parameters<typeof sealedEntry>[0])
    for (const each of [entry, at(earlier)]) taken.add({ ...each, position, isAttested: true })
    expect(taken).toMatchObject({ events: 2, unattested })
  }
})

it('and is stated behind the step of the clock where the log was ahead', () => {
  const taken = takenOver()
  taken.add({ ...at('2046-01-01T00:00:00Z'), position, isAttested: false })
  expect(dataOf(taken).map(([type]) => type)).toEqual(['clock_stepped', 'events_recovered'])
})
