import { type Alteration, type Timestamp, timestampFromHrTime } from '../../events/index.js'
import { type HrTime, isPlausible, mendedTime } from '../hr-time.js'
import type { SpanLike } from '../span.js'

/*
 * Times that cannot be: microseconds handed in as milliseconds, NaN, the years 1970 and 9999. They are mended by their
 * magnitude, else from the span's other time, else from the moment at which they were seen, and the event says so.
 */

/** A time as it is recorded. */
export interface ReadTime {
  readonly time: Timestamp
  /** The time is not the one that was handed in. */
  readonly isMended: boolean
}

/** Marks an event whose own time is mended. */
export const TIME_MENDED: Alteration = Object.freeze({ field: 'time', reason: 'invalid' })

export const START_MENDED: Alteration = Object.freeze({ field: 'data.startedAt', reason: 'invalid' })
export const DURATION_MENDED: Alteration = Object.freeze({ field: 'data.durationMs', reason: 'invalid' })

/** Reads a time that something was given, seen at `nowMillis`. */
export function readTime(time: HrTime, nowMillis: number): ReadTime {
  if (isPlausible(time, nowMillis)) return { time: timestampFromHrTime(time), isMended: false }
  return { time: timestampFromHrTime(mendedTime(time, nowMillis) ?? fromMillis(nowMillis)), isMended: true }
}

/** Reads when a span started. */
export function startOf({ startTime, endTime }: SpanLike, nowMillis: number): ReadTime {
  if (isPlausible(startTime, nowMillis)) return { time: timestampFromHrTime(startTime), isMended: false }
  const mended = mendedTime(startTime, nowMillis)
  if (mended) return { time: timestampFromHrTime(mended), isMended: true }
  return { time: readTime(endTime, nowMillis).time, isMended: true }
}

/** Reads when a span ended, which is not before it started. */
export function endOf({ endTime }: SpanLike, startedAt: Timestamp, nowMillis: number): ReadTime {
  const read = readTime(endTime, nowMillis)
  return read.time < startedAt ? { time: startedAt, isMended: true } : read
}

function fromMillis(millis: number): HrTime {
  return [Math.floor(millis / 1000), (millis % 1000) * 1e6]
}
