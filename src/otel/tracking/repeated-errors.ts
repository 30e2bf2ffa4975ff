import type { SpanError } from '../conventions/shared/outcome.js'
import type { Interval } from './interval.js'
import type { SpanErrors } from './span-errors.js'
import type { SpanNode } from './span-node.js'

/** The instrumentation that reports a call, and the time of the call. */
export interface CallReporter {
  /** Name of the instrumentation scope. */
  readonly scope: string
  readonly interval: Interval
}

/**
 * Tells whether a span's error is one that a span inside of it, or around it, has reported already in the same run: a
 * framework reports what its client threw. So does another instrumentation beside it, of the same time. One that is not is
 * remembered.
 */
export function isRepeatedError(node: SpanNode, error: SpanError, { scope, interval }: CallReporter): boolean {
  const reported = { wording: wordingOf(error), scope, interval }
  const { wording } = reported
  if (node.errors?.hasBelow(wording)) return true
  if (node.parent?.errors?.hasBeside(reported)) return true
  for (let above = node.parent; above && !above.run; above = above.parent) {
    if (above.errors?.own === wording) return true
  }
  node.ownErrors.recordOwn(wording)
  for (const errors of errorsAbove(node)) errors.recordBelow(reported)
  return false
}

/** The errors of the spans around, up to the run that the span is in. */
function* errorsAbove(node: SpanNode): Iterable<SpanErrors> {
  for (let above = node.parent; above; above = above.run ? undefined : above.parent) yield above.ownErrors
}

/** Without the class that some put before the message. */
function wordingOf({ code, message }: SpanError): string {
  return message.replace(/^\s*[A-Za-z_]\w*(?:Error|Exception):\s*/, '') || code
}
