import type { Ancestors, ConventionState, Fact } from '../contract.js'
import type { SpanError } from './outcome.js'

/* Limits and guardrails that frameworks tell by the class of the exception alone. */

/** Classes without their module and the suffix `Error` or `Exception`, and the axis of the limit. */
const LIMITS: ReadonlyMap<string, string> = new Map([
  ['MaxTurnsExceeded', 'turns'],
  ['GraphRecursion', 'turns'],
  ['AgentMaxSteps', 'turns'],
  ['MaxStepsExceeded', 'turns'],
  ['MaxIterationsExceeded', 'turns'],
  ['LlmCallsLimitExceeded', 'requests'],
  ['ModelCallLimitExceeded', 'requests'],
  ['ToolCallLimitExceeded', 'tool_calls'],
  ['MaxTokensReached', 'output_tokens'],
  ['BudgetExceeded', 'cost_usd'],
])
/** The class of Pydantic AI's that names the axis in its text: `request_limit of 50`. */
const LIMIT_IN_TEXT = 'UsageLimitExceeded'
const NAMED_LIMIT = /\b(\w+)_limit`? of (\d+(?:\.\d+)?)/
/** Names of the axes of limits there. */
const AXES: ReadonlyMap<string, string> = new Map([
  ['request', 'requests'],
  ['cost', 'cost_usd'],
])
const NUMBER = /\((\d+)(?:\s*>=?\s*\d+)?\)|limit of `?(\d+)|max_turns\D{1,4}(\d+)/

const GUARDRAIL = /^(Tool)?(Input|Output)GuardrailTripwireTriggered$/

/** A limit or a violation that was told of a run inside: the exception that ended it may end those around it as well. */
const TOLD = 'exception.told'

/** Returns the class of an error without its module: `pydantic_ai.exceptions.UsageLimitExceeded`. */
function classOf({ code }: SpanError): string {
  return code.slice(code.lastIndexOf('.') + 1).replace(/(?:Error|Exception)$/, '')
}

/** Tells what the exception that ended a run says of limits and guardrails: once, for the innermost run. */
export function factsOfException(
  error: SpanError | undefined,
  { runState, ownState }: Pick<Ancestors, 'runState' | 'ownState'>,
): readonly Fact[] {
  const fact = error && factOf(error)
  if (!error || !fact) return []
  const isNews = ownState?.get(TOLD) !== error.code
  markReported(runState, error)
  return isNews ? [fact] : []
}

/** Keeps that an exception has been told of inside a run. */
function markReported(runState: ConventionState | undefined, { code }: SpanError): void {
  runState?.set(TOLD, code)
}

function factOf(error: SpanError): Fact | undefined {
  const name = classOf(error)
  if (name === LIMIT_IN_TEXT) return namedLimit(error.message)
  const axis = LIMITS.get(name)
  if (axis !== undefined) return { type: 'usage_limit_exceeded', data: { axis, ...limitIn(error.message) } }
  const [, ofTool, side] = GUARDRAIL.exec(name) ?? []
  if (side === undefined) return undefined
  const rule = `${ofTool ? 'tool_' : ''}${side.toLowerCase()}_guardrail`
  return { type: 'policy_violation', data: { rule, action: 'blocked' } }
}

function namedLimit(message: string): Fact {
  const [, name, limit] = NAMED_LIMIT.exec(message) ?? []
  const axis = name === undefined ? 'usage' : (AXES.get(name) ?? name)
  return { type: 'usage_limit_exceeded', data: { axis, ...(limit !== undefined && { limit: Number(limit) }) } }
}

function limitIn(message: string): { readonly limit?: number } {
  const digits = NUMBER.exec(message)
    ?.slice(1)
    .find((group) => group !== undefined)
  return digits === undefined ? {} : { limit: Number(digits) }
}
