import type { Attributes } from '@opentelemetry/api'
import type { Fact, ScopeIds, TelemetryEvent, ToolCallDecision } from '../contract.js'
import { amount, text } from './attributes.js'
import { scopeFromAttributes } from './scope-attributes.js'

/* Reading the events of agents on a command line. Their values are of any size and origin: names are cut. */

const MAX_WORD_LENGTH = 200

/** A name or a word of a list: one line, cut. Exporters write what is absent as the text `null`. */
export function word(attributes: Readonly<Record<string, unknown>>, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = text(attributes, key)
    if (value === undefined || value === 'null' || value === 'undefined') continue
    const [line = ''] = value.slice(0, MAX_WORD_LENGTH).split(/[\r\n]/, 1)
    if (line.trim() !== '') return line
  }
  return undefined
}

/** A yes or no, also as text; `undefined` where it is neither. */
export function flag(attributes: Attributes, ...keys: readonly string[]): boolean | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
  }
  return undefined
}

/** A custom fact with these attributes: names, numbers and words of a list, never content. */
export function customFact(name: string, attributes: Attributes, keys: readonly string[]): Fact {
  const data: Record<string, string | number | boolean> = {}
  for (const key of keys) {
    const value = flag(attributes, key) ?? amount(attributes, key) ?? word(attributes, key)
    if (value !== undefined) data[key.replace(/[._]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  return { type: 'custom', data: { ...data, name } }
}

/** The tenant and user of a record: by its own attributes, else by those of the process that sent it. */
export function scopeOfRecord({ attributes, resource }: TelemetryEvent): ScopeIds {
  const own = scopeFromAttributes(attributes)
  const around = resource ? scopeFromAttributes(resource) : undefined
  return { tenantId: own.tenantId ?? around?.tenantId, userId: own.userId ?? around?.userId }
}

/** A code for an error: its own class, else the status of the response. */
export function errorFrom(
  attributes: Attributes,
  { codes, messages, fallback }: Readonly<Record<'codes' | 'messages', readonly string[]> & { fallback: string }>,
): { readonly code: string; readonly message: string } {
  const status = codes.map((key) => attributes[key]).find((value) => typeof value === 'number')
  const code = word(attributes, ...codes) ?? (status === undefined ? fallback : String(status))
  return { code, message: text(attributes, ...messages) ?? '' }
}

/** A decision by a person, who was asked for it. */
export function asked(verdict: ToolCallDecision['verdict'], by: string): ToolCallDecision {
  return { verdict, asked: true, by }
}

/** The key of a model call in both signals: its id, else its numbers. */
export function callKey(requestId: string | undefined, input: number, output: number): string {
  return requestId ?? `${input}|${output}`
}
