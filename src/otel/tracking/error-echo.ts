import type { SpanError } from '../conventions/shared/outcome.js'
import { type Interval, nearlyContained } from './interval.js'
import type { SpanNode } from './span-node.js'

/** Errors that are told apart below one span. */
const MAX_ERRORS = 16

/** What has been recorded of errors at a span, each by its wording. */
export interface ToldErrors {
  own?: string
  /** Of the spans inside, as far as they are of the same run. */
  readonly below: ToldBelow[]
}

/** An error as it was told below a span. */
interface ToldBelow extends Teller {
  readonly wording: string
}

/** Who tells of a call, and when it was made. */
export interface Teller {
  /** Name of the instrumentation scope. */
  readonly scope: string
  readonly interval: Interval
}

/**
 * Tells whether a span's error is one that a span inside of it, or around it, has told already in the same run: a framework
 * reports what its client threw. So does another instrumentation beside it, of the same time. One that is not is remembered.
 */
export function isEcho(node: SpanNode, error: SpanError, by: Teller): boolean {
  const { scope, interval } = by
  const wording = wordingOf(error)
  if (node.errors?.below.some((told) => told.wording === wording)) return true
  if (node.parent?.errors?.below.some((told) => isBeside(told, wording, by))) return true
  for (let above = node.parent; above && !above.run; above = above.parent) {
    if (above.errors?.own === wording) return true
  }
  node.errors = { below: node.errors?.below ?? [], own: wording }
  for (let above = node.parent; above; above = above.run ? undefined : above.parent) {
    above.errors ??= { below: [] }
    if (above.errors.below.length < MAX_ERRORS) above.errors.below.push({ scope, interval, wording })
  }
  return false
}

function isBeside(told: ToldBelow, wording: string, { scope, interval }: Teller): boolean {
  return told.wording === wording && told.scope !== scope && nearlyContained(told.interval, interval)
}

/** Without the class that some put before the message. */
function wordingOf({ code, message }: SpanError): string {
  return message.replace(/^\s*[A-Za-z_]\w*(?:Error|Exception):\s*/, '') || code
}
