/*
 * OpenTelemetry's AnyValue in OTLP's JSON encoding: integers are text, since an int64 is no JSON number.
 */

/** A value in OTLP/JSON. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  /** Nothing: JSON's null. */
  | { readonly [key in never]: never }

/** An attribute in OTLP/JSON. */
export interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

/** A JSON value. It is no deeper than an entry's data, which is bounded. */
export function anyValue(value: unknown): AnyValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value }
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
    case 'object':
      if (value === null) return {}
      if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
      return { kvlistValue: { values: keyValues(value) } }
    default:
      return {}
  }
}

/** The members of an object that have a value. */
export function keyValues(members: object): KeyValue[] {
  const list: KeyValue[] = []
  for (const [key, value] of Object.entries(members)) {
    if (value !== undefined) list.push({ key, value: anyValue(value) })
  }
  return list
}
