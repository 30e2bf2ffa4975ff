import type { Attributes, AttributeValue } from '@opentelemetry/api'
import * as v from 'valibot'
import { catalogue, timestampSchema } from '../../events/catalogue.js'
import type { Alteration } from '../../events/index.js'
import { snakeCase } from '../../record/attributes.js'
import { PREFIX } from '../../record/names.js'
import { json } from './attributes.js'

/*
 * Reads `data` back from the attributes that `record/attributes.ts` writes, or that any other program writes by the
 * same rule. Which fields there are, and of what kind, comes from the catalogue. A field that is missing or wrong never
 * costs the event: it is left out, or, where the type requires it, something of the right kind stands in; both are told.
 */

/** A schema as looked into: which of the members it has depends on its kind. */
interface SchemaNode extends v.GenericSchema {
  readonly entries?: Readonly<Record<string, SchemaNode>>
  readonly wrapped?: SchemaNode
  readonly options?: readonly string[]
}

interface FieldBase {
  /** Its name in `data`. */
  readonly name: string
  /** Its path in the event, as alterations tell it. */
  readonly path: string
  readonly required: boolean
}

/** Carried by one attribute. */
interface Leaf extends FieldBase {
  readonly key: string
  readonly schema: SchemaNode
  readonly kind: 'text' | 'number' | 'list'
  /** Where the field is required and cannot be had. */
  readonly standIn: unknown
}

/** Carried by the attributes of its members. */
interface Group extends FieldBase {
  readonly members: readonly Field[]
}

type Field = Leaf | Group

/** How attributes carry one type of the catalogue. */
export interface CarriedType {
  readonly type: string
  /** The attribute keys of its `data`. */
  readonly keys: ReadonlySet<string>
  readonly data: Group
}

const byEventName: ReadonlyMap<string, CarriedType> = new Map(
  Object.entries(catalogue).map(([type, schema]) => {
    const data = groupOf(schema, PREFIX, { name: 'data', path: 'data', required: true })
    return [PREFIX + type, { type, data, keys: new Set(leavesOf(data).map(({ key }) => key)) }]
  }),
)

/** The catalogue's type of an event name; `undefined` when it has none. */
export function carriedType(eventName: string): CarriedType | undefined {
  return byEventName.get(eventName)
}

/** `data`, complete and of the right kinds; what had to be made up for it is added to `altered`. */
export function dataFromAttributes(
  { data }: CarriedType,
  attributes: Attributes,
  altered: Alteration[],
): Record<string, unknown> {
  return readGroup(data, attributes, altered)
}

function readGroup(group: Group, attributes: Attributes, altered: Alteration[]): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const field of group.members) {
    const value =
      'members' in field ? readNested(field, attributes, altered) : readLeaf(field, attributes, data, altered)
    if (value !== undefined) data[field.name] = value
  }
  return data
}

function readNested(group: Group, attributes: Attributes, altered: Alteration[]): unknown {
  if (isPresent(group, attributes)) return readGroup(group, attributes, altered)
  if (!group.required) return undefined
  // Told once for the whole of it, not for each member.
  if (group.members.some((member) => member.required)) note(altered, group.path, 'missing')
  return readGroup(group, attributes, [])
}

function readLeaf(leaf: Leaf, attributes: Attributes, before: Record<string, unknown>, altered: Alteration[]): unknown {
  const attribute = attributes[leaf.key]
  if (attribute === undefined || attribute === null) {
    if (!leaf.required) return undefined
    const { inputTokens, outputTokens } = before
    const sum = Number(inputTokens) + Number(outputTokens)
    if (leaf.name === 'totalTokens' && Number.isSafeInteger(sum)) return sum
    note(altered, leaf.path, 'missing')
    return leaf.standIn
  }
  const result = v.safeParse(leaf.schema, coerce(leaf, attribute, attributes), { abortEarly: true })
  if (result.success) return result.output
  note(altered, leaf.path, 'invalid')
  return leaf.required ? leaf.standIn : undefined
}

/** Other languages and log pipelines may turn numbers into text and lists into JSON. */
function coerce({ kind, key }: Leaf, attribute: AttributeValue, attributes: Attributes): unknown {
  switch (kind) {
    case 'number':
      return typeof attribute === 'string' && attribute.trim() !== '' ? Number(attribute) : attribute
    case 'text':
      return typeof attribute === 'number' || typeof attribute === 'boolean' ? String(attribute) : attribute
    case 'list':
      return Array.isArray(attribute) ? attribute : json(attributes, key)
  }
}

function isPresent(field: Field, attributes: Attributes): boolean {
  return 'members' in field
    ? field.members.some((member) => isPresent(member, attributes))
    : (attributes[field.key] ?? undefined) !== undefined
}

/** A field that is told about already, by who wrote it, is not told about twice. */
function note(altered: Alteration[], field: string, reason: 'missing' | 'invalid'): void {
  if (!altered.some((known) => known.field === field)) altered.push({ field, reason })
}

function groupOf(schema: SchemaNode, prefix: string, base: FieldBase): Group {
  const members = Object.entries(schema.entries ?? {}).map(([name, entry]) =>
    fieldOf(entry, prefix + snakeCase(name), { name, path: `${base.path}.${name}`, required: true }),
  )
  return { ...base, members }
}

function fieldOf(schema: SchemaNode, key: string, base: FieldBase): Field {
  if (schema.wrapped) return fieldOf(schema.wrapped, key, { ...base, required: false })
  if (schema.entries) return groupOf(schema, `${key}.`, base)
  return { ...base, key, schema, ...traitsOf(schema) }
}

function traitsOf(schema: SchemaNode): Pick<Leaf, 'kind' | 'standIn'> {
  if (schema === timestampSchema) return { kind: 'text', standIn: '1970-01-01T00:00:00.000000000Z' }
  switch (schema.type) {
    case 'string':
      return { kind: 'text', standIn: 'unknown' }
    case 'number':
      return { kind: 'number', standIn: 0 }
    case 'array':
      return { kind: 'list', standIn: [] }
    case 'picklist':
      return { kind: 'text', standIn: schema.options?.at(-1) }
    default:
      throw new TypeError(`the catalogue has a field of kind '${schema.type}', which attributes cannot carry yet`)
  }
}

function leavesOf(field: Field): Leaf[] {
  return 'members' in field ? field.members.flatMap(leavesOf) : [field]
}
