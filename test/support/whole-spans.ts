import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'

/** Spans as a collector gets them from Python: all attributes are there from the start. */
export interface WholeSpans {
  start(name: string, attributes?: Attributes, parent?: Span): Span
  /** Ends a span well, with the status that OpenInference sets. */
  ok(span: Span): void
  /** Ends a span with an exception, and with its text as the status. */
  fail(span: Span, type: string, message?: string): void
  /** Ends a span with the status OK though it has an exception. */
  okWith(span: Span, type: string, message: string): void
}

/** @param scope - name of the instrumentation scope of all these spans */
export function wholeSpans(scope: string): WholeSpans {
  const addException = (span: Span, type: string, message: string) => {
    span.addEvent('exception', { 'exception.type': type, 'exception.message': message, 'exception.escaped': 'False' })
  }
  const ok = (span: Span) => span.setStatus({ code: SpanStatusCode.OK }).end()
  return {
    start(name, attributes = {}, parent) {
      const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
      return trace.getTracer(scope).startSpan(name, { attributes }, around)
    },
    ok,
    fail(span, type, message = '') {
      addException(span, type, message)
      span.setStatus({ code: SpanStatusCode.ERROR, message }).end()
    },
    okWith(span, type, message) {
      addException(span, type, message)
      ok(span)
    },
  }
}
