import { type Attributes, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'

/* Spans as the instrumentations of Traceloop for Node.js make them. */

export const OPENAI = '@traceloop/instrumentation-openai'

/** Starts a span whose attributes come right after the start. */
export function start(scope: string, name: string, attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : context.active()
  return trace.getTracer(scope).startSpan(name, {}, around).setAttributes(attributes)
}

export function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).setStatus({ code: SpanStatusCode.OK })
  span.end()
}

export function fail(span: Span, name: string, message = ''): void {
  const error = Object.assign(new Error(message), { name })
  span.recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}
