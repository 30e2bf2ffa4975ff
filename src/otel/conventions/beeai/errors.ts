import type { SpanLike } from '../../span.js'
import { text } from '../shared/attributes.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/** The error of an event is told by attributes under the names of an `exception` event. */
export function errorIn(span: SpanLike): SpanError | undefined {
  const code = text(span.attributes, 'exception.type')
  if (code !== undefined) return { code, message: text(span.attributes, 'exception.message') ?? '' }
  return hasErrorStatus(span) ? errorOf(span) : undefined
}
