import type { HrTime } from '../events/time.js'

/** Tells the time since the Unix epoch, as OpenTelemetry does: `[seconds, nanoseconds]`. */
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
