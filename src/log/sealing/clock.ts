import {
  type HrTime,
  millisBetween,
  type Timestamp,
  timestampFromHrTime,
  timestampFromMillis,
} from '../../events/time.js'

/** Returns the time since the Unix epoch, in OpenTelemetry's format: `[seconds, nanoseconds]`. */
export type Clock = () => HrTime

/** Past this distance from the system clock the monotonic one is set again: the system clock was adjusted. */
const MAX_DRIFT_MILLIS = 50

/**
 * The system clock with the resolution of the monotonic one, so that events of one millisecond have distinct times.
 * It follows adjustments of the system clock.
 */
export function systemClock(): Clock {
  let anchorMillis = Date.now()
  let anchor = performance.now()
  return () => {
    const systemMillis = Date.now()
    let elapsed = performance.now() - anchor
    if (Math.abs(anchorMillis + elapsed - systemMillis) > MAX_DRIFT_MILLIS) {
      anchorMillis = systemMillis
      anchor += elapsed
      elapsed = 0
    }
    // The whole milliseconds apart: as one number they would leave no room for nanoseconds.
    const wholeMillis = Math.floor(elapsed)
    const millis = anchorMillis + wholeMillis
    const seconds = Math.floor(millis / 1000)
    return [seconds, (millis - seconds * 1000) * 1e6 + Math.floor((elapsed - wholeMillis) * 1e6)]
  }
}

/** A clock that moves by more than this against the monotonic clock has been set. */
const MAX_STEP_MILLIS = 1_000

/** A clock was set: it should have had the time `from`, and had `to`. */
export interface ClockStep {
  readonly from: Timestamp
  readonly to: Timestamp
}

/** Reads a clock as it is, also where it goes back, and notices when the clock was set. */
export class WatchedClock {
  readonly #clock: Clock
  readonly #monotonicMillis: () => number
  /** The time that the monotonic clock began at, as far as the clock knows. */
  #beginning = Number.NaN
  #after: Timestamp
  #step: ClockStep | undefined = undefined

  /**
   * @param recordedAt - of the log's last entry, empty where there is none: a clock with an earlier time was set back since
   * @param monotonicMillis - never set, and the same while the machine sleeps
   */
  constructor(clock: Clock, recordedAt: Timestamp = '', monotonicMillis: () => number = () => performance.now()) {
    this.#clock = clock
    this.#after = recordedAt
    this.#monotonicMillis = monotonicMillis
  }

  /** A clock that throws is as good as none: the system's is asked instead. */
  now(): Timestamp {
    const time = this.#read()
    const millis = time[0] * 1000 + time[1] / 1e6
    const beginning = millis - this.#monotonicMillis()
    const now = timestampFromHrTime(time)
    if (Math.abs(beginning - this.#beginning) > MAX_STEP_MILLIS) {
      this.#stepped(timestampFromMillis(millis - (beginning - this.#beginning)), now)
      this.#beginning = beginning
    } else if (Number.isNaN(this.#beginning)) this.#beginning = beginning
    if (this.#after !== '') {
      if (isSetBack(this.#after, now)) this.#stepped(this.#after, now)
      this.#after = ''
    }
    return now
  }

  /** The log has an entry of somebody else's now. @param recordedAt - of that entry */
  follow(recordedAt: Timestamp): void {
    this.#after = recordedAt
  }

  /** Returns the step by which the clock was set since the last call. */
  takeStep(): ClockStep | undefined {
    const step = this.#step
    this.#step = undefined
    return step
  }

  /** The log could not take down that the clock was set. */
  putBack({ from, to }: ClockStep): void {
    this.#step = { from, to: this.#step?.to ?? to }
  }

  #stepped(from: Timestamp, to: Timestamp): void {
    this.#step = { from: this.#step?.from ?? from, to }
  }

  #read(): HrTime {
    try {
      const time = this.#clock()
      if (time) return time
    } catch {}
    return hrTimeFromMillis(Date.now())
  }
}

/** Returns whether a time is so long before another that the clock must have been set back in between. */
export function isSetBack(before: Timestamp, after: Timestamp): boolean {
  return after < before && millisBetween(after, before) > MAX_STEP_MILLIS
}

function hrTimeFromMillis(millis: number): HrTime {
  const seconds = Math.floor(millis / 1000)
  return [seconds, (millis - seconds * 1000) * 1e6]
}
