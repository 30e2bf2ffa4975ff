import type { Attributes, AttributeValue } from '@opentelemetry/api'
import { PREFIX } from './names.js'

const MAX_DEPTH = 8

/**
 * Flattens an event's `data` into attributes: fields in snake case, nested ones joined by a dot
 * (`error.code` → `spanledger.error.code`). Lists that OpenTelemetry cannot carry travel as JSON text.
 */
export function attributesFromData(data: Readonly<Record<string, unknown>>): Attributes {
  const attributes: Attributes = {}
  flatten(attributes, PREFIX, data, 0)
  return attributes
}

/** `inputTokens` → `input_tokens`. */
export function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function flatten(into: Attributes, prefix: string, value: object, depth: number): void {
  for (const [field, member] of Object.entries(value)) {
    if (member === undefined || member === null) continue
    const key = prefix + snakeCase(field)
    if (typeof member === 'object' && !Array.isArray(member) && depth < MAX_DEPTH) flatten(into, `${key}.`, member, depth + 1)
    else into[key] = attributeValue(member)
  }
}

function attributeValue(value: unknown): AttributeValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  return JSON.stringify(value) ?? String(value)
}
