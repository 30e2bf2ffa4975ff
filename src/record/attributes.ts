import type { Attributes, AttributeValue } from '@opentelemetry/api'
import type { Alteration } from '../events/types.js'
import { BoundedCopy } from './bounded.js'
import { markedValue } from './content-mark.js'
import { ALTERED, DATA, PREFIX } from './names.js'

/** UTF-16 code units of data that travels as JSON: as much as an entry of the log could hold. */
const MAX_JSON_LENGTH = 65_536

/**
 * Flattens an event's `data` into attributes: fields in snake case, nested ones joined by a dot
 * (`error.code` → `spanledger.error.code`). Lists that OpenTelemetry cannot carry travel as JSON text. Never throws.
 */
export function attributesFromData(data: unknown, into: Attributes = {}): Attributes {
  // Texts are passed on, not copied, so their length costs nothing here; the log cuts them and keeps ids apart.
  const copy = new BoundedCopy(Number.POSITIVE_INFINITY)
  const plain = copy.of(data)
  if (typeof plain === 'object' && plain !== null) flatten(into, PREFIX, plain)
  return addAltered(into, copy.altered)
}

/** An event's `data` as one JSON text, which keeps the names of its fields as they are. Never throws. */
export function jsonAttributes(data: unknown, into: Attributes = {}): Attributes {
  const copy = new BoundedCopy(MAX_JSON_LENGTH, markedValue)
  const plain = copy.of(data)
  if (plain !== undefined) into[DATA] = JSON.stringify(plain)
  return addAltered(into, copy.altered)
}

/** `inputTokens` → `input_tokens`. */
export function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Attribute keys by prefix and field, since making one costs more than finding it. */
const keys = new Map<string, Map<string, string>>()
/** There are few, unless somebody makes them up. */
const MAX_KEYS = 1024
let keyCount = 0

function keyOf(prefix: string, field: string): string {
  const known = keys.get(prefix)?.get(field)
  if (known !== undefined) return known
  const key = prefix + snakeCase(field)
  if (keyCount < MAX_KEYS) {
    keyCount++
    keys.set(prefix, (keys.get(prefix) ?? new Map<string, string>()).set(field, key))
  }
  return key
}

function flatten(into: Attributes, prefix: string, value: object): void {
  for (const field of Object.keys(value)) {
    const member = (value as Record<string, AttributeValue | object | null>)[field]
    if (member === null || member === undefined) continue
    const key = keyOf(prefix, field)
    if (PAYLOADS.has(key)) into[key] = payloadValue(member)
    else if (typeof member === 'object' && !Array.isArray(member)) flatten(into, `${key}.`, member)
    else into[key] = attributeValue(member as AttributeValue)
  }
}

/** Attributes of values that agents work with: each is one attribute, however it is put together. */
const PAYLOADS: ReadonlySet<string> = new Set(
  ['arguments', 'result', 'prompt', 'completion'].map((field) => PREFIX + field),
)

function payloadValue(value: AttributeValue | object): AttributeValue {
  return typeof value === 'object' ? JSON.stringify(value) : value
}

/** @param value - text, number, boolean or a list of JSON values */
function attributeValue(value: AttributeValue): AttributeValue {
  if (!Array.isArray(value) || value.every((item) => typeof item === 'string')) return value
  return JSON.stringify(value)
}

function addAltered(attributes: Attributes, altered: readonly Alteration[]): Attributes {
  if (altered.length > 0) attributes[ALTERED] = JSON.stringify(altered)
  return attributes
}
