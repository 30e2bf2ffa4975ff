import type { ParsedEventQuery } from './parse-query.js'
import { type EventFilter, Plan } from './plan.js'

/** Returns the plan of a query for events. */
export function planOf(query: ParsedEventQuery): Plan {
  return new Plan(filterOf(query))
}

/** Returns what a query for events lets through. */
export function filterOf(query: ParsedEventQuery): EventFilter {
  const { type, order } = query
  return { ...query, ...(type && { types: type }), reverse: order === 'desc' }
}
