/**
 * RFC 3339 in UTC with exactly nine fraction digits: `2026-11-21T22:35:06.753000000Z`.
 * The fixed width makes string order time order.
 */
export type Timestamp = string

/** OpenTelemetry's `[seconds, nanoseconds]` since the Unix epoch. */
export type HrTime = readonly [seconds: number, nanoseconds: number]

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/
/** Has the days of each month, but for the 29th of February, which needs the calendar. */
const STORED_FORM =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{9}Z$/
const EARLIEST_SECONDS = -62167219200 // 0000-01-01T00:00:00Z
const LATEST_SECONDS = 253402300799 // 9999-12-31T23:59:59Z: beyond it a timestamp is wider than the format

/** The numbers below 1,000 in three digits each. */
const THREE_DIGITS = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'))

let lastSeconds = Number.NaN
let lastPrefix = ''

/** Formats OpenTelemetry's high-resolution time; a time outside the years 0000–9999 is clamped to them. */
export function timestampFromHrTime([seconds, nanoseconds]: HrTime): Timestamp {
  if (seconds !== lastSeconds) {
    const clamped = Math.min(Math.max(seconds, EARLIEST_SECONDS), LATEST_SECONDS)
    lastPrefix = new Date(Math.trunc(clamped || 0) * 1000).toISOString().slice(0, 20)
    lastSeconds = seconds
  }
  const fraction = Math.min(Math.max(Math.trunc(nanoseconds) || 0, 0), 999_999_999)
  const micros = Math.trunc(fraction / 1000)
  const millis = Math.trunc(micros / 1000)
  return `${lastPrefix}${digits(millis)}${digits(micros - millis * 1000)}${digits(fraction - micros * 1000)}Z`
}

function digits(belowThousand: number): string {
  return THREE_DIGITS[belowThousand] as string
}

/** Formats milliseconds since the Unix epoch (fractions of a millisecond are kept). */
export function timestampFromMillis(millis: number): Timestamp {
  const seconds = Math.floor(millis / 1000)
  return timestampFromHrTime([seconds, Math.round((millis - seconds * 1000) * 1e6)])
}

/** The time a nanosecond later; the last second of the year 9999 has no later one. */
export function nanosecondAfter(time: Timestamp): Timestamp {
  const nanoseconds = Number(time.slice(20, 29)) + 1
  const seconds = Date.parse(`${time.slice(0, 19)}Z`) / 1000
  return timestampFromHrTime(nanoseconds < 1e9 ? [seconds, nanoseconds] : [seconds + 1, 0])
}

/** Nanoseconds between two timestamps as milliseconds, never negative. */
export function millisBetween(from: Timestamp, to: Timestamp): number {
  const isSameSecond = to.startsWith(from.slice(0, 19))
  const wholeMillis = isSameSecond ? 0 : Date.parse(`${to.slice(0, 19)}Z`) - Date.parse(`${from.slice(0, 19)}Z`)
  const nanos = Number(to.slice(20, 29)) - Number(from.slice(20, 29))
  return Math.max(0, wholeMillis + nanos / 1e6)
}

/** Returns whether a value is a time in the form that is stored: {@link parseTimestamp} would return it unchanged. */
export function isTimestamp(value: unknown): value is Timestamp {
  return typeof value === 'string' && (STORED_FORM.test(value) || parseTimestamp(value) === value)
}

/**
 * Parses an RFC 3339 time with any offset, a `Date`, or milliseconds since the epoch. Fraction digits past the ninth are
 * cut. Returns `undefined` for anything else, for days that are not in the calendar, for leap seconds (Unix time, which
 * OpenTelemetry counts in, has none) and for years outside 0000–9999.
 *
 * Attacker-controlled: any value, from telemetry, queries and entries; one anchored pattern accepts it or nothing does.
 */
export function parseTimestamp(value: unknown): Timestamp | undefined {
  if (value instanceof Date) return parseMillis(value.getTime())
  if (typeof value === 'number') return parseMillis(value)
  if (typeof value !== 'string') return undefined
  const match = RFC3339.exec(value)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (!Number.isFinite(local) || new Date(local).getUTCDate() !== Number(day)) return undefined
  const seconds = local / 1000 - offsetSeconds(zone)
  if (seconds < EARLIEST_SECONDS || seconds > LATEST_SECONDS) return undefined
  return timestampFromHrTime([seconds, Number(fraction.padEnd(9, '0'))])
}

function parseMillis(millis: number): Timestamp | undefined {
  const seconds = millis / 1000
  if (!(seconds >= EARLIEST_SECONDS && seconds <= LATEST_SECONDS)) return undefined
  return timestampFromMillis(millis)
}

function offsetSeconds(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4, 6)) * 60)
}
