import type { SpanError } from '../conventions/shared/outcome.js'
import type { SpanNode } from './span-node.js'

/** Errors that are told apart below one span. */
const MAX_ERRORS = 16

/** What has been recorded of errors at a span, each by its wording. */
export interface ToldErrors {
  own?: string
  /** Of the spans inside, as far as they are of the same run. */
  readonly below: string[]
}

/**
 * Whether a span's error is one that a span inside of it, or around it, has told already in the same run: a framework
 * reports what its client threw. One that is not is remembered.
 */
export function isEcho(node: SpanNode, error: SpanError): boolean {
  const wording = wordingOf(error)
  if (node.errors?.below.includes(wording)) return true
  for (let above = node.parent; above && !above.run; above = above.parent) {
    if (above.errors?.own === wording) return true
  }
  node.errors = { below: node.errors?.below ?? [], own: wording }
  for (let above = node.parent; above && !above.run; above = above.parent) {
    above.errors ??= { below: [] }
    if (above.errors.below.length < MAX_ERRORS) above.errors.below.push(wording)
  }
  return false
}

/** Without the class that some put before the message. */
function wordingOf({ code, message }: SpanError): string {
  return message.replace(/^\s*[A-Za-z_]\w*(?:Error|Exception):\s*/, '') || code
}
