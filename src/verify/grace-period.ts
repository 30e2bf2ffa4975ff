import { timestampFromMillis } from '../events/time.js'

/**
 * The times of recording of entries that the next checkpoint is still to cover: `from` and `to` inclusive, as entries
 * have them. Plain, so that one thread can send it to another.
 */
export interface GracePeriod {
  readonly from: string
  readonly to: string
}

/** The form in which a log writes `recordedAt`. */
const RECORDED_AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/

/** Returns two checkpoint intervals on both sides of now: a time in the future is no excuse either. */
export function gracePeriodAt(nowMillis: number, checkpointIntervalMillis: number): GracePeriod {
  const [from, to] = [nowMillis - 2 * checkpointIntervalMillis, nowMillis + 2 * checkpointIntervalMillis]
  return { from: timestampFromMillis(Math.max(0, from)), to: timestampFromMillis(to) }
}

export function isInGrace(recordedAt: unknown, { from, to }: GracePeriod): boolean {
  return typeof recordedAt === 'string' && RECORDED_AT.test(recordedAt) && recordedAt >= from && recordedAt <= to
}
