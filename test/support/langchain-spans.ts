import { type Attributes, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'

/* Spans of LangChain as OpenInference tells them. */

export const SCOPE = '@arizeai/openinference-instrumentation-langchain'

export const METADATA = { ls_integration: 'langgraph', thread_id: 'thread-1', user_id: 'user-1', tenant: 'acme' }

/** A span as the instrumentation starts it: name and kind, no more. */
export function start(name: string, parent?: Span, kind = 'CHAIN'): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : context.active()
  const span = trace.getTracer(SCOPE).startSpan(name, {}, around)
  span.setAttribute('openinference.span.kind', kind)
  return span
}

export interface Result {
  readonly input?: unknown
  readonly output?: unknown
  readonly metadata?: object
  readonly attributes?: Attributes
}

export function end(span: Span, { input, output, metadata = METADATA, attributes = {} }: Result = {}): void {
  const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  span.setAttributes({ metadata: JSON.stringify(metadata), ...attributes })
  if (input !== undefined) span.setAttribute('input.value', asText(input))
  if (output !== undefined) span.setAttribute('output.value', asText(output))
  span.setStatus({ code: SpanStatusCode.OK })
  span.end()
}

/** LangChain hands tracers the message, and below it the stack, which repeats class and message. */
export function fail(span: Span, name: string, message = '', result: Result = {}): void {
  const stack = message === '' ? name : `${name}: ${message}`
  const text = `${message}\n\n${stack}\n    at node (file:///app/graph.js:1:1)`
  span.recordException(text)
  span.setAttribute('metadata', JSON.stringify(result.metadata ?? METADATA))
  if (result.input !== undefined) span.setAttribute('input.value', JSON.stringify(result.input))
  span.setStatus({ code: SpanStatusCode.ERROR, message: text })
  span.end()
}

export const message = (type: string, kwargs: object) => ({
  lc: 1,
  type: 'constructor',
  id: ['langchain_core', 'messages', type],
  kwargs,
})

export const answerWithCalls = (...calls: { name: string; id: string }[]) =>
  message('AIMessage', { content: '', tool_calls: calls.map((call) => ({ ...call, args: {} })) })

export const command = (fields: object) => ({ lg_name: 'Command', ...fields })
