import type { SpanLike } from '../../span.js'
import type { Fact } from '../contract.js'
import { record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/*
 * `@openai/agents` says `Error in agent run: {"error":"MaxTurnsExceededError: Max turns (2) exceeded"}`: a text of its
 * own, and data that holds what the error itself said, or just its class where content is not to be traced.
 */

const ERROR_CLASS = /^([A-Za-z_$][\w$]*)(?::|$)/
const MAX_TURNS_CLASS = 'MaxTurnsExceededError'
/** What an agent's span says when a handler of the user's took the error. */
const MAX_TURNS_TEXT = 'Max turns exceeded'
const MAX_TURNS_LIMIT = /^Max turns \((\d+)\) exceeded/

/** What went wrong in a span of the SDK; `undefined` when nothing did. */
export function agentsErrorOf(span: SpanLike): SpanError | undefined {
  if (!hasErrorStatus(span)) return undefined
  const told = errorOf(span)
  const data = told.message.indexOf(': {')
  const { error } = record(data < 0 ? undefined : readJson(told.message.slice(data + 2)).value)
  if (typeof error === 'string') {
    const [, code] = ERROR_CLASS.exec(error) ?? []
    return { code: code ?? told.code, message: error }
  }
  return told.message.startsWith(MAX_TURNS_TEXT) ? { ...told, code: MAX_TURNS_CLASS } : told
}

/** The limit that an agent's run exceeded, if that is why it failed. */
export function limitFacts(error: SpanError | undefined): readonly Fact[] {
  if (error?.code !== MAX_TURNS_CLASS) return []
  const said = MAX_TURNS_LIMIT.exec(error.message.replace(`${MAX_TURNS_CLASS}: `, ''))?.[1]
  const data = record(readJson(error.message.slice(MAX_TURNS_TEXT.length + 2)).value)
  const limit = said === undefined ? data.max_turns : Number(said)
  return [{ type: 'usage_limit_exceeded', data: { axis: 'turns', ...(typeof limit === 'number' && { limit }) } }]
}
