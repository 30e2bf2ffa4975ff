import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'

/** `SpanStatusCode.ERROR` of the OpenTelemetry API. */
const STATUS_ERROR = 2

export interface SpanError {
  readonly code: string
  readonly message: string
}

export function hasErrorStatus(span: SpanLike): boolean {
  return span.status.code === STATUS_ERROR
}

/**
 * Returns the error of a span, by OpenTelemetry's own conventions: the last `exception` event, `error.type`, the status text.
 * Whether it counts as failure is for the caller to say.
 */
export function errorOf(span: SpanLike): SpanError {
  const exception = lastException(span)
  const type = abortClassOf(exception) ?? text(exception?.['exception.type']) ?? text(span.attributes['error.type'])
  const message = text(span.status.message) ?? text(exception?.['exception.message']) ?? ''
  return { code: type ?? errorClassIn(message) ?? 'Error', message }
}

/** Returns an error with the stack trace of the span's last exception, where the two are the same. */
export function withStackTrace<E extends SpanError | undefined>(error: E, span: SpanLike): E {
  if (!error || span.events.length === 0) return error
  const exception = lastException(span)
  const stackTrace = text(exception?.['exception.stacktrace'])
  const message = text(exception?.['exception.message'])
  return stackTrace === undefined || (message !== undefined && message !== error.message)
    ? error
    : { ...error, stackTrace }
}

/** Returns the class of what an `AbortSignal` threw. It has a number for its code, which SDKs report as the type; the stack begins with the class. */
function abortClassOf(exception: Attributes | undefined): string | undefined {
  const stack = text(exception?.['exception.stacktrace'])
  return stack && /^(AbortError|TimeoutError)\b/.exec(stack)?.[1]
}

/** The attributes of the last exception that was recorded on a span. */
export function lastException(span: SpanLike): Attributes | undefined {
  for (let i = span.events.length - 1; i >= 0; i--) {
    const event = span.events[i]
    if (event?.name === 'exception') return event.attributes
  }
  return undefined
}

/** `RangeError: too far` → `RangeError`: many instrumentations put the class into the text only. */
export function errorClassIn(message: string): string | undefined {
  return /^\s*([A-Z][A-Za-z0-9_]*(?:Error|Exception|Interrupt|Abort))\b/.exec(message)?.[1]
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
