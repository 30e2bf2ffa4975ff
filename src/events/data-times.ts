import type * as v from 'valibot'
import { catalogue, timestampSchema } from './catalogue.js'
import { parseTimestamp } from './time.js'

/** A place in `data`: its keys, where {@link EACH} stands for every item of a list. */
type Path = readonly (string | typeof EACH)[]
const EACH = Symbol('each item')

/** The parts of a schema that are looked at: which of these it has depends on its kind. */
interface SchemaNode extends v.GenericSchema {
  readonly entries?: Readonly<Record<string, SchemaNode>>
  readonly item?: SchemaNode
  readonly wrapped?: SchemaNode
}

/** Where catalogue types have times in their `data`. */
const timePaths: ReadonlyMap<string, readonly Path[]> = new Map(
  Object.entries(catalogue).map(([type, schema]) => [type, pathsOfTimes(schema as SchemaNode)]),
)

/**
 * Brings the times in the `data` of a catalogue type to the stored form, in place.
 *
 * @param data - valid for the type, and the log's own copy
 */
export function normaliseDataTimes(type: string, data: unknown): void {
  for (const path of timePaths.get(type) ?? []) normaliseAt(data, path)
}

function normaliseAt(value: unknown, [key, ...rest]: Path): void {
  if (key === undefined || typeof value !== 'object' || value === null) return
  const holder = value as Record<string, unknown>
  for (const name of key === EACH ? Object.keys(holder) : [key]) {
    if (rest.length > 0) normaliseAt(holder[name], rest)
    else if (holder[name] !== undefined) holder[name] = parseTimestamp(holder[name])
  }
}

function pathsOfTimes(schema: SchemaNode): Path[] {
  if (schema === timestampSchema) return [[]]
  if (schema.wrapped) return pathsOfTimes(schema.wrapped)
  if (schema.item) return pathsOfTimes(schema.item).map((path) => [EACH, ...path])
  return Object.entries(schema.entries ?? {}).flatMap(([key, entry]) =>
    pathsOfTimes(entry).map((path) => [key, ...path]),
  )
}
