import type { HrTime, TimeInput } from '@opentelemetry/api'

/** OpenTelemetry's `TimeInput` as high-resolution time: now, when there is none. */
export function toHrTime(time: TimeInput | undefined): HrTime {
  if (Array.isArray(time)) return time
  if (time instanceof Date) return fromMillis(time.getTime())
  if (typeof time !== 'number') return fromMillis(Date.now())
  // As in the SDK: a number smaller than the process's start is a reading of performance.now().
  return fromMillis(time < performance.timeOrigin ? performance.timeOrigin + time : time)
}

export function isEarlier(time: HrTime, than: HrTime): boolean {
  return time[0] < than[0] || (time[0] === than[0] && time[1] < than[1])
}

function fromMillis(millis: number): HrTime {
  const seconds = Math.floor(millis / 1000)
  return [seconds, Math.round((millis - seconds * 1000) * 1e6)]
}
