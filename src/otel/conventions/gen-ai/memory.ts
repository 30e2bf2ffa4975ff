import type { Attributes } from '@opentelemetry/api'
import type { Activity, Fact } from '../contract.js'
import { count, jsonIn, text } from '../shared/attributes.js'

/*
 * Memory (open-telemetry/semantic-conventions-genai #140) and retrieval. Records and queries are never read: the list of
 * records is counted where no number is there.
 */

const LOOKUPS: ReadonlyMap<string, string> = new Map([
  ['retrieval', 'retriever'],
  ['search_memory', 'memory'],
])
const WRITES = new Set(['create_memory', 'update_memory', 'upsert_memory'])
const DELETIONS = new Set(['delete_memory'])

/** A look-up in memory or documents, if the operation is one. */
export function recallActivity(operation: string, attributes: Attributes): Activity | undefined {
  const tier = LOOKUPS.get(operation)
  return tier === undefined ? undefined : { kind: 'recall', tier, namespaceKey: storeOf(attributes) }
}

export function hitsOf(attributes: Attributes): number | undefined {
  // The list of documents may be cut, which a number beside it is not.
  const told = recordsOf(attributes) ?? count(attributes, 'gen_ai.retrieval.document_count')
  return told ?? listLength(attributes['gen_ai.retrieval.documents'])
}

/** Tells what an operation on records did. */
export function memoryFacts(operation: string, attributes: Attributes): readonly Fact[] | undefined {
  const data = { tier: 'memory', namespaceKey: storeOf(attributes), records: recordsOf(attributes) }
  if (WRITES.has(operation)) return [{ type: 'memory_written', data: { ...data, operation } }]
  return DELETIONS.has(operation) ? [{ type: 'memory_deleted', data }] : undefined
}

function recordsOf(attributes: Attributes): number | undefined {
  const records = count(attributes, 'gen_ai.memory.record.count') ?? listLength(attributes['gen_ai.memory.records'])
  return records ?? (text(attributes, 'gen_ai.memory.record.id') === undefined ? undefined : 1)
}

function storeOf(attributes: Attributes): string | undefined {
  return text(attributes, 'gen_ai.data_source.id', 'gen_ai.memory.store.id', 'gen_ai.memory.store.name')
}

function listLength(value: unknown): number | undefined {
  // Attacker-controlled: records of a memory; at most 256 KiB are parsed, and only their number is kept.
  const list = typeof value === 'string' ? jsonIn(value) : value
  return Array.isArray(list) ? list.length : undefined
}
