import type { Timestamp } from '../events/time.js'

/*
 * Times as other formats count them. A stored time is `2026-11-21T22:35:06.753000000Z`; most of those that follow each
 * other are of the same second.
 */

let lastPrefix = ''
let lastSeconds = Number.NaN

function epochSeconds(time: Timestamp): number {
  const prefix = time.slice(0, 19)
  if (prefix !== lastPrefix) {
    lastPrefix = prefix
    lastSeconds = Date.parse(`${prefix}Z`) / 1000
  }
  return lastSeconds
}

/** Milliseconds since the Unix epoch, rounded down. */
export function epochMillis(time: Timestamp): number {
  return epochSeconds(time) * 1000 + Number(time.slice(20, 23))
}

/** Microseconds since the Unix epoch, rounded down: nanoseconds of all years that a time may have do not fit an int64. */
export function epochMicros(time: Timestamp): bigint {
  return BigInt(epochSeconds(time)) * 1_000_000n + BigInt(time.slice(20, 26))
}

/** The last second whose nanoseconds fit a uint64: in the year 2554. */
const LAST_NANO_SECONDS = 18_446_744_072

/** Nanoseconds since the Unix epoch, as the text that JSON has for a uint64; `0`, unknown, where that cannot say it. */
export function epochNanos(time: Timestamp): string {
  const seconds = epochSeconds(time)
  if (seconds < 0 || seconds > LAST_NANO_SECONDS) return '0'
  return seconds === 0 ? String(Number(time.slice(20, 29))) : `${seconds}${time.slice(20, 29)}`
}
