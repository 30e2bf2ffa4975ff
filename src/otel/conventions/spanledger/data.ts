import type { Attributes, AttributeValue } from '@opentelemetry/api'
import { type DataField, dataFields, type GroupField, type LeafField } from '../../../events/fields.js'
import type { Alteration } from '../../../events/index.js'
import { snakeCase } from '../../../record/attributes.js'
import { PREFIX } from '../../../record/names.js'

/*
 * Reads `data` back from the attributes that `record/attributes.ts` writes, or that any other program writes by the
 * same rule. A field that is missing or wrong never costs the event: it is left out, or, where the type requires it,
 * something of the right kind stands in; both are told.
 */

/** A field carried by one attribute. */
interface Leaf extends LeafField {
  readonly key: string
}

/** A field carried by the attributes of its members. */
interface Group extends GroupField {
  readonly members: readonly (Leaf | Group)[]
}

/** The attributes that carry one type of the catalogue. */
export interface CarriedType {
  readonly type: string
  /** The attribute keys of its `data`. */
  readonly keys: ReadonlySet<string>
  readonly data: Group
}

const byEventName: ReadonlyMap<string, CarriedType> = new Map(
  [...dataFields].map(([type, fields]) => {
    const data = carriedGroup(fields, PREFIX)
    return [PREFIX + type, { type, data, keys: new Set(keysOf(data)) }]
  }),
)

/** The catalogue's type of an event name; `undefined` when it has none. */
export function carriedType(eventName: string): CarriedType | undefined {
  return byEventName.get(eventName)
}

/** `data`, complete and of the right kinds; what had to be made up for it is added to `altered`. */
export function dataFromAttributes({ data }: CarriedType, attributes: Attributes, altered: Alteration[]): object {
  return readGroup(data, attributes, altered)
}

function readGroup(group: Group, attributes: Attributes, altered: Alteration[]): object {
  const data: Record<string, unknown> = {}
  for (const field of group.members) {
    const value =
      'members' in field ? readNested(field, attributes, altered) : readLeaf(field, attributes, data, altered)
    if (value !== undefined) data[field.name] = value
  }
  return data
}

function readNested(group: Group, attributes: Attributes, altered: Alteration[]): object | undefined {
  if (isPresent(group, attributes)) return readGroup(group, attributes, altered)
  if (!group.required) return undefined
  // Told once for the whole of it, not for each member.
  if (group.members.some((member) => member.required)) note(altered, group.path, 'missing')
  return readGroup(group, attributes, [])
}

function readLeaf(leaf: Leaf, attributes: Attributes, before: Record<string, unknown>, altered: Alteration[]): unknown {
  // Attacker-controlled: an attribute of an event, from whoever emits it; accepted only as what the schema of the
  // field allows.
  const attribute = attributes[leaf.key]
  if (attribute === undefined || attribute === null) {
    if (!leaf.required) return undefined
    const { inputTokens, outputTokens } = before
    const sum = Number(inputTokens) + Number(outputTokens)
    if (leaf.name === 'totalTokens' && Number.isSafeInteger(sum)) return sum
    note(altered, leaf.path, 'missing')
    return leaf.standIn
  }
  const value = coerce(leaf, attribute)
  if (leaf.accepts(value)) return value
  note(altered, leaf.path, 'invalid')
  return leaf.required ? leaf.standIn : undefined
}

/** Other languages and log pipelines may turn numbers into text. */
function coerce({ kind }: Leaf, attribute: AttributeValue): unknown {
  switch (kind) {
    case 'number':
      return typeof attribute === 'string' && attribute.trim() !== '' ? Number(attribute) : attribute
    case 'payload':
      return attribute
    case 'text':
      return typeof attribute === 'number' || typeof attribute === 'boolean' ? String(attribute) : attribute
  }
}

function isPresent(field: Leaf | Group, attributes: Attributes): boolean {
  return 'members' in field
    ? field.members.some((member) => isPresent(member, attributes))
    : (attributes[field.key] ?? undefined) !== undefined
}

/** A field that is told about already, by who wrote it, is not told about twice. */
function note(altered: Alteration[], field: string, reason: 'missing' | 'invalid'): void {
  if (!altered.some((known) => known.field === field)) altered.push({ field, reason })
}

function carriedGroup(group: GroupField, prefix: string): Group {
  return { ...group, members: group.members.map((member) => carried(member, prefix + snakeCase(member.name))) }
}

function carried(field: DataField, key: string): Leaf | Group {
  return 'members' in field ? carriedGroup(field, `${key}.`) : { ...field, key }
}

function keysOf(field: Leaf | Group): string[] {
  return 'members' in field ? field.members.flatMap(keysOf) : [field.key]
}
