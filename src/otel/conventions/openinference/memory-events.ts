import type { Attributes } from '@opentelemetry/api'
import type { Fact, TelemetryEvent } from '../contract.js'

/* CrewAI tells of its memory by events on the span of the agent: `long_term_memory.search`. */

const MEMORY_SEARCH = /^\w+_memory\.search$/
/** Results are flattened: `results.0.score` … */
const RESULT = /^results\.(\d+)(?:\.|$)/

export function translateMemoryEvent({ name, attributes }: TelemetryEvent): readonly Fact[] {
  if (!MEMORY_SEARCH.test(name) || attributes.error !== undefined) return []
  return [{ type: 'memory_recall', data: { tier: 'memory', hits: countResults(attributes) } }]
}

function countResults(attributes: Attributes): number {
  if (Array.isArray(attributes.results)) return attributes.results.length
  let results = 0
  for (const key in attributes) results = Math.max(results, Number(RESULT.exec(key)?.[1] ?? -1) + 1)
  return results
}
