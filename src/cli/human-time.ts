import { parseTimestamp } from '../events/time.js'
import { UsageError } from './usage-error.js'

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/**
 * Parses a time as people write it: `2h` (ago; units s, m, h, d, w), `now`, `today`, `yesterday` and `2026-11-21` (midnight where
 * the terminal is), or RFC 3339.
 *
 * Attacker-controlled: where a script passes words on; what fits none of these forms is refused.
 */
export function parseHumanTime(text: string, option: string, now: number): string {
  const time = parseTimestamp(atMillis(text, now) ?? text)
  if (time !== undefined) return time
  throw new UsageError(
    `--${option}: '${text}' is no time; say 2h (ago; s, m, h, d, w), today, yesterday, 2026-11-21 or 2026-11-21T22:35:06Z`,
  )
}

function atMillis(text: string, now: number): number | undefined {
  const [, amount, unit = ''] = /^(\d+)([smhdw])$/.exec(text) ?? []
  if (amount !== undefined) return now - Number(amount) * (UNIT_MILLIS[unit] as number)
  const today = new Date(now)
  switch (text) {
    case 'now':
      return now
    case 'today':
      return today.setHours(0, 0, 0, 0)
    case 'yesterday':
      today.setDate(today.getDate() - 1)
      return today.setHours(0, 0, 0, 0)
    default:
      return midnight(text)
  }
}

function midnight(text: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  if (parseTimestamp(`${text}T00:00:00Z`) === undefined) return undefined
  return new Date(Number(year), Number(month) - 1, Number(day)).getTime()
}
