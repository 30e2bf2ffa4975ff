import type { Confidence } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Conclusion } from '../contract.js'
import { errorOf, lastException, type SpanError } from './outcome.js'

/*
 * An error is not always a failure: callers cancel, and frameworks throw to pause. Which it is goes by the class of the
 * error, its code or its type, by those of its causes, and at last by texts that stand for themselves. A word inside
 * a message says nothing: "the order was cancelled" may be why a tool failed.
 */

/** The meaning of an error for the work that it ended. */
export interface ErrorEnding {
  readonly outcome: 'failed' | 'cancelled' | 'suspended'
  /** The thing waited for, where that is the decision of somebody, or something that only they can give. */
  readonly waitsFor?: 'approval' | 'input' | 'result' | undefined
  readonly confidence?: Confidence | undefined
}

const FAILED: ErrorEnding = Object.freeze({ outcome: 'failed' })
const CANCELLED: ErrorEnding = Object.freeze({ outcome: 'cancelled' })
const APPROVAL: ErrorEnding = Object.freeze({ outcome: 'suspended', waitsFor: 'approval' })
const INPUT: ErrorEnding = Object.freeze({ outcome: 'suspended', waitsFor: 'input' })
const RESULT: ErrorEnding = Object.freeze({ outcome: 'suspended', waitsFor: 'result' })

/** Classes, codes and types of errors, without the modules before them, and what they mean. All others are failures. */
const ERROR_ENDINGS: ReadonlyMap<string, ErrorEnding> = new Map([
  // The platform: `AbortController` in JavaScript, where SDKs report the code, 20, as the type; Node; undici; axios.
  ...each(CANCELLED, 'AbortError', '20', 'ABORT_ERR', 'UND_ERR_ABORTED', 'RequestAbortedError'),
  ...each(CANCELLED, 'ERR_CANCELED', 'CanceledError', 'CancelledError', 'Cancelled', 'Cancel'),
  // Clients and frameworks: OpenAI and Anthropic, the AI SDK and Next.js, Temporal, Starlette.
  ...each(CANCELLED, 'APIUserAbortError', 'ResponseAborted', 'CancelledFailure', 'ClientDisconnect'),
  // Python: asyncio, concurrent.futures and trio have `CancelledError` and `Cancelled`; generators that are closed; Ctrl+C.
  ...each(CANCELLED, 'GeneratorExit', 'KeyboardInterrupt'),
  // JVM and .NET.
  ...each(CANCELLED, 'CancellationException', 'OperationCanceledException', 'TaskCanceledException'),
  // gRPC, by name, and HTTP 499, "client closed request".
  ...each(CANCELLED, 'CANCELLED', '499'),
  // LangGraph, Genkit, Strands.
  ...each(INPUT, 'GraphInterrupt', 'NodeInterrupt', 'ToolInterruptError', 'InterruptError', 'InterruptException'),
  // Pydantic AI, and those that wait for a person in words of their own.
  ...each(APPROVAL, 'ApprovalRequired', 'ApprovalRequiredError', 'ToolApprovalRequired', 'ToolApprovalRequiredError'),
  ...each(INPUT, 'HumanInputRequired', 'HumanInputRequiredError', 'UserInputRequired', 'InputRequiredError'),
  ...each(RESULT, 'CallDeferred'),
])

/** A time that is over fails, also where the way to end the work was to cancel it. */
const TIMEOUT = /time(?:d)?_?out/i
const TIMEOUT_CODES: ReadonlySet<string> = new Set(['23', 'DEADLINE_EXCEEDED'])
const TIMEOUT_TEXT = /^The operation was aborted due to timeout/

/** Codes that say nothing but that there was an error. */
const NAMELESS: ReadonlySet<string> = new Set(['Error', 'Exception', 'DOMException', '_OTHER', 'unknown', '1', ''])

/** Texts that clients give, whole, when their caller has cancelled. gRPC puts its code before it. */
const CANCELLED_TEXT =
  /^(?:request was aborted|(?:the|this) operation was aborted|the user aborted a request|signal is aborted without reason|bodystreambuffer was aborted|abort(?:ed)?|cancell?ed|client closed request)\.?$|^1 CANCELLED\b/i

/**
 * `asyncio.exceptions.CancelledError: why`: a class at the beginning of a text, with its modules. A single word before a
 * colon is a class only with them: "Cancelled: no seats left" is a sentence.
 */
const CLASS_IN_TEXT = /^\s*(?:[A-Za-z_]\w*\.)*([A-Z]\w*)(?::|\s*$)/
const WORD_IN_TEXT = /^\s*[A-Z](?:[a-z]*|[A-Z]*):/

/** Node shows a cause in brackets, the JVM after two words, Python before the error that it led to. */
const CAUSES = [
  /(?:\[cause\]|^Caused by): (?:[A-Za-z_]\w*\.)*([A-Z]\w*)/gm,
  /^(?:[A-Za-z_]\w*\.)*([A-Z]\w*)(?::.*)?\n\nThe above exception was the direct cause/gm,
]
/** Text of a stack beyond this is not looked at. */
const MAX_STACK = 32 * 1024

/** Tells what an error means: by its class or code, else by its cause, else by its text, which is a guess. */
export function endingOfError(error: SpanError, span?: SpanLike): ErrorEnding {
  const code = lastName(error.code)
  // The convention may have a name of its own for what the span calls by its class.
  const names = span ? [code, lastName(errorOf(span).code), ...causesIn(span)] : [code]
  if (names.some(isTimeout) || TIMEOUT_TEXT.test(error.message)) return FAILED
  for (const name of names) {
    const ending = ERROR_ENDINGS.get(name)
    if (ending) return ending
  }
  return NAMELESS.has(code) ? endingOfText(error.message) : FAILED
}

/** Returns the conclusion of a span that ended with an error. */
export function concludeError(error: SpanError, span?: SpanLike): Conclusion {
  const { outcome, confidence } = endingOfError(error, span)
  if (outcome === 'failed') return { outcome, error }
  return { outcome, error, reason: outcome === 'cancelled' ? 'aborted' : 'interrupt', confidence }
}

function endingOfText(message: string): ErrorEnding {
  const named = WORD_IN_TEXT.test(message) ? undefined : ERROR_ENDINGS.get(CLASS_IN_TEXT.exec(message)?.[1] ?? '')
  if (named) return { ...named, confidence: 'heuristic' }
  return CANCELLED_TEXT.test(message) ? { ...CANCELLED, confidence: 'heuristic' } : FAILED
}

function isTimeout(code: string): boolean {
  return TIMEOUT.test(code) || TIMEOUT_CODES.has(code)
}

function causesIn(span: SpanLike): readonly string[] {
  const stack = lastException(span)?.['exception.stacktrace']
  if (typeof stack !== 'string') return []
  const text = stack.slice(0, MAX_STACK)
  return CAUSES.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name))
}

/** Without the modules: `trio.Cancelled`, `StatusCode.CANCELLED`. */
function lastName(code: string): string {
  return code.slice(code.lastIndexOf('.') + 1)
}

function each(ending: ErrorEnding, ...names: readonly string[]): readonly (readonly [string, ErrorEnding])[] {
  return names.map((name) => [name, ending] as const)
}
