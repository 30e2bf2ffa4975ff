import type { HrTime, TimeInput } from '@opentelemetry/api'

export type { HrTime }

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

/** 2010-01-01: no telemetry of agents is older. What is late by days or months is a time like any other. */
const EARLIEST_SECONDS = 1_262_304_000
const DAY_SECONDS = 86_400
/** Clocks that go ahead by less than a year are wrong, but not by their unit. */
const MAX_AHEAD_SECONDS = 366 * DAY_SECONDS
/** Factors that turn seconds, micro- and nanoseconds taken for another unit into what they are. */
const FACTORS = [1e-3, 1e-6, 1e-9, 1e3, 1e6, 1e9]

/** Tells whether something can have happened at a time. */
export function isPlausible([seconds, nanoseconds]: HrTime, nowMillis: number): boolean {
  const ahead = seconds - nowMillis / 1000
  if (!(seconds >= EARLIEST_SECONDS && nanoseconds >= 0 && nanoseconds < 1e9)) return false
  return ahead < DAY_SECONDS || (ahead < MAX_AHEAD_SECONDS && secondsFromReading(seconds, nowMillis) === undefined)
}

/** Returns the time that was meant, by its magnitude: the reading nearest to now; `undefined` when none is near. */
export function mendedTime([seconds, nanoseconds]: HrTime, nowMillis: number): HrTime | undefined {
  const total = Number(seconds) + Number(nanoseconds) / 1e9
  if (!Number.isFinite(total)) return undefined
  const carried: HrTime = [seconds + Math.floor(nanoseconds / 1e9), ((nanoseconds % 1e9) + 1e9) % 1e9]
  if (isPlausible(carried, nowMillis)) return carried
  const reading = secondsFromReading(seconds, nowMillis)
  const read = [...FACTORS.map((factor) => total * factor), ...(reading === undefined ? [] : [reading])]
  const distance = (time: HrTime) => Math.abs(time[0] - nowMillis / 1000)
  const [nearest] = read
    .map((value) => fromMillis(value * 1000))
    .filter((time) => isPlausible(time, nowMillis))
    .sort((one, other) => distance(one) - distance(other))
  return nearest
}

/** SDKs take seconds, being a small number, for milliseconds since the process began: some days from now. */
function secondsFromReading(seconds: number, nowMillis: number): number | undefined {
  const meant = (seconds - performance.timeOrigin / 1000) * 1000
  return meant >= EARLIEST_SECONDS && meant < nowMillis / 1000 + DAY_SECONDS ? meant : undefined
}

/** Milliseconds since the Unix epoch as high-resolution time. */
export function fromMillis(millis: number): HrTime {
  const seconds = Math.floor(millis / 1000)
  return [seconds, Math.round((millis - seconds * 1000) * 1e6)]
}
