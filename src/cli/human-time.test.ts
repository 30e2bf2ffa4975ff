import { expect, test } from 'vitest'
import { parseHumanTime } from './human-time.js'
import { UsageError } from './usage-error.js'

const now = Date.parse('2026-11-21T22:35:06.753Z')
const parsed = (text: string) => parseHumanTime(text, 'since', now)
const local = (...date: readonly [number, number, number]) => `${new Date(...date).toISOString().slice(0, -1)}000000Z`

test.each([
  ['now', '2026-11-21T22:35:06.753000000Z'],
  ['90s', '2026-11-21T22:33:36.753000000Z'],
  ['5m', '2026-11-21T22:30:06.753000000Z'],
  ['2h', '2026-11-21T20:35:06.753000000Z'],
  ['7d', '2026-11-14T22:35:06.753000000Z'],
  ['1w', '2026-11-14T22:35:06.753000000Z'],
  ['2026-11-21T23:35:06+01:00', '2026-11-21T22:35:06.000000000Z'],
])('%s', (text, time) => {
  expect(parsed(text)).toBe(time)
})

test('days begin at midnight where the terminal is', () => {
  const today = new Date(now)
  const [year, month, day] = [today.getFullYear(), today.getMonth(), today.getDate()]
  expect(parsed('today')).toBe(local(year, month, day))
  expect(parsed('yesterday')).toBe(local(year, month, day - 1))
  expect(parsed('2024-02-29')).toBe(local(2024, 1, 29))
})

test.each(['', '2', 'h', '-2h', '2h30m', '2 h', 'tomorrow', '2026-02-29', '2026-11-21T10:00', `${'9'.repeat(400)}w`])(
  "'%s' is an error that says what is accepted",
  (text) => {
    expect(() => parsed(text)).toThrow(UsageError)
    expect(() => parsed(text)).toThrow(/--since: .* say 2h/)
  },
)
