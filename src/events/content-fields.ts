import * as v from 'valibot'
import { catalogue } from './catalogue.js'
import type { ContentClass } from './types.js'

/** A field of `data` that holds content. */
export interface ContentField {
  /** Dotted path in the event, such as `data.error.message`. */
  readonly field: string
  /** The same in `data`, taken apart. */
  readonly path: readonly string[]
  readonly class: ContentClass
}

/** The members of a schema that are read here. An object has `entries`, an optional field has `wrapped`. */
interface SchemaNode extends v.GenericSchema {
  readonly entries?: Readonly<Record<string, SchemaNode>>
  readonly wrapped?: SchemaNode
}

/** The content of events, by catalogue type. A type without any is not in it. */
export const contentFields: ReadonlyMap<string, readonly ContentField[]> = new Map(
  Object.entries<SchemaNode>(catalogue)
    .map(([type, schema]) => [type, [...fieldsIn(schema, [])]] as const)
    .filter(([, fields]) => fields.length > 0),
)

function* fieldsIn(schema: SchemaNode, path: readonly string[]): Generator<ContentField> {
  if (schema.wrapped) yield* fieldsIn(schema.wrapped, path)
  for (const [name, member] of Object.entries(schema.entries ?? {})) yield* fieldsIn(member, [...path, name])
  const { content } = v.getMetadata(schema) as { readonly content?: ContentClass }
  if (content) yield { field: ['data', ...path].join('.'), path, class: content }
}
