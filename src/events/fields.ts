import * as v from 'valibot'
import { catalogue, envelopeFields, timestampSchema } from './catalogue.js'
import { RESERVED_TYPES } from './reserved.js'
import type { Alteration } from './types.js'

/*
 * The fields of `data`, as the catalogue has them, for those who have to put `data` together from parts that may be
 * missing or wrong.
 */

interface FieldBase {
  readonly name: string
  /** Dotted path in the event, such as `data.error.code`. */
  readonly path: string
  readonly required: boolean
}

/** Holds one value. */
export interface LeafField extends FieldBase {
  readonly kind: 'text' | 'number' | 'payload'
  /** A value of the right kind, for where the field is required and cannot be had. */
  readonly standIn: unknown
  accepts(value: unknown): boolean
}

/** Holds further fields. */
export interface GroupField extends FieldBase {
  readonly members: readonly DataField[]
}

export type DataField = LeafField | GroupField

/** The parts of a schema that are looked at: which of these it has depends on its kind. */
interface SchemaNode extends v.GenericSchema {
  readonly entries?: Readonly<Record<string, SchemaNode>>
  readonly wrapped?: SchemaNode
  readonly options?: readonly string[]
}

/** `data` by catalogue type, of all that may be put together from parts: the log's statements are not. */
export const dataFields: ReadonlyMap<string, GroupField> = new Map(
  Object.entries(catalogue)
    .filter(([type]) => !RESERVED_TYPES.has(type))
    .map(([type, schema]) => [type, groupOf(schema, { name: 'data', path: 'data', required: true })]),
)

export function isAlterationList(value: unknown): value is Alteration[] {
  return value !== undefined && v.is(envelopeFields.altered, value)
}

function fieldOf(schema: SchemaNode, base: FieldBase): DataField {
  if (schema.wrapped) return fieldOf(schema.wrapped, { ...base, required: false })
  if (schema.entries) return groupOf(schema, base)
  return { ...base, ...traitsOf(schema), accepts: (value) => v.is(schema, value) }
}

function groupOf(schema: SchemaNode, base: FieldBase): GroupField {
  const members = Object.entries(schema.entries ?? {}).map(([name, entry]) =>
    fieldOf(entry, { name, path: `${base.path}.${name}`, required: true }),
  )
  return { ...base, members }
}

function traitsOf(schema: SchemaNode): Pick<LeafField, 'kind' | 'standIn'> {
  if (schema === timestampSchema) return { kind: 'text', standIn: '1970-01-01T00:00:00.000000000Z' }
  switch (schema.type) {
    case 'unknown':
      return { kind: 'payload', standIn: null }
    case 'string':
      return { kind: 'text', standIn: 'unknown' }
    case 'number':
      return { kind: 'number', standIn: 0 }
    case 'picklist':
      return { kind: 'text', standIn: schema.options?.at(-1) }
    default:
      throw new TypeError(`${schema.type} is not a kind of field that the catalogue knows`)
  }
}
