import { timestampFromMillis } from '../events/time.js'

/** Times of recording, as entries have them: `from` and `to` inclusive. Plain, so that one thread can tell it to another. */
export interface YoungSpan {
  readonly from: string
  readonly to: string
}

/** The form in which a log writes `recordedAt`. */
const RECORDED_AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/

/**
 * The times at which an entry was recorded that the next checkpoint is still to cover: at most two intervals away from
 * now. A time in the future is no excuse either.
 */
export function youngSpan(nowMillis: number, checkpointIntervalMillis: number): YoungSpan {
  const [from, to] = [nowMillis - 2 * checkpointIntervalMillis, nowMillis + 2 * checkpointIntervalMillis]
  return { from: timestampFromMillis(Math.max(0, from)), to: timestampFromMillis(to) }
}

export function isYoung(recordedAt: unknown, { from, to }: YoungSpan): boolean {
  return typeof recordedAt === 'string' && RECORDED_AT.test(recordedAt) && recordedAt >= from && recordedAt <= to
}
