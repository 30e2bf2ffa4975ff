import type { Attributes } from '@opentelemetry/api'

/** The parts of a thrown value that are kept. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** Left out where there is none. */
  readonly stackTrace?: string
}

const UNREADABLE = 'a value that cannot be read was thrown'

/** Objects in objects that are looked into for the error. */
const MAX_NESTING = 4
/** Fields that are named of an object that has no message. */
const MAX_FIELDS = 8

/**
 * Reads any thrown value; a getter of it that throws counts as missing. An object without a message may hold the error
 * as its `error`, as answers of services do.
 */
export function failureOf(thrown: unknown): Failure {
  const failed = innermost(thrown)
  const code = codeOf(failed)
  const stackTrace = stackOf(failed)
  return {
    code: code === 'Error' ? codeOf(thrown) : code,
    message: textOf(failed, 'message') ?? description(failed),
    ...(stackTrace !== undefined && { stackTrace }),
  }
}

/** A number for a code says less than the name of a class, unless that is the one all errors have. */
function codeOf(failed: unknown): string {
  const code = fieldOf(failed, 'code')
  if (typeof code === 'string' && code !== '') return code
  const name = textOf(failed, 'name')
  if (name !== undefined && name !== 'Error') return name
  return typeof code === 'number' ? String(code) : 'Error'
}

function innermost(thrown: unknown): unknown {
  let failed = thrown
  for (let depth = 0; depth < MAX_NESTING && textOf(failed, 'message') === undefined; depth++) {
    const inner = fieldOf(failed, 'error')
    if (inner === undefined || inner === null) break
    failed = inner
  }
  return failed
}

/** `data`, and what was said of it beside the error where both were handed over as one: `{ error, operation }`. */
export function besideError(thrown: unknown, fields: readonly string[], data: object): object {
  if (stackOf(thrown) !== undefined || fieldOf(thrown, 'error') === undefined) return data
  const beside = fields.map((field) => [field, fieldOf(data, field) ?? fieldOf(thrown, field)])
  return Object.fromEntries(beside.filter(([, value]) => value !== undefined))
}

export function failureAttributes(thrown: unknown): Attributes {
  const { code, message, stackTrace } = failureOf(thrown)
  const attributes: Attributes = { 'spanledger.error.code': code, 'spanledger.error.message': message }
  // Content, as the message is: the policy of the log decides on it.
  if (stackTrace !== undefined) attributes['spanledger.error.stack_trace'] = stackTrace
  return attributes
}

export function stackOf(thrown: unknown): string | undefined {
  return textOf(thrown, 'stack')
}

function textOf(thrown: unknown, property: 'name' | 'message' | 'stack'): string | undefined {
  const value = fieldOf(thrown, property)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** `undefined` for what has no fields, and where a getter throws. */
export function fieldOf(thrown: unknown, property: string): unknown {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return undefined
  try {
    return (thrown as Record<string, unknown>)[property]
  } catch {
    return undefined
  }
}

/** Of an object that has no text of its own only the names of its fields: their values may be anything. */
function description(thrown: unknown): string {
  try {
    const text = String(thrown)
    if (typeof thrown !== 'object' || thrown === null || !text.startsWith('[object ')) return text
    return `an object with the fields ${Object.keys(thrown).slice(0, MAX_FIELDS).join(', ') || '(none)'} was thrown`
  } catch {
    return UNREADABLE
  }
}
