import type { SpanLike } from '../../span.js'
import type { Conclusion, Fact } from '../contract.js'
import { endingOfError } from '../shared/error-endings.js'
import { errorClassIn, errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/* What LangChain and LangGraph report as errors, and what of it are none. */

/**
 * The error of a span. Where only text is left of it, LangChain has put the stack below the message, and the stack
 * begins with the class and the message once more. In Python the class comes with its module.
 */
export function langChainErrorOf(span: SpanLike): SpanError {
  const { code, message } = errorOf(span)
  const named = span.events.some(({ attributes }) => attributes?.['exception.type'] !== undefined)
  return named ? { code: withoutModule(code), message } : errorInText(message, code)
}

function withoutModule(code: string): string {
  return code.slice(code.lastIndexOf('.') + 1)
}

/** Tells whether a span ended with an error. In Python what steers a graph is an exception on a span that is OK. */
export function endsWithError(span: SpanLike): boolean {
  return hasErrorStatus(span) || span.events.some(isSteering)
}

function isSteering({ name, attributes }: SpanLike['events'][number]): boolean {
  const type = name === 'exception' ? attributes?.['exception.type'] : undefined
  return typeof type === 'string' && steeringOf({ code: withoutModule(type), message: '' }) !== undefined
}

const STACK = /\n\n([A-Za-z_$][\w$]*)(?= \[|:|\n {4}at |$)/g
/** Places that look like the beginning of a stack beyond this many are nobody's: the text is made to look so. */
const MAX_STACKS = 64

/**
 * The message may look like another error with its stack, if whoever called the tool could choose it. The stack of the
 * error itself repeats the whole message, so that the longest that is repeated is the message.
 */
function errorInText(text: string, fallback: string): SpanError {
  let found: SpanError | undefined
  let changed: SpanError | undefined
  let stacks = 0
  for (const { index, 1: code = '' } of text.matchAll(STACK)) {
    if (++stacks > MAX_STACKS) return { code: fallback, message: text }
    const message = text.slice(0, index)
    const stack = index + 2 + code.length
    const repeats = text.startsWith(': ', stack) && text.startsWith(message, stack + 2)
    if (message === '' || repeats) found = { code, message }
    // A message that was changed after the error was made is not the one in the stack.
    else if (text.includes('\n    at ', stack) && /(?:Error|Exception)$/.test(code)) changed = { code, message }
  }
  return found ?? changed ?? { code: errorClassIn(text) ?? fallback, message: text }
}

export type Steering = 'interrupt' | 'handoff' | 'drained' | 'aborted'

/** Errors that LangGraph alone throws; the rest mean what everybody's errors mean. */
const STEERING = new Map<string, Steering>([
  ['ParentCommand', 'handoff'],
  ['GraphDrained', 'drained'],
])

/** Returns the way in which LangGraph steers a graph by an error: no failure, though the span is marked as one. */
export function steeringOf(error: SpanError): Steering | undefined {
  const own = STEERING.get(error.code)
  if (own) return own
  switch (endingOfError(error).outcome) {
    case 'cancelled':
      return 'aborted'
    case 'suspended':
      return 'interrupt'
    case 'failed':
      return undefined
  }
}

/** Returns the ending of a chain of which no more is known than its error. */
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

/** Returns the facts that follow from the error that ended a run. */
export function factsOfError({ code, message }: SpanError): readonly Fact[] {
  const numbers = (pattern: RegExp) => pattern.exec(message)?.slice(1).map(Number) ?? []
  switch (code) {
    case 'GraphRecursionError': {
      const [limit] = numbers(/limit of (\d+)/)
      return [{ type: 'usage_limit_exceeded', data: { axis: 'turns', limit } }]
    }
    case 'ModelCallLimitMiddlewareError':
    case 'ModelCallLimitExceededError': {
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
