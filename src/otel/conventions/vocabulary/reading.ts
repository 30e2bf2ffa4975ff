import type { Attributes } from '@opentelemetry/api'
import { isAmount, json, record } from '../shared/attributes.js'
import type { AttributeName, VocabularyAttributes } from './vocabulary.js'

/** Reads what a row of the table calls by the name of an attribute. */
export type Reader = (attributes: Attributes) => unknown

/** A reader for every attribute that a row names. */
export type Readers = { readonly [Name in keyof Required<VocabularyAttributes>]: Reader }

/** The names that hold where a row has none. */
const DEFAULTS: VocabularyAttributes = {
  agentName: 'gen_ai.agent.name',
  agentId: 'gen_ai.agent.id',
  toolName: 'gen_ai.tool.name',
  toolType: 'gen_ai.tool.type',
  toolCallId: 'gen_ai.tool.call.id',
  operation: 'gen_ai.operation.name',
  finishReason: 'gen_ai.response.finish_reasons',
  records: 'gen_ai.memory.record.count',
  store: ['gen_ai.data_source.id', 'gen_ai.memory.store.id'],
}

/** Returns the readers of the attributes of a row. */
export function readersOf(attributes: VocabularyAttributes = {}): Readers {
  const names = { ...DEFAULTS, ...attributes }
  const of = (name: keyof VocabularyAttributes) => readerOf(names[name])
  return {
    agentName: of('agentName'),
    agentId: of('agentId'),
    toolName: of('toolName'),
    toolType: of('toolType'),
    toolCallId: of('toolCallId'),
    model: of('model'),
    provider: of('provider'),
    operation: of('operation'),
    tenant: of('tenant'),
    session: of('session'),
    user: of('user'),
    runId: of('runId'),
    errorType: of('errorType'),
    errorMessage: of('errorMessage'),
    finishReason: of('finishReason'),
    responseId: of('responseId'),
    inputTokens: of('inputTokens'),
    outputTokens: of('outputTokens'),
    totalTokens: of('totalTokens'),
    cachedInputTokens: of('cachedInputTokens'),
    cacheCreationInputTokens: of('cacheCreationInputTokens'),
    reasoningTokens: of('reasoningTokens'),
    costUsd: of('costUsd'),
    records: of('records'),
    store: of('store'),
    handoffFrom: of('handoffFrom'),
    handoffTo: of('handoffTo'),
    guardrail: of('guardrail'),
    guardrailAction: of('guardrailAction'),
    guardrailTriggered: of('guardrailTriggered'),
    guardrailPassed: of('guardrailPassed'),
  }
}

/** Returns the reader of an attribute; one that finds nothing where the row names none. */
export function readerOf(name: AttributeName | undefined): Reader {
  const readers = listOf(name).map(readerOfOne)
  if (readers.length === 1) return readers[0] as Reader
  return (attributes) => {
    for (const read of readers) {
      const value = read(attributes)
      if (value !== undefined && value !== null && value !== '') return value
    }
    return undefined
  }
}

export function listOf(name: AttributeName | undefined): readonly string[] {
  return typeof name === 'string' ? [name] : (name ?? [])
}

function readerOfOne(name: string): Reader {
  const [key = name, path] = name.split('#')
  if (path === undefined) return (attributes) => attributes[key]
  if (path === '') return (attributes) => json(attributes, key) ?? attributes[key]
  const members = path.split('.')
  return (attributes) => members.reduce((value: unknown, member) => memberOf(value, member), json(attributes, key))
}

function memberOf(value: unknown, member: string): unknown {
  const object = record(value)
  return Object.hasOwn(object, member) ? object[member] : undefined
}

/** The text of a value; of a list, its first text. */
export function textOf(value: unknown): string | undefined {
  const one: unknown = Array.isArray(value) ? value[0] : value
  if (typeof one === 'string' && one !== '') return one
  return typeof one === 'number' && Number.isFinite(one) ? String(one) : undefined
}

/** A non-negative number, also as numeric text. */
export function amountOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && isAmount(number) ? number : undefined
}

/** A whole count, or the length of a list. */
export function countOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length
  const amount = amountOf(value)
  return amount === undefined ? undefined : Math.round(amount)
}
