import { jsonIn, record } from './attributes.js'

/* Memory that an agent reads through a tool of its own, where the framework has no span for it. */

const LOOKUP =
  /^(?:recall|search|retrieve|query|lookup|load)_(?:\w+_)?memor(?:y|ies)$|^(?:\w+_)?memor(?:y|ies)_(?:recall|search|retrieval|retrieve|query|lookup)$/

/** Tells whether a tool looks something up in memory, by its name: `search_memory`, `recallMemories` … */
export function isMemoryLookup(toolName: string): boolean {
  return LOOKUP.test(toolName.replace(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase())
}

/** Returns the number of records that a tool's result lists; `undefined` where it is not known. */
export function countRecords(result: unknown): number | undefined {
  if (typeof result !== 'string') return undefined
  if (result === '') return 0
  // Attacker-controlled: the result of a tool; at most 256 KiB are parsed, and only the length of a list is kept.
  const parsed = jsonIn(result)
  if (parsed === null) return 0
  if (Array.isArray(parsed)) return parsed.length
  const { results, memories, items, documents, records, matches, outputs } = record(parsed)
  const list = results ?? memories ?? items ?? documents ?? records ?? matches ?? outputs
  return Array.isArray(list) ? list.length : undefined
}
