import type { SpanLike } from '../../span.js'
import type { Fact } from '../contract.js'
import { record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/*
 * The SDK says `Error in agent run: {"error":"MaxTurnsExceededError: Max turns (2) exceeded"}`: a text of its
 * own, and data that holds what the error itself said, or just its class where content is not to be traced. In Python the
 * data are written as Python writes them: `Max turns exceeded: {'max_turns': 1}`.
 */

const ERROR_CLASS = /^([A-Za-z_$][\w$]*)(?::|$)/
const MAX_TURNS_CLASS = 'MaxTurnsExceededError'
/** The text in an agent's span where a handler of the user's took the error. */
const MAX_TURNS_TEXT = 'Max turns exceeded'
const MAX_TURNS_LIMIT = /^Max turns \((\d+)\) exceeded/

/** The run was stopped by a guardrail of the user's, whose name is in the data. */
const TRIPWIRE_TEXT = 'Guardrail tripwire triggered'
const TRIPWIRE_CLASS = 'GuardrailTripwireTriggered'

/** Reads what went wrong in a span of the SDK; `undefined` when nothing did. */
export function agentsErrorOf(span: SpanLike): SpanError | undefined {
  return hasErrorStatus(span) ? errorIn(errorOf(span)) : undefined
}

function errorIn(told: SpanError): SpanError {
  const { error } = dataIn(told.message)
  const [text, fallback] = typeof error === 'string' ? [error, undefined] : [told.message, told.code]
  if (text.startsWith(MAX_TURNS_TEXT) || MAX_TURNS_LIMIT.test(text)) return { code: MAX_TURNS_CLASS, message: text }
  if (text.startsWith(TRIPWIRE_TEXT)) return { code: TRIPWIRE_CLASS, message: text }
  return { code: fallback ?? ERROR_CLASS.exec(text)?.[1] ?? told.code, message: text }
}

/** OpenLLMetry passes on what the SDK keeps of an error, as Python writes it. */
const WRITTEN_ERROR = /^\{'message': (['"])(.*?)\1, 'data': (.*)\}$/s

/** Reads what went wrong in a span of the SDK that OpenLLMetry has translated. */
export function writtenErrorOf(span: SpanLike): SpanError | undefined {
  const written = span.status.message ?? ''
  const [, , text, data] = (written.endsWith('}') && WRITTEN_ERROR.exec(written)) || []
  if (text === undefined) return agentsErrorOf(span)
  return errorIn({ code: 'Error', message: data === 'None' ? text : `${text}: ${data}` })
}

/** The data behind the text of an error. */
function dataIn(message: string): Readonly<Record<string, unknown>> {
  const at = message.indexOf(': {')
  if (at < 0) return {}
  const data = message.slice(at + 2)
  // What Python writes is no JSON from its first quote on.
  // Attacker-controlled: the text of an error, which may repeat content; at most 256 KiB and, where it is cut, 512
  // levels are read.
  return record(data.startsWith("{'") ? pythonDict(data) : readJson(data).value)
}

const PYTHON_ENTRY = /'(\w+)': (?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+))(?=[,}])/g
/** Data of the SDK have one or two entries: more are not looked at. */
const MAX_ENTRIES = 8

/** The texts and numbers of a dict as Python writes it. */
function pythonDict(written: string): Readonly<Record<string, unknown>> {
  const entries: [string, unknown][] = []
  for (const [, key = '', single, double, number] of written.matchAll(PYTHON_ENTRY)) {
    if (entries.push([key, single ?? double ?? Number(number)]) === MAX_ENTRIES) break
  }
  return Object.fromEntries(entries)
}

/** The guardrail that stopped an agent's run, where that is told by the error alone. */
export function tripwireIn(error: SpanError | undefined): string | undefined {
  if (error?.code !== TRIPWIRE_CLASS) return undefined
  const { guardrail } = dataIn(error.message)
  return typeof guardrail === 'string' && guardrail !== '' ? guardrail : 'guardrail'
}

/** The limit that an agent's run exceeded, if that is why it failed. */
export function limitFacts(error: SpanError | undefined): readonly Fact[] {
  if (error?.code !== MAX_TURNS_CLASS) return []
  const said = MAX_TURNS_LIMIT.exec(error.message.replace(`${MAX_TURNS_CLASS}: `, ''))?.[1]
  const limit = said === undefined ? dataIn(error.message).max_turns : Number(said)
  return [{ type: 'usage_limit_exceeded', data: { axis: 'turns', ...(typeof limit === 'number' && { limit }) } }]
}
