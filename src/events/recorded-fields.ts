import type { AuditEventData } from './types.js'

/*
 * The fields of what a log holds, read without trust: an event can be recorded without validation, or by a version to
 * come.
 */

/** An error as an event records it. Its message is content: it is here where that was resolved, or the entry of an earlier version has it. */
export type RecordedError = Omit<AuditEventData<'error_occurred'>['error'], 'stackTrace'>

/** An object whose fields may hold anything. */
export type Fields = Readonly<Record<string, unknown>>

const NO_FIELDS: Fields = Object.freeze({})

/** The fields of what should be an object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS
}

export function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Takes numbers as JSON writes them: finite, and without a negative zero. */
export function numberIn(fields: Fields, name: string): number | undefined {
  const value = fields[name]
  return typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined
}

export function errorIn(fields: Fields): RecordedError | undefined {
  const error = fieldsOf(fields.error)
  const code = textIn(error, 'code')
  const message = textIn(error, 'message')
  if (code === undefined && message === undefined) return undefined
  return message === undefined ? { code: code as string } : { code: code ?? 'unknown', message }
}

/** The fields that are there. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key of Object.keys(fields) as (keyof T)[]) {
    const value = fields[key]
    if (value !== undefined) kept[key] = value as Exclude<T[typeof key], undefined>
  }
  return kept
}
