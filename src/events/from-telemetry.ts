/**
 * Marks an event that was made from telemetry: its names and ids are texts from outside, which may be anything. A symbol, which nothing
 * that was parsed has.
 */
export const FROM_TELEMETRY: unique symbol = Symbol('spanledger.fromTelemetry')

/** Returns a copy of an event, marked. */
export function fromTelemetry<T extends object>(event: T): T {
  return { ...event, [FROM_TELEMETRY]: true }
}
