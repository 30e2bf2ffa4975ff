import type { HrTime } from '@opentelemetry/api'

/** A period, in nanoseconds since the epoch of its clock. */
export interface Interval {
  readonly start: number
  readonly end: number
}

/** Two spans of one activity share at least so much of the shorter one. */
const SHARED = 0.8

/** Nanoseconds lose the last digits in a number; activities differ by far more. */
export function nanosOf([seconds, nanos]: HrTime): number {
  return seconds * 1e9 + nanos
}

/** Tells whether one of the two is inside the other but for their edges: a stream is closed in either order. */
export function nearlyContained(one: Interval, other: Interval): boolean {
  const shared = Math.min(one.end, other.end) - Math.max(one.start, other.start)
  const shorter = Math.min(one.end - one.start, other.end - other.start)
  return shared >= 0 && shared >= shorter * SHARED
}

/** Tells whether the inner one neither starts before nor ends after the outer one. */
export function contains(outer: Interval, inner: Interval): boolean {
  return outer.start <= inner.start && inner.end <= outer.end
}

/** The time between the two, in nanoseconds; negative where they overlap. */
export function gapBetween(one: Interval, other: Interval): number {
  return Math.max(one.start, other.start) - Math.min(one.end, other.end)
}
