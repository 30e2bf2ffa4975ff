import type { SpanLike } from '../span.js'
import type { Conclusion, Fact } from './contract.js'
import { errorClassIn, errorOf, type SpanError } from './outcome.js'

/* What LangChain and LangGraph report as errors, and what of it are none. */

/**
 * The error of a span. Where only text is left of it, LangChain has put the stack below the message, and the stack
 * begins with the class and the message once more.
 */
export function langChainErrorOf(span: SpanLike): SpanError {
  const { code, message } = errorOf(span)
  const named = span.events.some(({ attributes }) => attributes?.['exception.type'] !== undefined)
  return named ? { code, message } : errorInText(message, code)
}

const STACK = /\n\n([A-Za-z_$][\w$]*)(?= \[|:|\n {4}at |$)/g

function errorInText(text: string, fallback: string): SpanError {
  let last: SpanError | undefined
  for (const { index, 1: code = '' } of text.matchAll(STACK)) {
    const message = text.slice(0, index)
    const stack = text.slice(index + 2 + code.length)
    if (message === '' || stack.startsWith(`: ${message}`)) return { code, message }
    // A message that was changed after the error was made is not the one in the stack.
    if (stack.includes('\n    at ') && /(?:Error|Exception)$/.test(code)) last = { code, message }
  }
  return last ?? { code: errorClassIn(text) ?? fallback, message: text }
}

export type Steering = 'interrupt' | 'handoff' | 'drained' | 'aborted'

const STEERING = new Map<string, Steering>([
  ['GraphInterrupt', 'interrupt'],
  ['NodeInterrupt', 'interrupt'],
  ['ParentCommand', 'handoff'],
  ['GraphDrained', 'drained'],
  ['AbortError', 'aborted'],
])

/** What LangGraph throws to steer a graph: no failure, though the span is marked as one. */
export function steeringOf({ code, message }: SpanError): Steering | undefined {
  // Without a reason of the caller's own, LangGraph aborts with the first, LangChain with the second.
  if (code === 'Error' && (message === 'Abort' || message === 'Aborted')) return 'aborted'
  return STEERING.get(code)
}

/** How a chain ended of which no more is known than its error. */
export function endingOf(error: SpanError | undefined): Conclusion {
  switch (error && steeringOf(error)) {
    case 'interrupt':
      return { outcome: 'suspended', reason: 'interrupt' }
    case 'aborted':
      return { outcome: 'cancelled', reason: 'aborted' }
    case 'handoff':
    case 'drained':
      return { outcome: 'completed' }
    case undefined:
      return error ? { outcome: 'failed', error } : { outcome: 'completed' }
  }
}

/** What follows from the error that ended a run. */
export function factsOfError({ code, message }: SpanError): readonly Fact[] {
  const numbers = (pattern: RegExp) => pattern.exec(message)?.slice(1).map(Number) ?? []
  switch (code) {
    case 'GraphRecursionError': {
      const [limit] = numbers(/limit of (\d+)/)
      return [{ type: 'usage_limit_exceeded', data: { axis: 'turns', limit } }]
    }
    case 'ModelCallLimitMiddlewareError': {
      const [observed] = numbers(/with (\d+) model calls/)
      return [{ type: 'usage_limit_exceeded', data: { axis: 'requests', observed } }]
    }
    case 'ToolCallLimitExceededError': {
      const [observed, limit] = numbers(/\((\d+)\/(\d+) calls\)/)
      return [{ type: 'usage_limit_exceeded', data: { axis: 'tool_calls', limit, observed } }]
    }
    case 'PIIDetectionError': {
      const kind = /detected: (\w+)/.exec(message)?.[1]
      return [{ type: 'policy_violation', data: { rule: kind ? `pii:${kind}` : 'pii', action: 'block' } }]
    }
    case 'OpenAIModerationError':
      return [{ type: 'policy_violation', data: { rule: 'moderation', action: 'block' } }]
    default:
      return []
  }
}
