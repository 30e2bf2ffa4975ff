import * as v from 'valibot'
import { catalogue, envelopeFields, inputFields } from './catalogue.js'
import { AuditLogError } from './errors.js'
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
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

const inputEnvelope = v.strictObject({ ...inputFields, type: v.string(), data: v.unknown() })

/** JSON Schema sources of one event type: the stored envelope with its `type` and `data`. */
export const storedEventSchemas = Object.entries(catalogue).map(([type, data]) =>
  v.looseObject({ ...envelopeFields, type: v.literal(type), data }),
)

/** The schemas a log validates against: the catalogue and the user's own types. */
export class EventSchemas {
  readonly #types = new Map<string, DataSchema>(Object.entries(catalogue))

  /** @throws TypeError when an own type reuses a catalogue name or is no Standard Schema. */
  constructor(ownTypes: Readonly<Record<string, DataSchema>> = {}) {
    for (const [type, schema] of Object.entries(ownTypes)) {
      if (Object.hasOwn(catalogue, type)) throw new TypeError(`eventTypes: '${type}' is an event type of Spanledger's`)
      if (typeof schema?.['~standard']?.validate !== 'function') {
        throw new TypeError(`eventTypes: the schema of '${type}' does not implement Standard Schema v1`)
      }
      this.#types.set(type, schema)
    }
  }

  get types(): readonly string[] {
    return [...this.#types.keys()]
  }

  /**
   * Checks what a caller hands in, and returns a copy with its times normalised.
   *
   * @throws AuditLogError `AUDIT_INVALID_EVENT`, naming the field
   */
  parse(input: unknown): AuditEventInput {
    const envelope = v.safeParse(inputEnvelope, input, { abortEarly: true })
    if (!envelope.success) throw invalid('', envelope.issues[0] as Issue)
    const { type, data, ...rest } = envelope.output
    const schema = this.#types.get(type)
    if (!schema) throw unknownType(type, this.types)
    const result = schema['~standard'].validate(data) as { issues?: readonly Issue[]; value?: unknown }
    if (result instanceof Promise) throw new TypeError(`the schema of event type '${type}' is asynchronous`)
    if (result.issues?.[0]) throw invalid('data', result.issues[0])
    const time = rest.time === undefined ? {} : { time: parseTimestamp(rest.time) }
    return { ...rest, ...time, type: type as AuditEventType, data: result.value } as AuditEventInput
  }
}

function invalid(prefix: string, issue: Issue): AuditLogError {
  const keys = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  const field = [...(prefix ? [prefix] : []), ...keys].join('.') || 'event'
  return new AuditLogError('AUDIT_INVALID_EVENT', `Invalid audit event: ${field}: ${issue.message}`)
}

function unknownType(type: string, known: readonly string[]): AuditLogError {
  return new AuditLogError(
    'AUDIT_INVALID_EVENT',
    `Invalid audit event: type: '${type}' is none of ${known.join(', ')}, nor one of openAuditLog({ eventTypes })`,
  )
}
