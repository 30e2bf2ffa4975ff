import * as v from 'valibot'
import { catalogue, envelopeFields, inputFields } from './catalogue.js'
import { hasMark, withoutMarks } from './content.js'
import { normaliseDataTimes } from './data-times.js'
import { AuditLogError } from './errors.js'
import { nearestName } from './nearest.js'
import { isReserved } from './reserved.js'
import { beginning } from './text.js'
import { parseTimestamp } from './time.js'
import type { AuditEventInput, AuditEventType } from './types.js'

/**
 * A schema for an event type of your own: any validator that implements Standard Schema v1
 * (https://standardschema.dev: Valibot, Zod, ArkType …). It has to answer synchronously.
 */
export interface DataSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    validate(value: unknown): unknown
  }
}

interface Issue {
  readonly message: string
  /** Valibot's: the schema that found it, and what it wanted. */
  readonly type?: unknown
  readonly expected?: unknown
  readonly received?: unknown
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** A field that a schema does not accept. */
export interface Flaw {
  /** Dotted path, such as `data.amountUsd`. */
  readonly field: string
  readonly what: string
}

type ValidationResult = { readonly issues?: readonly Issue[] | undefined; readonly value?: unknown } | Promise<unknown>

/** A longer name is not repeated in full. */
const MAX_NAME_LENGTH = 100

const inputEnvelope = v.strictObject({ ...inputFields, type: v.string(), data: v.unknown() })

/** JSON Schema sources of one event type: the stored envelope with its `type` and `data`. */
export const storedEventSchemas = Object.entries(catalogue).map(([type, data]) =>
  v.looseObject({ ...envelopeFields, type: v.literal(type), data }),
)

/** The schemas a log validates against: the catalogue and the user's own types. */
export class EventSchemas {
  readonly #types = new Map<string, DataSchema>(Object.entries(catalogue))
  readonly #ownTypes = new Map<string, DataSchema>()

  /** @throws TypeError when an own type reuses a catalogue name or is no Standard Schema. */
  constructor(ownTypes: Readonly<Record<string, DataSchema>> = {}) {
    for (const [type, schema] of Object.entries(ownTypes)) {
      if (Object.hasOwn(catalogue, type)) throw new TypeError(`eventTypes: '${type}' is an event type of Spanledger's`)
      if (typeof schema?.['~standard']?.validate !== 'function') {
        throw new TypeError(`eventTypes: the schema of '${type}' does not implement Standard Schema v1`)
      }
      this.#types.set(type, schema)
      this.#ownTypes.set(type, schema)
    }
  }

  get types(): readonly string[] {
    return [...this.#types.keys()]
  }

  /**
   * Checks what a caller hands in, and returns a copy with its times normalised: those of the envelope, and those in
   * the `data` of a catalogue type.
   *
   * Attacker-controlled: any value, also one from the network; its schema accepts it, and limits bound it when it is sealed.
   *
   * @throws AuditLogError `AUDIT_EVENT_INVALID`, naming the field
   * @throws TypeError when the schema of an own type answers asynchronously
   */
  parse(input: unknown): AuditEventInput {
    const { type, data, ...rest } = this.#parseEnvelope(input)
    rejectReserved({ type })
    const parsed = this.#parseData(type, data)
    rejectReserved({ type, data: parsed })
    const time = rest.time === undefined ? {} : { time: parseTimestamp(rest.time) }
    return { ...rest, ...time, type: type as AuditEventType, data: parsed } as AuditEventInput
  }

  /**
   * Finds what the schema of an own type does not accept in an event that has to be recorded in any case. Never throws.
   *
   * @returns the path of the field, and the reason; `undefined` where nothing is wrong, or the type is none of these
   */
  flawIn(event: { readonly type: unknown; readonly data: unknown }): Flaw | undefined {
    if (this.#ownTypes.size === 0) return undefined
    try {
      const schema = this.#ownTypes.get(event.type as string)
      if (!schema) return undefined
      const result = schema['~standard'].validate(
        hasMark(event.data) ? withoutMarks(event.data) : event.data,
      ) as ValidationResult
      if (result instanceof Promise) {
        result.catch(() => {})
        return { field: 'data', what: 'the schema answers asynchronously; events are checked synchronously' }
      }
      const [issue] = result.issues ?? []
      if (!issue) return undefined
      const keys = keysOf(issue)
      return { field: ['data', ...keys].join('.'), what: wordingOf(issue, keys, schema) }
    } catch {
      return { field: 'data', what: 'it cannot be read' }
    }
  }

  #parseEnvelope(input: unknown): v.InferOutput<typeof inputEnvelope> {
    rejectPromise('event', input)
    const result = readable('event', () => v.safeParse(inputEnvelope, input, { abortEarly: true }))
    if (!result.success) throw invalid(result.issues[0] as Issue, [], inputEnvelope)
    return result.output
  }

  #parseData(type: string, data: unknown): unknown {
    const schema = this.#types.get(type)
    if (!schema) throw unknownType(type, this.types)
    rejectPromise('data', data)
    const isMarked = hasMark(data)
    const given = isMarked ? readable('data', () => withoutMarks(data)) : data
    const result = readable('data', () => schema['~standard'].validate(given)) as ValidationResult
    if (result instanceof Promise) {
      result.catch(() => {})
      throw new TypeError(
        `eventTypes: the schema of '${type}' answers asynchronously; events are checked synchronously`,
      )
    }
    if (result.issues?.[0]) throw invalid(result.issues[0], ['data'], schema)
    // Valibot leaves `__proto__`, `constructor` and `prototype` out of a loose object; evidence keeps them.
    // What a schema makes of the data has no marks any more.
    if (type === 'custom' || isMarked) return data
    normaliseDataTimes(type, result.value)
    return result.value
  }
}

/** A getter or a Proxy trap that throws makes the event invalid. */
function readable<T>(field: string, validate: () => T): T {
  try {
    return validate()
  } catch (cause) {
    throw new AuditLogError('AUDIT_EVENT_INVALID', `Invalid audit event: ${field}: it cannot be read`, { cause })
  }
}

/** No event is one, but an easy mistake makes it look like an empty one. */
function rejectPromise(field: string, value: unknown): void {
  if (readable(field, () => value instanceof Promise)) throw problem(field, 'it is a Promise; did you forget `await`?')
}

function rejectReserved(event: { readonly type: string; readonly data?: unknown }): void {
  if (isReserved(event)) throw problem('type', `'${event.type}' is a statement that only the log itself makes`)
}

/** @param within - where in the event the schema's value is */
function invalid(issue: Issue, within: readonly string[], schema: unknown): AuditLogError {
  const keys = keysOf(issue)
  return problem([...within, ...keys].join('.') || 'event', wordingOf(issue, keys, schema))
}

function keysOf({ path = [] }: Issue): readonly string[] {
  return path.map((part) => beginning(String(typeof part === 'object' ? part.key : part), MAX_NAME_LENGTH))
}

function wordingOf(issue: Issue, keys: readonly string[], schema: unknown): string {
  if (issue.type !== 'strict_object' || keys.length === 0) return messageOf(issue)
  if (issue.expected !== 'never') return issue.received === 'undefined' ? 'it is missing' : messageOf(issue)
  const name = keys.at(-1) as string
  return `unknown field${suggestion(name, fieldsAt(schema, keys.slice(0, -1)))}`
}

/** Returns what a schema says, without the text that it was given: that may be content, and messages end up in other logs. */
function messageOf({ message, received }: Issue): string {
  return typeof received === 'string' && received.startsWith('"')
    ? message.replaceAll(received, () => 'a text')
    : message
}

/** The names that a Valibot schema has for the object at a path; none where it is of another kind. */
function fieldsAt(schema: unknown, path: readonly string[]): readonly string[] {
  let at: unknown = schema
  for (const key of [...path, undefined]) {
    while (isObject(at) && 'wrapped' in at) at = at.wrapped
    if (key === undefined || !isObject(at)) break
    at = 'item' in at ? at.item : isObject(at.entries) ? at.entries[key] : undefined
  }
  return isObject(at) && isObject(at.entries) ? Object.keys(at.entries) : []
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function suggestion(name: string, known: readonly string[]): string {
  const meant = nearestName(name, known)
  return meant === undefined ? '' : `; did you mean '${meant}'?`
}

function unknownType(type: string, known: readonly string[]): AuditLogError {
  const name = beginning(type, MAX_NAME_LENGTH)
  const meant = suggestion(name, known)
  return problem(
    'type',
    meant
      ? `'${name}' is no event type${meant} Types of your own are given to openAuditLog({ eventTypes })`
      : `'${name}' is none of ${known.join(', ')}, nor one of openAuditLog({ eventTypes })`,
  )
}

function problem(field: string, what: string): AuditLogError {
  return new AuditLogError('AUDIT_EVENT_INVALID', `Invalid audit event: ${field}: ${what}`)
}
